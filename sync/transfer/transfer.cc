#include "sync/transfer/transfer.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/digest.h"
#include "sync/compare.h"
#include "sync/kept_attributes.h"

namespace skybridge {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

Error Corrupt(const ObjectKey& key, std::string_view reason) {
  return Error{.code = ErrorCode::kCorrupt,
               .message = fmt::format("copy '{}': {}", key.path, reason)};
}

// As far as the destination can keep them.
Attributes AttributesFor(const ObjectInfo& source, const Capabilities& destination) {
  Attributes wanted = WantedAttributes(source);
  LeaveOut(wanted, source.kind, destination);
  return wanted;
}

// The destination's own word on what it stored, against what was sent.
Status CheckStored(const TransferRequest& request, const ObjectInfo& stored,
                   const StoreDigests& sent) {
  if (stored.size_bytes != request.info.size_bytes) {
    return Fail(Corrupt(request.destination, "the destination stored another length"));
  }
  if (DigestsAgree(stored.digests, sent).value_or(true)) return {};
  return Fail(Corrupt(request.destination, "the destination stored other bytes than were sent"));
}

// The same, and what is wrong does not stay: with its equal size and mtime a later pass would take
// it for a good copy.
Status KeepOnlyIfRight(ObjectStore& destination, const TransferRequest& request,
                       const ObjectInfo& stored, const StoreDigests& sent,
                       const CallPolicy& policy) {
  Status right = CheckStored(request, stored, sent);
  if (right) return right;
  const Status removed = destination.Delete({.key = request.destination, .if_match = stored.etag},
                                            policy.CleanupContext());
  if (removed) return right;
  Error error = std::move(right).error();
  error.message += ", and could not be removed: " + removed.error().ToString();
  return Fail(std::move(error));
}

}  // namespace

std::uint64_t PartBytes(std::uint64_t size_bytes, std::uint64_t preferred,
                        const Capabilities& destination) {
  if (destination.max_parts == 0) return 0;
  const std::uint64_t usual =
      std::max(std::min(preferred, destination.max_part_bytes), destination.min_part_bytes);
  const std::uint64_t least = (size_bytes + destination.max_parts - 1) / destination.max_parts;
  if (least <= usual) return usual;
  if (least > destination.max_part_bytes) return 0;
  return std::min((least + kMiB - 1) / kMiB * kMiB, destination.max_part_bytes);
}

Transfer::Transfer(ObjectStore& source, ObjectStore& destination, WorkPool& parts,
                   ByteBudget& budget, TransferLimits limits, const CallPolicy& policy)
    : source_(source),
      destination_(destination),
      parts_(parts),
      budget_(budget),
      limits_(limits),
      policy_(policy) {}

// One range of the source, whole and of the version that `info` names.
Result<GetReply> Transfer::ReadOnce(const TransferRequest& request, ByteRange range,
                                    std::span<std::byte> into, Again& again) {
  GetRequest get{.key = request.source, .range = range};
  if (!request.info.etag.empty()) get.if_match = request.info.etag;
  Result<GetReply> reply = source_.Get(get, into, policy_.Context());
  if (!reply) {
    const ErrorCode code = reply.error().code;
    if (code == ErrorCode::kPreconditionFailed || code == ErrorCode::kNotFound)
      again = Again::kSourceChanged;
    return reply;
  }
  if (reply->bytes_received == range.length_bytes &&
      reply->object_size_bytes == request.info.size_bytes)
    return reply;
  again = Again::kSourceChanged;
  return Fail(Corrupt(request.source, "the source is not as long as it was listed"));
}

