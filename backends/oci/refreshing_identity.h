// RefreshingIdentity: keeps an identity that expires fresh, once for all threads. An IdentitySource
// knows how to get one.
#pragma once

#include <chrono>
#include <memory>

#include "backends/fresh_value.h"
#include "backends/oci/identity.h"

namespace skybridge::oci {

// Used by one thread at a time, except for HasChanged.
class IdentitySource {
 public:
  virtual ~IdentitySource() = default;
  // A new identity: another token, and the key that is bound to it.
  virtual Result<Identity> Fetch(const CallContext& context) = 0;
  // Somebody else has replaced what the last Fetch gave (a file was written). Safe from many
  // threads; cheap.
  virtual bool HasChanged() const { return false; }
};

// Snapshots of one identity for all threads, renewed kAhead of its end, or at half of a shorter
// life.
class RefreshingIdentity final : public IdentityProvider {
 public:
  static constexpr std::chrono::minutes kAhead{5};

  // `clock` must outlive it.
  RefreshingIdentity(std::unique_ptr<IdentitySource> source, const Clock& clock)
      : clock_(clock),
        source_(std::move(source)),
        identity_(
            "oci", [this](const CallContext& context) { return Fetch(context); }, clock) {}

  Result<std::shared_ptr<const Identity>> Current(const CallContext& context) override;
  // Drops `refused`, unless a newer one is there already.
  bool Renew(const Identity& refused) override;

 private:
  using Snapshot = std::shared_ptr<const Identity>;

  Result<Expiring<Snapshot>> Fetch(const CallContext& context);

  const Clock& clock_;
  const std::unique_ptr<IdentitySource> source_;
  FreshValue<Snapshot> identity_;
};

}  // namespace skybridge::oci
