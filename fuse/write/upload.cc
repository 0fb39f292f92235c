#include "fuse/write/upload.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/call_wait.h"
#include "core/log.h"

namespace skybridge::fuse {

ByteRange Upload::RangeOf(std::uint32_t part_number) const {
  ByteRange range = crew_.layout.RangeOf(part_number);
  range.offset_bytes += origin_bytes();
  return range;
}

bool Upload::IsGood(const Part& part, std::uint64_t length_bytes) const {
  return part.sent_generation == part.generation && part.receipt.size_bytes == length_bytes;
}

ByteRange Upload::PartCutAt(std::uint64_t offset_bytes) const {
  if (offset_bytes <= origin_bytes()) return {offset_bytes, 0};
  const ByteRange part = RangeOf(PartAt(offset_bytes));
  return part.offset_bytes < offset_bytes ? part : ByteRange{offset_bytes, 0};
}

void Upload::Touch(ByteRange range) {
  MutexLock lock(mutex_);
  const std::uint64_t begin = std::max(range.offset_bytes, origin_bytes());
  if (range.empty() || begin >= range.end_bytes()) return;
  const auto last = parts_.upper_bound(PartAt(range.end_bytes() - 1));
  for (auto it = parts_.lower_bound(PartAt(begin)); it != last; ++it) ++it->second.generation;
}

void Upload::CutTo(std::uint64_t size_bytes) {
  // The part that is cut changes; those after it would be zeros if the file grew again.
  const std::uint32_t first = size_bytes > origin_bytes() ? PartAt(size_bytes) : 1;
  MutexLock lock(mutex_);
  for (auto it = parts_.lower_bound(first); it != parts_.end(); ++it) ++it->second.generation;
}

void Upload::SendCompleted(ByteRange range) {
  if (range.empty() || range.end_bytes() <= origin_bytes()) return;
  const std::uint32_t first = PartAt(std::max(range.offset_bytes, origin_bytes()));
  const std::uint32_t last = PartAt(range.end_bytes() - 1);
  for (std::uint32_t number = first > 1 ? first - 1 : 1; number <= last; ++number) {
    const ByteRange part = RangeOf(number);
    if (part.end_bytes() > range.end_bytes() || !content_->IsStaged(part)) continue;
    MutexLock lock(mutex_);
    const Part& state = parts_[number];
    if (!state.sending && state.sent_generation == 0) StartSending(number, part);
  }
}

void Upload::StartSending(std::uint32_t number, ByteRange range) {
  if (abandoned_) return;
  parts_[number].sending = true;
  crew_.tasks.Add([self = shared_from_this(), number, range] { self->SendPart(number, range); });
}

void Upload::SendPart(std::uint32_t number, ByteRange range) {
  std::uint64_t generation = 0;
  Result<PartReceipt> receipt = CopyAndSend(number, range, generation);
  {
    MutexLock lock(mutex_);
    Part& part = parts_[number];
    part.sending = false;
    if (receipt) {
      part.sent_generation = generation;
      part.receipt = *std::move(receipt);
    } else if (const bool was_cut =
                   receipt.error().code == ErrorCode::kCancelled && !stop_.stop_requested();
               !was_cut && !error_) {
      // A part that was cut while it was read has not failed: what is left of it is sent again.
      error_ = std::move(receipt).error();
    }
    changed_.NotifyAll();
  }
  crew_.on_part_sent();
}

Result<PartReceipt> Upload::CopyAndSend(std::uint32_t number, ByteRange range,
                                        std::uint64_t& generation) {
  // No deadline: this thread is the upload's own. A call that publishes waits in WaitForParts, which
  // ends at the deadline of the call.
  const PartBuffers::Lease buffer =
      TRY(crew_.buffers.Take(range.length_bytes, {.stop = stop_.get_token()}));
  const CallContext context{.deadline = crew_.clock.Now() + crew_.request_timeout,
                            .stop = stop_.get_token()};
  TRY_VOID(CheckContext(context, crew_.clock, "the upload"));
  {
    MutexLock lock(mutex_);
    generation = parts_[number].generation;
  }
  const std::size_t size = TRY(content_->Read(range.offset_bytes, buffer.span(), context));
  if (size != range.length_bytes)
    return Fail(ErrorCode::kCancelled, "the file became shorter while it was sent");
  const UploadId id = TRY(EnsureStarted(context));
  return crew_.store.UploadPart({.upload = id,
                                 .key = plan_.key,
                                 .part_number = number,
                                 .offset_bytes = range.offset_bytes,
                                 .body = buffer.span()},
                                context);
}

// The first part that is ready starts the upload; the other parts wait for that.
Result<UploadId> Upload::EnsureStarted(const CallContext& context) {
  {
    MutexLock lock(mutex_);
    while (starting_)
      TRY_VOID(WaitWithin(context, crew_.clock, changed_, mutex_, "the start of the upload"));
    if (id_) return *id_;
    if (stop_.stop_requested()) return Fail(ErrorCode::kCancelled, "the upload was given up");
    starting_ = true;
  }
  Result<UploadId> started = crew_.store.StartUpload({.key = plan_.key,
                                                      .attributes = plan_.attributes,
                                                      .conditions = plan_.conditions,
                                                      .append_to = plan_.append_to},
                                                     context);
  MutexLock lock(mutex_);
  starting_ = false;
  if (started) id_ = *started;
  changed_.NotifyAll();
  return started;
}

Result<std::vector<PartReceipt>> Upload::SendAll(std::uint64_t size_bytes,
                                                 const CallContext& context) {
  if (size_bytes - origin_bytes() > crew_.layout.max_file_bytes()) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("'{}': {} bytes are more than the store takes in {} bytes of parts",
                            plan_.key.path, size_bytes, crew_.layout.max_file_bytes()));
  }
  const std::uint32_t last = PartAt(size_bytes - 1);
  // A part that was being sent already may carry older bytes, or may fail: then it is sent again.
  const bool again = StartAll(size_bytes);
  Status sent = WaitForParts(last, context);
  if (again && !context.stop.stop_requested() && crew_.clock.Now() < context.deadline) {
    StartAll(size_bytes);
    sent = WaitForParts(last, context);
  }
  TRY_VOID(std::move(sent));
  return Receipts(size_bytes);
}

