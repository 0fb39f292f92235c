// RetryingStore: repeats the calls of a store that failed for a passing reason. You need it around
// every remote store; nothing below it retries, nothing above it has to.
//
// A call is repeated only if its error says `retryable`, after an exponential delay with jitter or
// the longer wish of the server (Error::retry_after). It gives up with the last error after
// max_attempts, or as soon as the next try could not start before context.deadline. When the
// endpoint has answered nobody for `unreachable_after`, calls fail with kUnreachable at their first
// try until it answers again. After an attempt of unknown outcome (kUnavailable, kTimedOut,
// Error::may_have_acted) the next ones carry context.retried, by which the store tells its own
// earlier success from somebody else's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "backends/endpoint_state.h"
#include "backends/object_store.h"
#include "core/clock.h"

namespace skybridge {

struct RetryPolicy {
  int max_attempts = 10;
  std::chrono::milliseconds first_delay{500};
  std::chrono::milliseconds max_delay{30'000};
  double delay_factor = 2.0;
  // Each delay is multiplied by a random number of this range.
  double jitter_low = 0.8;
  double jitter_high = 1.2;
  // Callers that waited for the same pause start again spread over this time.
  std::chrono::milliseconds resume_spread{250};
  // How long an endpoint may be silent before calls are no longer repeated.
  std::chrono::milliseconds unreachable_after{20'000};
  // One attempt that hangs does not use up the call's whole time: it has this long, and longer for
  // its payload at this rate. Calls that may take long on the server (commit, directory rename,
  // rewriting attributes, mass deletion) have only the call's deadline and the transport's own
  // time-outs.
  std::chrono::milliseconds attempt_timeout{60'000};
  std::uint64_t slowest_bytes_per_second = 256 << 10;
};

struct RetryCounts {
  std::uint64_t attempts = 0;
  std::uint64_t retries = 0;    // attempts after the first of a call
  std::uint64_t throttled = 0;  // attempts answered "slow down"
  std::uint64_t given_up = 0;   // calls that ended with a retryable error all the same
};

class RetryingStore final : public ObjectStore {
 public:
  // All three outlive the store.
  RetryingStore(ObjectStore& store, EndpointState& endpoint, Clock& clock, RetryPolicy policy = {});

  RetryCounts counts() const;

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
  // Repeats only those deletions that failed for a passing reason.
  std::vector<Status> DeleteMany(std::span<const DeleteRequest> requests,
                                 const CallContext& context) override;

 private:
  class Attempts;
  static constexpr std::chrono::milliseconds kUnlimited = std::chrono::milliseconds::max();

  std::chrono::milliseconds TimeFor(std::uint64_t payload_bytes) const;
  template <class Call>
  auto Retry(const CallContext& context, std::chrono::milliseconds attempt_time, Call call)
      -> decltype(call(context));

  ObjectStore& store_;
  EndpointState& endpoint_;
  Clock& clock_;
  const RetryPolicy policy_;
  std::atomic<std::uint64_t> attempts_ = 0;
  std::atomic<std::uint64_t> retries_ = 0;
  std::atomic<std::uint64_t> throttled_ = 0;
  std::atomic<std::uint64_t> given_up_ = 0;
};

}  // namespace skybridge