// The same. Where no digest of the whole will prove the bytes, in pieces that the store proves.
Result<GetReply> Transfer::ReadRange(const TransferRequest& request, ByteRange range,
                                     std::span<std::byte> into, Again& again) {
  const bool is_whole = range.length_bytes == request.info.size_bytes;
  const StoreDigests& reported = request.info.digests;
  const bool proved_as_a_whole = reported.crc32c || (reported.md5 && is_whole);
  const std::uint64_t piece_bytes = source_.capabilities().max_checked_range_bytes;
  if (proved_as_a_whole || piece_bytes == 0) return ReadOnce(request, range, into, again);
  GetReply last;
  for (std::uint64_t done = 0; done < range.length_bytes; done += piece_bytes) {
    const std::uint64_t length = std::min(piece_bytes, range.length_bytes - done);
    last = TRY(
        ReadOnce(request, {range.offset_bytes + done, length}, into.subspan(done, length), again));
  }
  return last;
}

Result<ObjectInfo> Transfer::Copy(const TransferRequest& request) {
  TransferRequest current = request;
  for (int restarts = 0;; ++restarts) {
    Again again = Again::kNo;
    Result<ObjectInfo> copied = CopyOnce(current, again);
    if (copied || again == Again::kNo) return copied;
    if (restarts == limits_.max_restarts) {
      if (again == Again::kReadDamaged) return copied;
      return Fail(ErrorCode::kConflict,
                  fmt::format("copy '{}': the source changed {} times while it was copied",
                              request.source.path, restarts + 1));
    }
    current.info = TRY(source_.Head(request.source, policy_.Context()));
    if (current.info.kind == NodeKind::kDirectory) {
      return Fail(ErrorCode::kIsDirectory,
                  fmt::format("copy '{}': it became a directory", request.source.path));
    }
  }
}

Result<ObjectInfo> Transfer::CopyWhole(const TransferRequest& request, Again& again) {
  const std::uint64_t size = request.info.size_bytes;
  BudgetedBuffer buffer(budget_, size);
  StoreDigests sent{};
  if (size > 0) {
    const GetReply reply = TRY(ReadRange(request, {0, size}, buffer.bytes(), again));
    sent = reply.checked;
  }
  const ByteSpan body = buffer.bytes();
  if (!sent.crc32c) sent.crc32c = Crc32c(body);
  if (request.info.digests.md5 && !sent.md5) sent.md5 = Md5(body);
  if (!DigestsAgree(sent, request.info.digests).value_or(true)) {
    again = Again::kReadDamaged;
    return Fail(
        Corrupt(request.source, "what was read does not have the digest that the source reports"));
  }
  ObjectInfo stored =
      TRY(destination_.Put({.key = request.destination,
                            .kind = request.info.kind,
                            .body = body,
                            .attributes = AttributesFor(request.info, destination_.capabilities()),
                            .conditions = request.conditions},
                           policy_.Context()));
  if (!sent.md5 && stored.digests.md5 && !stored.digests.crc32c) sent.md5 = Md5(body);
  TRY_VOID(KeepOnlyIfRight(destination_, request, stored, sent, policy_));
  bytes_copied_ += size;
  return stored;
}

// One upload in parts. Frees the upload unless it was committed.
class Transfer::PartedCopy {
 public:
  PartedCopy(Transfer& transfer, const TransferRequest& request, std::uint64_t part_bytes)
      : transfer_(transfer), request_(request), part_bytes_(part_bytes) {}
  ~PartedCopy() {
    if (upload_) {
      // The service frees what is left of it in its own time if this fails too.
      (void)transfer_.destination_.AbortUpload({.upload = *upload_, .key = request_.destination},
                                               transfer_.policy_.CleanupContext());
    }
  }
  PartedCopy(const PartedCopy&) = delete;
  PartedCopy& operator=(const PartedCopy&) = delete;

