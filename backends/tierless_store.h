// TierlessStore: a store that does not tell storage tiers. You need it as the source of a copy that
// shall have the destination's default tier.
#pragma once

#include "backends/forwarding_store.h"

namespace skybridge {

class TierlessStore final : public ForwardingStore {
 public:
  explicit TierlessStore(ObjectStore& store) : ForwardingStore(store) {}

  Result<ListPage> List(const ListRequest& request, const CallContext& context) override {
    ListPage page = TRY(ForwardingStore::List(request, context));
    for (ObjectInfo& info : page.entries) RemoveTier(info);
    return page;
  }
  Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) override {
    ObjectInfo info = TRY(ForwardingStore::Head(key, context));
    RemoveTier(info);
    return info;
  }

 private:
  static void RemoveTier(ObjectInfo& info) {
    if (info.attributes) info.attributes->tier.clear();
  }
};

}  // namespace skybridge
