// RootCheck: whether an error of one object is the trouble of all of them. Refused credentials and
// a silent service concern the whole pass only if the roots of both sides are out of reach too.
#pragma once

#include <optional>

#include "core/mutex.h"
#include "sync/call_policy.h"
#include "sync/side.h"

namespace skybridge {

// Safe from many threads.
class RootCheck {
 public:
  RootCheck(const SyncSide& source, const SyncSide& destination, const CallPolicy& policy)
      : source_(source), destination_(destination), policy_(policy) {}

  // The error with which the pass is to end; nothing if it may go on without the object that met
  // `error`. Asks at most once a second.
  std::optional<Error> EndOfPass(const Error& error);

 private:
  std::optional<Error> LookAtRoot(const SyncSide& side) const;

  const SyncSide& source_;
  const SyncSide& destination_;
  const CallPolicy& policy_;
  Mutex mutex_;  // held while the roots are asked: others wait for the same answer
  std::optional<MonotonicTime> answered_ GUARDED_BY(mutex_);
};

}  // namespace skybridge