bool Upload::StartAll(std::uint64_t size_bytes) {
  const std::uint32_t last = PartAt(size_bytes - 1);
  MutexLock lock(mutex_);
  error_.reset();
  bool some_on_their_way = false;
  for (std::uint32_t number = 1; number <= last; ++number) {
    const ByteRange range = Intersect(RangeOf(number), {0, size_bytes});
    const Part& part = parts_[number];
    some_on_their_way = some_on_their_way || part.sending;
    if (!part.sending && !IsGood(part, range.length_bytes)) StartSending(number, range);
  }
  return some_on_their_way;
}

Status Upload::WaitForParts(std::uint32_t last_part, const CallContext& context) {
  MutexLock lock(mutex_);
  const auto sending = [&]() REQUIRES(mutex_) {
    return std::any_of(parts_.begin(), parts_.upper_bound(last_part),
                       [](const auto& p) { return p.second.sending; });
  };
  while (sending()) TRY_VOID(WaitWithin(context, crew_.clock, changed_, mutex_, "publishing"));
  if (error_) return Fail(*error_);
  return {};
}

// Includes parts that changed while they were sent: their new bytes belong to the next publication.
Result<std::vector<PartReceipt>> Upload::Receipts(std::uint64_t size_bytes) {
  std::vector<PartReceipt> receipts;
  const std::uint32_t last = PartAt(size_bytes - 1);
  MutexLock lock(mutex_);
  for (std::uint32_t number = 1; number <= last; ++number) {
    const Part& part = parts_[number];
    const ByteRange range = Intersect(RangeOf(number), {0, size_bytes});
    if (part.sent_generation == 0 || part.receipt.size_bytes != range.length_bytes) {
      return Fail(Error{.code = ErrorCode::kConflict,
                        .message = "the file was cut while it was published",
                        .retryable = true});
    }
    receipts.push_back(part.receipt);
  }
  return receipts;
}

Result<ObjectInfo> Upload::Commit(const std::vector<PartReceipt>& parts,
                                  const Attributes& attributes, const Conditions& conditions,
                                  const CallContext& context) {
  const UploadId id = TRY(EnsureStarted(context));
  return crew_.store.CommitUpload({.upload = id,
                                   .key = plan_.key,
                                   .parts = parts,
                                   .attributes = attributes,
                                   .conditions = conditions},
                                  context);
}

bool Upload::AbandonUnlessNeeded() {
  {
    MutexLock lock(mutex_);
    if (content_->anything_gone()) return false;
    if (std::exchange(abandoned_, true)) return true;
  }
  AbortInBackground();
  return true;
}

void Upload::Abandon() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(abandoned_, true)) return;
  }
  AbortInBackground();
}

void Upload::Retire() {
  MutexLock lock(mutex_);
  abandoned_ = true;
}

void Upload::AbortInBackground() {
  stop_.request_stop();
  crew_.tasks.Add([self = shared_from_this()] {
    UploadCrew& crew = self->crew_;
    std::optional<UploadId> id;
    {
      MutexLock lock(self->mutex_);
      const auto busy = [&]() REQUIRES(self->mutex_) {
        return self->starting_ || std::any_of(self->parts_.begin(), self->parts_.end(),
                                              [](const auto& part) { return part.second.sending; });
      };
      while (busy()) self->changed_.Wait(self->mutex_);
      id = self->id_;
    }
    if (!id) return;
    const Status aborted = crew.store.AbortUpload(
        {.upload = *id, .key = self->plan_.key},
        {.deadline = crew.clock.Now() + crew.request_timeout, .stop = crew.tasks.stop()});
    if (!aborted) {
      Log(LogLevel::kWarning,
          "an upload of '{}' could not be aborted; the store removes it by its own rules: {}",
          self->plan_.key.path, aborted.error().ToString());
    }
  });
}

// Holds the lock from the check of a part until its bytes have left staging: a change in between
// would be lost.
std::uint64_t Upload::MakeRoom(std::uint64_t wanted_bytes) {
  MutexLock lock(mutex_);
  std::uint64_t freed = 0;
  if (abandoned_) return freed;
  for (const auto& [number, part] : parts_) {
    if (freed >= wanted_bytes) break;
    const ByteRange range = RangeOf(number);
    if (!part.sending && IsGood(part, range.length_bytes))
      freed += content_->LetGoOfUploaded(range);
  }
  return freed;
}

}  // namespace skybridge::fuse
