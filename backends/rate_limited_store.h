// RateLimitedStore: keeps a store's calls below a number in flight and a number a second. You need
// it below the RetryingStore, so that every attempt counts, where a service or an administrator
// sets such a limit.
#pragma once

#include <cstdint>

#include "backends/object_store.h"
#include "core/clock.h"
#include "core/mutex.h"

namespace skybridge {

struct RateLimits {
  std::uint32_t max_in_flight = 256;
  double calls_per_second = 0;  // 0: no limit
  std::uint32_t burst = 32;     // calls that may start at once after a quiet time
};

// Beyond a limit a call waits its turn: until its deadline (kTimedOut, not carried out) or its stop
// (kCancelled).
class RateLimitedStore final : public ObjectStore {
 public:
  // Both outlive the store.
  RateLimitedStore(ObjectStore& store, Clock& clock, RateLimits limits);

  std::uint32_t in_flight() const;

  const Capabilities& capabilities() const override { return store_.capabilities(); }
  Result<ProbeReply> Probe(const CallContext& context) override;
  Result<ListPage> List(const ListRequest& request, const CallContext& context) override;
  Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) override;
  Result<ObjectInfo> HeadDirectory(const ObjectKey& key, const CallContext& context) override;
  Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                       const CallContext& context) override;
  Result<ObjectInfo> Put(const PutRequest& request, const CallContext& context) override;
  Result<UploadId> StartUpload(const StartUploadRequest& request,
                               const CallContext& context) override;
  Result<PartReceipt> UploadPart(const UploadPartRequest& request,
                                 const CallContext& context) override;
  Result<ObjectInfo> CommitUpload(const CommitUploadRequest& request,
                                  const CallContext& context) override;
  Status AbortUpload(const AbortUploadRequest& request, const CallContext& context) override;
  Result<ObjectInfo> SetAttributes(const SetAttributesRequest& request,
                                   const CallContext& context) override;
  Result<ObjectInfo> MakeDirectory(const MakeDirectoryRequest& request,
                                   const CallContext& context) override;
  Status RemoveDirectory(const ObjectKey& key, const CallContext& context) override;
  Result<ObjectInfo> Rename(const RenameRequest& request, const CallContext& context) override;
  Status Delete(const DeleteRequest& request, const CallContext& context) override;
  std::vector<Status> DeleteMany(std::span<const DeleteRequest> requests,
                                 const CallContext& context) override;

 private:
  class Turn;  // one call in flight

  Status Enter(const CallContext& context);
  void Leave();
  Status WaitForStart(const CallContext& context);

  ObjectStore& store_;
  Clock& clock_;
  const RateLimits limits_;

  mutable Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::uint32_t in_flight_ GUARDED_BY(mutex_) = 0;
  // When the calls so far would be used up at the even rate (generic cell rate algorithm).
  MonotonicTime used_up_at_ GUARDED_BY(mutex_) = MonotonicTime::min();
};

}  // namespace skybridge
