// UploadListStore: keeps the list of a store's uploads (UploadList) as they begin and end.
#pragma once

#include <atomic>

#include "backends/forwarding_store.h"
#include "backends/upload_list.h"
#include "core/log.h"

namespace skybridge {

// Lies above what repeats calls. An upload that cannot be written down goes on without: a disk that
// is full here must stop no copy. It is said once.
class UploadListStore final : public ForwardingStore {
 public:
  // Both outlive it.
  UploadListStore(ObjectStore& store, UploadList& list) : ForwardingStore(store), list_(list) {}

  Result<UploadId> StartUpload(const StartUploadRequest& request,
                               const CallContext& context) override {
    Result<UploadId> upload = store_.StartUpload(request, context);
    if (!upload) return upload;
    const Status listed = list_.Add(*upload, request.key);
    if (!listed && !warned_.exchange(true)) {
      Log(LogLevel::kWarning,
          "uploads cannot be written down here ({}): what a crash leaves of them is not freed by "
          "the next start",
          listed.error().ToString());
    }
    return upload;
  }
  Result<ObjectInfo> CommitUpload(const CommitUploadRequest& request,
                                  const CallContext& context) override {
    Result<ObjectInfo> committed = store_.CommitUpload(request, context);
    if (committed) list_.Remove(request.upload);
    return committed;
  }
  Status AbortUpload(const AbortUploadRequest& request, const CallContext& context) override {
    Status aborted = store_.AbortUpload(request, context);
    if (aborted) list_.Remove(request.upload);
    return aborted;
  }

 private:
  UploadList& list_;
  std::atomic<bool> warned_{false};
};

}  // namespace skybridge
