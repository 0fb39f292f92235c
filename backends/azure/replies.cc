#include "backends/azure/replies.h"

#include <algorithm>

#include "backends/file_length.h"
#include "backends/recorded_digest.h"
#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"

namespace skybridge::azure {
namespace {

constexpr std::string_view kMetaPrefix = "x-ms-meta-";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameText(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

// The reverse of EncodeProperties; what cannot be read is left out.
void AddProperties(std::string_view text, MetadataMap& metadata) {
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), field.size() + 1));
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) continue;
    const auto value = Base64Decode(field.substr(equals + 1));
    if (value) metadata.emplace(field.substr(0, equals), *value);
  }
}

}  // namespace

ETag StripETag(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  return ETag(std::string(text));
}

std::string QuoteETag(const ETag& etag) { return "\"" + etag.value + "\""; }

WallTime ParseTime(std::string_view text) { return ParseHttpDate(text).value_or(WallTime{}); }

MetadataMap MetadataFromHeaders(const HttpHeaders& headers) {
  MetadataMap metadata;
  AddProperties(headers.Get("x-ms-properties"), metadata);
  for (const auto& [name, value] : headers) {
    if (SameText(std::string_view(name).substr(0, kMetaPrefix.size()), kMetaPrefix)) {
      metadata.emplace(name.substr(kMetaPrefix.size()), value);
    }
  }
  return metadata;
}

void AddMetadata(HttpHeaders& headers, const MetadataMap& metadata) {
  for (const auto& [name, value] : metadata) headers.Add(std::string(kMetaPrefix) + name, value);
}

std::string EncodeProperties(const MetadataMap& metadata) {
  std::string text;
  for (const auto& [name, value] : metadata) {
    if (!text.empty()) text += ',';
    text += name + "=" + Base64Encode(AsBytes(value));
  }
  return text;
}

ContentHeaders WithoutDefaultType(ContentHeaders content) {
  if (content.type == "application/octet-stream") content.type.clear();
  return content;
}

ContentHeaders ContentFromHeaders(const HttpHeaders& headers) {
  const auto value = [&](const char* name) { return std::string(headers.Get(name)); };
  return WithoutDefaultType({.type = value("Content-Type"),
                             .encoding = value("Content-Encoding"),
                             .language = value("Content-Language"),
                             .disposition = value("Content-Disposition"),
                             .cache_control = value("Cache-Control")});
}

std::optional<AccessControl> AccessFromHeaders(const HttpHeaders& headers) {
  const std::string* acl = headers.Find("x-ms-acl");
  if (acl == nullptr || acl->empty()) return std::nullopt;
  return AccessControl{.owner = std::string(headers.Get("x-ms-owner")),
                       .group = std::string(headers.Get("x-ms-group")),
                       .acl = *acl};
}

std::string TierFromHeaders(const HttpHeaders& headers) {
  if (headers.Get("x-ms-access-tier-inferred") == "true") return {};
  return std::string(headers.Get("x-ms-access-tier"));
}

bool IsFolderMarker(const MetadataMap& metadata) {
  return std::any_of(metadata.begin(), metadata.end(), [](const auto& field) {
    return SameText(field.second, "true") &&
           (SameText(field.first, "hdi_isfolder") || SameText(field.first, "asv_isfolder") ||
            SameText(field.first, "is_directory"));
  });
}

std::string TakeUploadMark(MetadataMap& metadata) {
  const auto mark = std::find_if(metadata.begin(), metadata.end(), [](const auto& field) {
    return SameText(field.first, kUploadKey);
  });
  if (mark == metadata.end()) return {};
  std::string nonce = std::move(mark->second);
  metadata.erase(mark);
  return nonce;
}

ObjectInfo Describe(MetadataDialect dialect, Sighting sighting) {
  ObjectInfo info{.key = std::move(sighting.key),
                  .kind = sighting.is_directory ? NodeKind::kDirectory : NodeKind::kFile,
                  .size_bytes = sighting.is_directory ? 0 : sighting.size_bytes,
                  .etag = std::move(sighting.etag),
                  .last_modified = sighting.last_modified,
                  .told_at = sighting.told_at};
  if (!sighting.is_directory) info.digests.md5 = sighting.md5;
  if (sighting.metadata) {
    TakeUploadMark(*sighting.metadata);
    const auto recorded =
        TakeRecordedCrc32c(*sighting.metadata, {.size_bytes = sighting.size_bytes,
                                                .last_modified = sighting.last_modified,
                                                .has_service_digest = sighting.md5.has_value()});
    if (!sighting.is_directory) info.digests.crc32c = recorded;
    PosixMetadata decoded = DecodePosixMetadata(dialect, info.kind, *sighting.metadata);
    info.attributes = std::move(decoded.attributes);
    info.attributes->access = std::move(sighting.access);
    if (!sighting.is_directory) {
      info.attributes->content = std::move(sighting.content);
      info.attributes->tier = std::move(sighting.tier);
    }
    // A blob with content is a file, whatever its metadata claims.
    if (decoded.kind == NodeKind::kSymlink && !sighting.is_directory)
      info.kind = NodeKind::kSymlink;
  }
  return info;
}

Sighting SightingFromHeaders(const ObjectKey& key, const HttpHeaders& headers) {
  Sighting sighting{.key = key,
                    .size_bytes = ParseFileLength(headers.Get("Content-Length")).value_or(0),
                    .etag = StripETag(headers.Get("ETag")),
                    .last_modified = ParseTime(headers.Get("Last-Modified")),
                    .told_at = ParseTime(headers.Get("Date")),
                    .metadata = MetadataFromHeaders(headers),
                    .md5 = DecodeMd5(headers.Get("Content-MD5")),
                    .content = ContentFromHeaders(headers),
                    .tier = TierFromHeaders(headers),
                    .access = AccessFromHeaders(headers)};
  // Bytes are content, whatever else the reply says of them.
  sighting.is_directory =
      sighting.size_bytes == 0 &&
      (headers.Get("x-ms-resource-type") == "directory" || IsFolderMarker(*sighting.metadata));
  return sighting;
}

}  // namespace skybridge::azure
