#include "backends/oci/description.h"

#include <utility>

#include "backends/posix_metadata.h"
#include "backends/recorded_digest.h"

namespace skybridge::oci {

Result<Metadata> EncodeAttributes(NodeKind kind, const Attributes& attributes) {
  Metadata metadata = TRY(EncodePosixMetadata(MetadataDialect::kOci, kind, attributes));
  TakeRecordedMd5(metadata);
  return metadata;
}

ObjectInfo DescribeObject(const ObjectKey& key, NodeKind known_kind, const ObjectHead& head) {
  Metadata metadata = head.facts.metadata;
  StoreDigests digests = head.facts.digests;
  // The service knows no MD5 of what was uploaded in parts; rclone records it.
  const auto recorded = TakeRecordedMd5(metadata);
  if (!digests.md5) digests.md5 = recorded;
  PosixMetadata posix = DecodePosixMetadata(MetadataDialect::kOci, known_kind, metadata);
  return {.key = key,
          .kind = posix.kind,
          .size_bytes = known_kind == NodeKind::kDirectory ? 0 : head.size_bytes,
          .etag = ETag(head.facts.etag),
          .last_modified = head.facts.last_modified,
          .attributes = std::move(posix.attributes),
          .digests = digests};
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
