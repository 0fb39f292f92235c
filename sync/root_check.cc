#include "sync/root_check.h"

#include <chrono>

namespace skybridge {
namespace {

constexpr std::chrono::seconds kBelievedFor{1};
constexpr std::chrono::seconds kTimeout{30};

bool MayConcernAll(ErrorCode code) {
  return code == ErrorCode::kUnreachable || code == ErrorCode::kUnauthenticated ||
         code == ErrorCode::kPermissionDenied;
}

}  // namespace

std::optional<Error> RootCheck::EndOfPass(const Error& error) {
  // These two are never of one object.
  if (error.code == ErrorCode::kContainerNotFound || error.code == ErrorCode::kNoSpace)
    return error;
  if (!MayConcernAll(error.code)) return std::nullopt;
  MutexLock lock(mutex_);
  const MonotonicTime now = policy_.clock.Now();
  if (answered_ && now - *answered_ < kBelievedFor) return std::nullopt;
  for (const SyncSide* side : {&source_, &destination_}) {
    if (auto trouble = LookAtRoot(*side)) return trouble;
  }
  answered_ = policy_.clock.Now();
  return std::nullopt;
}

// The pass has listed both roots before: what could be listed then must still be.
std::optional<Error> RootCheck::LookAtRoot(const SyncSide& side) const {
  const CallContext context{.deadline = policy_.clock.Now() + kTimeout, .stop = policy_.stop};
  const auto page = side.store.List({.directory = side.root, .max_entries = 1}, context);
  if (page || !MayConcernAll(page.error().code)) return std::nullopt;
  return page.error();
}

}  // namespace skybridge