  Result<ObjectInfo> Run(Again& again) {
    ObjectStore& destination = transfer_.destination_;
    const Attributes attributes = AttributesFor(request_.info, destination.capabilities());
    upload_ = TRY(destination.StartUpload({.key = request_.destination,
                                           .attributes = attributes,
                                           .conditions = request_.conditions,
                                           .append_to = {}},
                                          transfer_.policy_.Context()));
    const std::uint64_t size = request_.info.size_bytes;
    receipts_.resize((size + part_bytes_ - 1) / part_bytes_);
    TRY_VOID(CopyParts(again));
    StoreDigests sent{.crc32c = 0U};
    for (const PartReceipt& part : receipts_) {
      sent.crc32c = CombineCrc32c(*sent.crc32c, part.crc32c, part.size_bytes);
    }
    if (!DigestsAgree(sent, request_.info.digests).value_or(true)) {
      again = Again::kReadDamaged;
      return Fail(Corrupt(request_.source,
                          "what was read does not have the digest that the source reports"));
    }
    ObjectInfo stored = TRY(destination.CommitUpload({.upload = *upload_,
                                                      .key = request_.destination,
                                                      .parts = receipts_,
                                                      .attributes = attributes,
                                                      .conditions = request_.conditions},
                                                     transfer_.policy_.Context()));
    upload_.reset();
    TRY_VOID(KeepOnlyIfRight(destination, request_, stored, sent, transfer_.policy_));
    return stored;
  }

 private:
  Status CopyParts(Again& again) {
    {
      JobGroup jobs;
      for (std::size_t index = 0; index < receipts_.size() && !failed_; ++index) {
        jobs.Submit(transfer_.parts_, [this, index] { CopyPart(index); });
      }
    }
    MutexLock lock(mutex_);
    again = again_;
    if (error_) return Fail(*error_);
    return {};
  }

  void CopyPart(std::size_t index) {
    if (failed_) return;
    Again again = Again::kNo;
    Result<PartReceipt> receipt = SendPart(index, again);
    if (receipt) {
      transfer_.bytes_copied_ += receipt->size_bytes;
      receipts_[index] = *std::move(receipt);
      return;
    }
    MutexLock lock(mutex_);
    failed_ = true;
    if (again != Again::kNo) again_ = again;
    if (!error_) error_ = receipt.error();
  }

  Result<PartReceipt> SendPart(std::size_t index, Again& again) {
    const std::uint64_t offset = index * part_bytes_;
    const std::uint64_t length = std::min(part_bytes_, request_.info.size_bytes - offset);
    BudgetedBuffer buffer(transfer_.budget_, length);
    TRY(transfer_.ReadRange(request_, {offset, length}, buffer.bytes(), again));
    return transfer_.destination_.UploadPart({.upload = *upload_,
                                              .key = request_.destination,
                                              .part_number = static_cast<std::uint32_t>(index + 1),
                                              .offset_bytes = offset,
                                              .body = buffer.bytes()},
                                             transfer_.policy_.Context());
  }

  Transfer& transfer_;
  const TransferRequest& request_;
  const std::uint64_t part_bytes_;
  std::optional<UploadId> upload_;
  std::vector<PartReceipt> receipts_;  // each written by the one job of its part
  std::atomic<bool> failed_{false};
  Mutex mutex_;  // guards what follows
  std::optional<Error> error_ GUARDED_BY(mutex_);
  Again again_ GUARDED_BY(mutex_) = Again::kNo;
};

Result<ObjectInfo> Transfer::CopyOnce(const TransferRequest& request, Again& again) {
  const Capabilities& limits = destination_.capabilities();
  const std::uint64_t size = request.info.size_bytes;
  const bool whole = size <= std::min(limits_.whole_bytes, limits.max_put_bytes) ||
                     request.info.kind == NodeKind::kSymlink;
  if (whole) return CopyWhole(request, again);
  const std::uint64_t part_bytes = PartBytes(size, limits_.part_bytes, limits);
  if (part_bytes == 0) {
    return Fail(ErrorCode::kTooLarge, fmt::format("copy '{}': {} bytes are more than {} can hold",
                                                  request.source.path, size, limits.name));
  }
  return PartedCopy(*this, request, part_bytes).Run(again);
}

}  // namespace skybridge
