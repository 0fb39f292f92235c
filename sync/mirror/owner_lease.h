// OwnerLease: the one mirror that may write to a destination. You need it before the first change
// there, and as long as changes are made.
//
// The lease is an object `.skybridge/mirror.lease` at the root of the destination: JSON that names
// the owner, what it copies, and for how long the lease holds. It is made with If-None-Match and
// renewed with If-Match, so two machines never both hold it. Its age is counted by the store's own
// clock (Last-Modified against Date), never by this machine's.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "backends/object_store.h"
#include "core/clock.h"
#include "core/result.h"
#include "sync/mirror_names.h"

namespace skybridge {

struct LeaseOwner {
  std::string mirror;   // its name in the configuration
  std::string machine;  // a stable id of this machine (machine-id)
  std::string host;     // its name, for people
  std::string state;    // the state directory: two mirrors of one machine are two owners
  // The places as URIs, for people and to find a cycle.
  std::string from;
  std::string to;
};

struct LeaseRequest {
  ObjectStore& destination;
  ObjectKey root;  // the destination's, in its store
  LeaseOwner owner;
  Clock& clock;
  // Without a renewal for so long the lease is free. Renewed three times as often.
  std::chrono::seconds holds_for{90};
};

// A thread of its own renews the lease until it is destroyed.
class OwnerLease {
 public:
  // Takes a lease that is free, that has expired, or that is this owner's own (a process that was
  // killed; the caller holds the lock of the state directory, so that process is gone). Errors:
  // kLocked, naming the holder; those of the store.
  static Result<std::unique_ptr<OwnerLease>> Take(const LeaseRequest& request,
                                                  const CallContext& context);
  // Gives the lease back: another machine need not wait until it expires.
  virtual ~OwnerLease() = default;

  // Requested when the lease is lost: somebody else has it, or it could not be renewed in time.
  // Whoever writes to the destination stops at once.
  virtual std::stop_token lost() const = 0;
  // Why it was lost; success as long as it is held.
  virtual Status state() const = 0;
};

// Refuses a cycle: an owner that now holds a lease on our source and copies from our destination.
// Errors: kConflict, naming it; those of the store.
Status CheckNoCycle(ObjectStore& source, const ObjectKey& root, const LeaseOwner& owner,
                    const CallContext& context);

}  // namespace skybridge
