#include "backends/oci/delegation.h"

#include <algorithm>
#include <utility>

#include "backends/oci/token_exchange.h"
#include "backends/oci/watched_file.h"
#include "core/mutex.h"

namespace skybridge::oci {
namespace {

class DelegatedIdentity final : public IdentityProvider {
 public:
  DelegatedIdentity(std::unique_ptr<IdentityProvider> base, std::string token_file)
      : base_(std::move(base)), file_(std::move(token_file)) {}

  Result<std::shared_ptr<const Identity>> Current(const CallContext& context) override {
    const auto base = TRY(base_->Current(context));
    const bool changed = file_.HasChanged();
    MutexLock lock(mutex_);
    if (joined_ != nullptr && from_ == base && !changed) return joined_;
    const auto written = file_.LastWritten();
    std::string token = TRY(ReadTokenFile(file_.path(), "delegation token"));
    // A header has one line.
    std::erase_if(token, [](char c) { return c == '\r' || c == '\n'; });
    file_.NoteRead(written);
    Identity joined = *base;
    joined.delegation_token = std::move(token);
    joined_ = std::make_shared<const Identity>(std::move(joined));
    from_ = base;
    return joined_;
  }

  bool Renew(const Identity& refused) override {
    const bool base_may_help = base_->Renew(refused);
    return file_.HasChanged() || base_may_help;
  }

 private:
  const std::unique_ptr<IdentityProvider> base_;
  WatchedFile file_;
  Mutex mutex_;
  std::shared_ptr<const Identity> from_ GUARDED_BY(mutex_);
  std::shared_ptr<const Identity> joined_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<IdentityProvider> MakeDelegatedIdentity(std::unique_ptr<IdentityProvider> base,
                                                        std::string token_file) {
  return std::make_unique<DelegatedIdentity>(std::move(base), std::move(token_file));
}

}  // namespace skybridge::oci
