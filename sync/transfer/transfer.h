// Copies one object from one store to another, without a file in between: proved part by part and
// as a whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "backends/object_store.h"
#include "sync/byte_budget.h"
#include "sync/call_policy.h"
#include "sync/work_pool.h"

namespace skybridge {

struct TransferLimits {
  std::uint64_t whole_bytes = std::uint64_t{8} << 20;  // up to here one Get and one Put
  std::uint64_t part_bytes = std::uint64_t{8}
                             << 20;  // above; grows where the store allows too few parts
  int max_restarts = 3;              // when the source changes while it is copied, or comes damaged
};

// The size of the parts of an object: `preferred`, or as much larger (in MiB) as the destination's
// limits ask for. 0: no allowed size reaches.
std::uint64_t PartBytes(std::uint64_t size_bytes, std::uint64_t preferred,
                        const Capabilities& destination);

struct TransferRequest {
  ObjectKey source;
  ObjectKey destination;
  ObjectInfo info;        // of the source; attributes known
  Conditions conditions;  // of the destination: nobody is overwritten unseen
};

// Safe from many threads: one Transfer serves all copies of a pass.
class Transfer {
 public:
  // All must outlive it. `parts` runs the parts of large objects; nothing else may wait in it for
  // memory of `budget`.
  Transfer(ObjectStore& source, ObjectStore& destination, WorkPool& parts, ByteBudget& budget,
           TransferLimits limits, const CallPolicy& policy);

  // Source and destination agree in bytes and attributes when this succeeds; otherwise nothing of
  // it is visible, and an upload that was begun is freed. The source is read under If-Match: when
  // it changes midway, the copy starts again; so it does when what came has not the digest that the
  // source reports. A source without a digest that parts can be held against is read in ranges that
  // the store proves by themselves, where it can. Errors: the stores'; kPreconditionFailed or
  // kAlreadyExists (the destination changed meanwhile); kConflict (the source changes faster than
  // it can be copied); kCorrupt (a digest does not agree).
  Result<ObjectInfo> Copy(const TransferRequest& request);

  // Bytes that have arrived at the destination, for progress.
  std::uint64_t bytes_copied() const { return bytes_copied_; }

 private:
  class PartedCopy;

  // Why a copy that failed is worth another try from the beginning.
  enum class Again { kNo, kSourceChanged, kReadDamaged };

  Result<GetReply> ReadRange(const TransferRequest& request, ByteRange range,
                             std::span<std::byte> into, Again& again);
  Result<GetReply> ReadOnce(const TransferRequest& request, ByteRange range,
                            std::span<std::byte> into, Again& again);
  Result<ObjectInfo> CopyOnce(const TransferRequest& request, Again& again);
  Result<ObjectInfo> CopyWhole(const TransferRequest& request, Again& again);

  ObjectStore& source_;
  ObjectStore& destination_;
  WorkPool& parts_;
  ByteBudget& budget_;
  const TransferLimits limits_;
  const CallPolicy& policy_;
  std::atomic<std::uint64_t> bytes_copied_{0};
};

}  // namespace skybridge
