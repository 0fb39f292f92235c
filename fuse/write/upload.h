// Upload: one upload in parts of one file's content. Parts are sent while the file is still being
// written; a part that changed after it was sent is sent again; Commit makes the whole visible.
//
// Each part has a generation, which grows with every change to its bytes. A part is good when it was
// sent with the generation and the length that it has now. Its bytes are copied into a buffer, and
// no lock is held while the buffer is sent.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "backends/object_store.h"
#include "core/byte_range.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"
#include "fuse/write/file_content.h"
#include "fuse/write/part_buffers.h"
#include "fuse/write/part_layout.h"
#include "fuse/write/task_crew.h"

namespace skybridge::fuse {

// What all uploads of a write path share.
struct UploadCrew {
  ObjectStore& store;
  Clock& clock;
  PartBuffers& buffers;
  TaskCrew& tasks;
  PartLayout layout;
  std::chrono::milliseconds request_timeout;
  std::function<void()> on_part_sent;  // its bytes may leave staging now
};

struct UploadPlan {
  ObjectKey key;
  Attributes attributes;  // as known now
  Conditions conditions;
  std::optional<AppendBase> append_to;  // the parts follow these bytes
};

// Safe from many threads. Shared by its file and by its tasks.
class Upload : public std::enable_shared_from_this<Upload> {
 public:
  Upload(UploadCrew& crew, std::shared_ptr<FileContent> content, UploadPlan plan)
      : crew_(crew), content_(std::move(content)), plan_(std::move(plan)) {}

  const ObjectKey& key() const { return plan_.key; }
  // Those that it was started with, or will be.
  const Attributes& attributes() const { return plan_.attributes; }
  // Where its first part begins in the file.
  std::uint64_t origin_bytes() const { return plan_.append_to ? plan_.append_to->size_bytes : 0; }

  // The bytes of a range are about to change, or have changed. The caller calls it before and after
  // each change: a part that was copied in between is then not good.
  void Touch(ByteRange range);
  // The file ends here now.
  void CutTo(std::uint64_t size_bytes);
  // Starts sending the parts that a write up to `range` has completed and that were never sent.
  void SendCompleted(ByteRange range);
  // Sends the parts that are not good and waits for them. Returns the receipts of all parts.
  Result<std::vector<PartReceipt>> SendAll(std::uint64_t size_bytes, const CallContext& context);
  Result<ObjectInfo> Commit(const std::vector<PartReceipt>& parts, const Attributes& attributes,
                            const Conditions& conditions, const CallContext& context);
  // Ends the upload: stops what is being sent, and aborts it in the store in the background.
  void Abandon();
  // As Abandon, unless bytes have left staging: only this upload has them then. It goes on, and the
  // result is false.
  bool AbandonUnlessNeeded();

  // The object is published: from now on MakeRoom does nothing.
  void Retire();
  // Frees the staged bytes of good parts, in the order of their numbers, until `wanted_bytes` are
  // free. Returns how many were freed.
  std::uint64_t MakeRoom(std::uint64_t wanted_bytes);
  // The part that the end of the file cuts, if it ends at `offset_bytes`; empty if that lies between
  // two parts.
  ByteRange PartCutAt(std::uint64_t offset_bytes) const;

 private:
  struct Part {
    std::uint64_t generation = 1;
    std::uint64_t sent_generation = 0;
    bool sending = false;
    PartReceipt receipt;  // of what was sent
  };

  ByteRange RangeOf(std::uint32_t part_number) const;
  std::uint32_t PartAt(std::uint64_t offset_bytes) const {
    return crew_.layout.PartAt(offset_bytes - origin_bytes());
  }
  bool IsGood(const Part& part, std::uint64_t length_bytes) const REQUIRES(mutex_);
  void StartSending(std::uint32_t number, ByteRange range) REQUIRES(mutex_);
  void SendPart(std::uint32_t number, ByteRange range);
  Result<PartReceipt> CopyAndSend(std::uint32_t number, ByteRange range, std::uint64_t& generation);
  Result<UploadId> EnsureStarted(const CallContext& context);
  // Starts to send the parts that are not good. True if others were being sent already.
  bool StartAll(std::uint64_t size_bytes);
  void AbortInBackground();
  Status WaitForParts(std::uint32_t last_part, const CallContext& context);
  Result<std::vector<PartReceipt>> Receipts(std::uint64_t size_bytes);

  UploadCrew& crew_;
  const std::shared_ptr<FileContent> content_;
  const UploadPlan plan_;
  std::stop_source stop_;

  mutable Mutex mutex_;  // not held while the network is waited for
  CondVar changed_;
  std::map<std::uint32_t, Part> parts_ GUARDED_BY(mutex_);
  std::optional<UploadId> id_ GUARDED_BY(mutex_);
  bool starting_ GUARDED_BY(mutex_) = false;
  bool abandoned_ GUARDED_BY(mutex_) = false;
  std::optional<Error> error_ GUARDED_BY(mutex_);  // of a part, since the last SendAll began
};

}  // namespace skybridge::fuse
