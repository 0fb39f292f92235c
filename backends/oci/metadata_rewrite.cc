#include "backends/oci/metadata_rewrite.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "backends/oci/parallel.h"
#include "core/log.h"

namespace skybridge::oci {
namespace {

// Up to here an object is written anew through us; above, the service copies it (seconds, whatever
// the size).
constexpr std::uint64_t kMaxWholeBytes = std::uint64_t{8} << 20;
// Of a rewrite through us in parts: memory is the product.
constexpr std::uint64_t kPartBytes = std::uint64_t{10} << 20;
constexpr std::size_t kPartThreads = 4;
constexpr std::uint64_t kMaxParts = 10'000;

Status ReadExactly(Bucket& bucket, const std::string& name, ByteRange range, const ETag& etag,
                   std::span<std::byte> into, const CallContext& context) {
  const GetReply reply = TRY(bucket.Get(name, range, etag, into, context));
  if (reply.bytes_received == range.length_bytes) return {};
  return Fail(ErrorCode::kCorrupt,
              fmt::format("rewrite metadata of '{}': the content was cut short", name));
}

Status RewriteWhole(Bucket& bucket, const std::string& name, const ObjectHead& head,
                    const Metadata& metadata, const CallContext& context) {
  const ETag etag(head.facts.etag);
  std::vector<std::byte> content(head.size_bytes);
  if (!content.empty())
    TRY_VOID(ReadExactly(bucket, name, {0, head.size_bytes}, etag, content, context));
  TRY(bucket.Put({.name = name,
                  .body = content,
                  .metadata = metadata,
                  .content_headers = head.content_headers,
                  .conditions = {.if_match = etag}},
                 context));
  return {};
}

Status SendParts(Bucket& bucket, const std::string& name, const ObjectHead& head,
                 const std::string& upload_id, std::vector<PartReceipt>& parts,
                 const CallContext& context) {
  const ETag etag(head.facts.etag);
  const std::uint64_t part_bytes =
      std::max(kPartBytes, (head.size_bytes + kMaxParts - 1) / kMaxParts);
  parts.resize((head.size_bytes + part_bytes - 1) / part_bytes);
  const auto send = [&](std::size_t index) -> Status {
    const std::uint64_t offset = index * part_bytes;
    const std::uint64_t length = std::min(part_bytes, head.size_bytes - offset);
    const std::unique_ptr<std::byte[]> buffer(new std::byte[length]);
    const std::span<std::byte> bytes(buffer.get(), length);
    TRY_VOID(ReadExactly(bucket, name, {offset, length}, etag, bytes, context));
    const auto number = static_cast<std::uint32_t>(index + 1);
    UploadedPart part = TRY(bucket.UploadPart(
        {.name = name, .upload_id = upload_id, .part_number = number, .body = bytes}, context));
    parts[index] = {number, offset, length, std::move(part.etag), part.crc32c};
    return {};
  };
  return ForEachParallel(parts.size(), kPartThreads, send);
}

Status RewriteInParts(Bucket& bucket, const std::string& name, const ObjectHead& head,
                      const Metadata& metadata, const CallContext& context) {
  const Conditions same_version{.if_match = ETag(head.facts.etag)};
  const std::string upload_id = TRY(bucket.CreateUpload({.name = name,
                                                         .metadata = metadata,
                                                         .content_headers = head.content_headers,
                                                         .conditions = same_version},
                                                        context));
  std::vector<PartReceipt> parts;
  Status done = SendParts(bucket, name, head, upload_id, parts, context);
  if (done) {
    const auto committed = bucket.CommitUpload(
        {.name = name, .upload_id = upload_id, .parts = parts, .conditions = same_version},
        context);
    if (committed) return {};
    done = Fail(committed.error());
  }
  // What is left of the upload if this fails too is for the bucket's lifecycle rule. There is none
  // when only the answer to the commit was lost.
  const auto aborted = bucket.AbortUpload(name, upload_id, {.deadline = context.deadline});
  if (!aborted && aborted.error().code != ErrorCode::kNotFound)
    Log(LogLevel::kWarning, "oci: an upload of '{}' is left behind: {}", name,
        aborted.error().ToString());
  return done;
}

}  // namespace

Status ReplaceMetadata(Bucket& bucket, const std::string& name, const ObjectHead& head,
                       const Metadata& metadata, const CallContext& context) {
  if (head.size_bytes <= kMaxWholeBytes) return RewriteWhole(bucket, name, head, metadata, context);
  if (bucket.is_pre_authenticated()) return RewriteInParts(bucket, name, head, metadata, context);
  Status copied = bucket.RewriteMetadata(name, ETag(head.facts.etag), metadata, context);
  if (copied || copied.error().code != ErrorCode::kPermissionDenied) return copied;
  static std::atomic<bool> told{false};
  if (!told.exchange(true)) {
    Log(LogLevel::kWarning,
        "oci: the service may not copy within bucket '{}', so attributes of large objects cost "
        "sending them again; "
        "to change that: Allow service objectstorage-REGION to manage object-family in compartment "
        "...",
        bucket.name());
  }
  return RewriteInParts(bucket, name, head, metadata, context);
}

}  // namespace skybridge::oci
