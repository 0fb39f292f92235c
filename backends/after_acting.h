// What a store owes a call that is repeated: to say that an earlier attempt has changed something,
// and to leave open what it could not find out.
#pragma once

#include <utility>

#include "core/result.h"

namespace skybridge {

// For the rest of a call that has changed something already: its failure says so, so that the next
// attempt (CallContext::retried) looks for what this one has done.
template <class T>
Result<T> AfterActing(Result<T> rest) {
  if (!rest) rest.error().may_have_acted = true;
  return rest;
}

// Whether a look for the work of an earlier attempt failed for a passing reason. Then nothing is
// known, and nothing may be concluded: the call ends with that error and is repeated.
template <class T>
bool IsOpen(const Result<T>& look) {
  return !look && look.error().retryable;
}

}  // namespace skybridge
