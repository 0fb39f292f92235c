#include "backends/oci/description.h"

#include <utility>

#include "backends/posix_metadata.h"
#include "backends/recorded_digest.h"

namespace skybridge::oci {
namespace {

constexpr const char* kTypeHeader = "content-type";
constexpr const char* kTierHeader = "storage-tier";
constexpr std::string_view kDefaultType = "application/octet-stream";

struct HeaderField {
  const char* header;
  std::string ContentHeaders::*field;
};
constexpr HeaderField kContentFields[] = {{kTypeHeader, &ContentHeaders::type},
                                          {"content-encoding", &ContentHeaders::encoding},
                                          {"content-language", &ContentHeaders::language},
                                          {"content-disposition", &ContentHeaders::disposition},
                                          {"cache-control", &ContentHeaders::cache_control}};

// Standard is what a bucket gives unless it is an archive as a whole, so it is no tier of its own.
struct TierName {
  std::string_view service;
  std::string_view common;  // as in Attributes::tier
};
constexpr TierName kTierNames[] = {{"InfrequentAccess", "Cool"},
                                   {"InfrequentAccess", "Cold"},
                                   {"Archive", "Archive"},
                                   {"Standard", ""},
                                   {"Standard", "Hot"}};

std::string TierOf(std::string_view service) {
  for (const TierName& name : kTierNames) {
    if (name.service == service) return std::string(name.common);
  }
  return {};
}

std::string ServiceTierOf(std::string_view common) {
  if (common.empty()) return {};
  for (const TierName& name : kTierNames) {
    if (name.common == common) return std::string(name.service);
  }
  return {};
}

ContentHeaders ContentOf(const StoredHeaders& headers) {
  ContentHeaders content;
  for (const HeaderField& field : kContentFields) {
    const auto found = headers.find(field.header);
    if (found != headers.end()) content.*field.field = found->second;
  }
  if (content.type == kDefaultType) content.type.clear();
  return content;
}

}  // namespace

StoredHeaders HeadersOf(const Attributes& attributes) {
  StoredHeaders headers;
  for (const HeaderField& field : kContentFields) {
    const std::string& value = attributes.content.*field.field;
    if (!value.empty()) headers.emplace(field.header, value);
  }
  const std::string tier = ServiceTierOf(attributes.tier);
  if (!tier.empty()) headers.emplace(kTierHeader, tier);
  return headers;
}

bool HasHeaders(const ObjectHead& head, const StoredHeaders& wanted) {
  const auto tier = wanted.find(kTierHeader);
  const auto there = head.stored_headers.find(kTierHeader);
  const bool same_tier =
      tier == wanted.end() || (there != head.stored_headers.end() && there->second == tier->second);
  return same_tier && ContentOf(head.stored_headers) == ContentOf(wanted);
}

Result<Metadata> EncodeAttributes(NodeKind kind, const Attributes& attributes) {
  Metadata metadata = TRY(EncodePosixMetadata(MetadataDialect::kOci, kind, attributes));
  RemoveRecordedMd5(metadata);
  return metadata;
}

ObjectInfo DescribeObject(const ObjectKey& key, NodeKind known_kind, const ObjectHead& head) {
  Metadata metadata = head.facts.metadata;
  // rclone records an MD5 of what it uploads in parts; nothing binds it to this version.
  RemoveRecordedMd5(metadata);
  PosixMetadata posix = DecodePosixMetadata(MetadataDialect::kOci, known_kind, metadata);
  if (known_kind != NodeKind::kDirectory) {
    posix.attributes.content = ContentOf(head.stored_headers);
    const auto tier = head.stored_headers.find(kTierHeader);
    if (tier != head.stored_headers.end()) posix.attributes.tier = TierOf(tier->second);
  }
  return {.key = key,
          .kind = posix.kind,
          .size_bytes = known_kind == NodeKind::kDirectory ? 0 : head.size_bytes,
          .etag = ETag(head.facts.etag),
          .last_modified = head.facts.last_modified,
          .told_at = head.facts.told_at,
          .attributes = std::move(posix.attributes),
          .digests = head.facts.digests};
}

ObjectInfo DescribeWritten(const ObjectKey& key, NodeKind kind, std::uint64_t size_bytes,
                           const Attributes& attributes, const ObjectFacts& facts) {
  return {.key = key,
          .kind = kind,
          .size_bytes = size_bytes,
          .etag = ETag(facts.etag),
          .last_modified = facts.last_modified,
          .attributes = attributes,
          .digests = facts.digests};
}

ObjectInfo DescribePrefix(const ObjectKey& key) {
  return {.key = key, .kind = NodeKind::kDirectory, .attributes = Attributes{}};
}

bool SameContent(const ObjectInfo& a, const ObjectInfo& b) {
  if (a.size_bytes != b.size_bytes) return false;
  if (a.digests.crc32c && b.digests.crc32c) return *a.digests.crc32c == *b.digests.crc32c;
  return a.digests.md5 && b.digests.md5 && *a.digests.md5 == *b.digests.md5;
}

}  // namespace skybridge::oci
