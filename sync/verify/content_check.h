// ContentCheck: whether two objects of equal size hold the same bytes, with as little reading as a
// proof needs.
#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <string>

#include "backends/object_store.h"
#include "sync/byte_budget.h"
#include "sync/call_policy.h"
#include "sync/side.h"
#include "sync/work_pool.h"

namespace skybridge {

enum class ContentVerdict {
  kEqualByDigest,   // both stores report a digest of one kind
  kEqualByReading,  // read here: both sides, or one side against the other's digest
  kDifferent,       // also when both sides agree, but not with a digest that one of them reports
};

struct ContentFinding {
  ContentVerdict verdict = ContentVerdict::kDifferent;
  std::string detail = {};  // of a difference: the digests, and whence they are
};

// Safe from many threads.
class ContentCheck {
 public:
  // All must outlive it. `ranges` runs the reads of large objects.
  ContentCheck(const SyncSide& source, const SyncSide& destination, WorkPool& ranges,
               ByteBudget& budget, const CallPolicy& policy, bool always_read);

  // The infos have keys relative to their sides' roots, known attributes and equal sizes. Digests
  // that a listing did not tell are asked for. Errors: kPreconditionFailed (an object changed while
  // it was read); those of the stores.
  Result<ContentFinding> Compare(ObjectInfo source, ObjectInfo destination);

  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  Status AskForDigests(ObjectInfo& info, const SyncSide& side) const;
  Result<ContentFinding> ReadBoth(const ObjectInfo& source, const ObjectInfo& destination);
  // Reads the side that reports no digest of the kind that the other one does.
  Result<ContentFinding> ReadOne(const ObjectInfo& source, const ObjectInfo& destination);
  Result<std::uint32_t> ReadCrc32c(const ObjectInfo& info, const SyncSide& side);
  Result<Md5Digest> ReadMd5(const ObjectInfo& info, const SyncSide& side);
  Status Read(const ObjectInfo& info, const SyncSide& side, ByteRange range,
              std::span<std::byte> into);
  // Calls `work(index, range)` for each range of the object on the pool; the first error ends it.
  Status ForEachRange(std::uint64_t size_bytes,
                      const std::function<Status(std::size_t, ByteRange)>& work);

  const SyncSide& source_;
  const SyncSide& destination_;
  WorkPool& ranges_;
  ByteBudget& budget_;
  const CallPolicy& policy_;
  const bool always_read_;
  std::atomic<std::uint64_t> bytes_read_{0};
};

}  // namespace skybridge
