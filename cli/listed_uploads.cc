#include "cli/listed_uploads.h"

#include <unistd.h>

#include <utility>

#include <fmt/format.h>

#include "backends/upload_list_store.h"
#include "core/digest.h"
#include "core/encoding.h"
#include "core/log.h"

namespace skybridge::cli {
namespace {

class ListedStore final : public OpenStore {
 public:
  ListedStore(std::unique_ptr<OpenStore> opened, std::string directory)
      : opened_(std::move(opened)), list_(std::move(directory)), store_(opened_->store(), list_) {}

  void Sweep(const std::string& label, const CommandContext& context) {
    const auto swept = list_.Sweep([&](const AbortUploadRequest& request) {
      return opened_->store().AbortUpload(request, context.Within(kCallTimeout));
    });
    if (swept.freed > 0)
      Log(LogLevel::kInfo, "{}: {} uploads of a process that was killed are freed", label,
          swept.freed);
    if (swept.failed > 0)
      Log(LogLevel::kWarning,
          "{}: {} uploads of a process that was killed could not be freed; the next start tries "
          "again",
          label, swept.failed);
  }

  ObjectStore& store() override { return store_; }
  std::string Identity() const override { return opened_->Identity(); }
  std::string Warning() const override { return opened_->Warning(); }

 private:
  const std::unique_ptr<OpenStore> opened_;
  UploadList list_;
  UploadListStore store_;
};

}  // namespace

std::string StateDirectory(const Environment& environment) {
  if (const auto from_systemd = environment.Get("STATE_DIRECTORY")) return *from_systemd;
  if (const auto state = environment.Get("XDG_STATE_HOME")) return *state + "/skybridge";
  if (geteuid() == 0) return "/var/lib/skybridge";
  if (const auto home = environment.Get("HOME")) return *home + "/.local/state/skybridge";
  return {};
}

std::unique_ptr<OpenStore> ListUploads(std::unique_ptr<OpenStore> opened,
                                       const RemoteConfig& remote, const std::string& directory,
                                       const CommandContext& context) {
  if (directory.empty()) return opened;
  const Sha256Digest digest = Sha256(AsBytes(ToString(remote.uri)));
  const std::string place =
      fmt::format("{}/uploads/{}", directory, HexEncode(std::span(digest).first(8)));
  auto listed = std::make_unique<ListedStore>(std::move(opened), place);
  listed->Sweep(remote.name.empty() ? remote.Label() : remote.name, context);
  return listed;
}

}  // namespace skybridge::cli
