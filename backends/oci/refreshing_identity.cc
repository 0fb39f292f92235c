#include "backends/oci/refreshing_identity.h"

#include <algorithm>
#include <utility>

namespace skybridge::oci {

Result<std::shared_ptr<const Identity>> RefreshingIdentity::Current(const CallContext& context) {
  return identity_.Current(context, source_->HasChanged());
}

Result<Expiring<RefreshingIdentity::Snapshot>> RefreshingIdentity::Fetch(
    const CallContext& context) {
  Identity identity = TRY(source_->Fetch(context));
  const MonotonicTime now = clock_.Now();
  const auto expires = identity.expires;
  Expiring<Snapshot> fresh{std::make_shared<const Identity>(std::move(identity)),
                           MonotonicTime::max(), MonotonicTime::max()};
  if (!expires) return fresh;
  // A token that is over when it comes is one of a wrong clock: it is used, and its service judges
  // it.
  const auto life = std::max<std::chrono::nanoseconds>(*expires - clock_.WallNow(), kRefreshPause);
  fresh.expires = now + life;
  fresh.refresh_at = fresh.expires - std::min<std::chrono::nanoseconds>(kAhead, life / 2);
  return fresh;
}

bool RefreshingIdentity::Renew(const Identity& refused) {
  identity_.DropIf([&](const Snapshot& kept) { return kept->key_id == refused.key_id; });
  return true;
}

}  // namespace skybridge::oci
