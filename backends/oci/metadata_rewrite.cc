#include "backends/oci/metadata_rewrite.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "backends/fan_out.h"
#include "backends/oci/description.h"
#include "backends/recorded_digest.h"
#include "core/log.h"

namespace skybridge::oci {
namespace {

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

// The headers of the version that replaces `old`.
StoredHeaders HeadersAfter(const ObjectHead& old, const NewMetadata& change) {
  StoredHeaders headers = change.headers;
  const auto tier = old.stored_headers.find("storage-tier");
  if (tier != old.stored_headers.end()) headers.insert(*tier);
  return headers;
}

// The version that replaces `old`, as the reply that made it tells.
ObjectHead Rewritten(ObjectFacts facts, const NewMetadata& change, const ObjectHead& old) {
  facts.metadata = change.metadata;
  return {std::move(facts), old.size_bytes, HeadersAfter(old, change)};
}

Result<ObjectHead> WriteWhole(Bucket& bucket, const std::string& name, const ObjectHead& head,
                              ByteSpan content, NewMetadata change, const CallContext& context) {
  change.metadata = WithRecordedDigest(std::move(change.metadata), head.facts.metadata);
  ObjectFacts facts = TRY(bucket.Put({.name = name,
                                      .body = content,
                                      .metadata = change.metadata,
                                      .stored_headers = HeadersAfter(head, change),
                                      .conditions = {.if_match = ETag(head.facts.etag)}},
                                     context));
  return Rewritten(std::move(facts), change, head);
}

Result<ObjectHead> RewriteWhole(Bucket& bucket, const std::string& name, const ObjectHead& head,
                                NewMetadata change, const CallContext& context) {
  std::vector<std::byte> content(head.size_bytes);
  if (!content.empty()) {
    const ByteRange all{0, head.size_bytes};
    TRY_VOID(ReadExactly(bucket, name, all, ETag(head.facts.etag), content, context));
  }
  return WriteWhole(bucket, name, head, content, std::move(change), context);
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
  return FanOutUntilFailure(parts.size(), kPartThreads, send);
}

Result<ObjectHead> RewriteInParts(Bucket& bucket, const std::string& name, const ObjectHead& head,
                                  const NewMetadata& change, const CallContext& context) {
  const Conditions same_version{.if_match = ETag(head.facts.etag)};
  const std::string upload_id =
      TRY(bucket.CreateUpload({.name = name,
                               .metadata = change.metadata,
                               .stored_headers = HeadersAfter(head, change),
                               .conditions = same_version},
                              context));
  std::vector<PartReceipt> parts;
  Status done = SendParts(bucket, name, head, upload_id, parts, context);
  if (done) {
    auto committed = bucket.CommitUpload(
        {.name = name, .upload_id = upload_id, .parts = parts, .conditions = same_version},
        context);
    if (committed) return Rewritten(*std::move(committed), change, head);
    done = Fail(std::move(committed).error());
  }
  // What is left of the upload if this fails too is for the bucket's lifecycle rule. There is none
  // when only the answer to the commit was lost.
  const auto aborted = bucket.AbortUpload(name, upload_id, {.deadline = context.deadline});
  if (!aborted && aborted.error().code != ErrorCode::kNotFound)
    Log(LogLevel::kWarning, "oci: an upload of '{}' is left behind: {}", name,
        aborted.error().ToString());
  return Fail(std::move(done).error());
}

}  // namespace

Metadata WithRecordedDigest(Metadata metadata, const Metadata& old) {
  if (const auto md5 = FindRecorded(old, kRecordedMd5Key)) metadata.emplace(kRecordedMd5Key, *md5);
  return metadata;
}

Result<ObjectHead> RewriteKnown(Bucket& bucket, const std::string& name, const ETag& version,
                                std::uint64_t size_bytes, const NewMetadata& change,
                                const CallContext& context) {
  std::vector<std::byte> content(size_bytes);
  const ObjectHead head = TRY(bucket.GetWhole(name, version, content, context));
  return WriteWhole(bucket, name, head, content, change, context);
}

Result<std::optional<ObjectHead>> ReplaceMetadata(Bucket& bucket, const std::string& name,
                                                  const ObjectHead& head, NewMetadata change,
                                                  const CallContext& context) {
  if (head.size_bytes <= kMaxWholeBytes)
    return RewriteWhole(bucket, name, head, std::move(change), context);
  change.metadata = WithRecordedDigest(std::move(change.metadata), head.facts.metadata);
  StoredHeaders content_headers = change.headers;
  const auto tier = content_headers.extract("storage-tier");
  // A copy within the service takes the content headers of its source.
  if (bucket.is_pre_authenticated() || !HasHeaders(head, content_headers))
    return RewriteInParts(bucket, name, head, change, context);
  const Status copied =
      bucket.RewriteMetadata(name, ETag(head.facts.etag), change.metadata,
                             tier.empty() ? std::string() : tier.mapped(), context);
  if (copied) return std::optional<ObjectHead>();
  if (copied.error().code != ErrorCode::kPermissionDenied) return Fail(copied.error());
  static std::atomic<bool> told{false};
  if (!told.exchange(true)) {
    Log(LogLevel::kWarning,
        "oci: the service may not copy within bucket '{}', so attributes of large objects cost "
        "sending them again; "
        "to change that: Allow service objectstorage-REGION to manage object-family in compartment "
        "...",
        bucket.name());
  }
  return RewriteInParts(bucket, name, head, change, context);
}

}  // namespace skybridge::oci
