// What replies of both protocols have in common: ETags, metadata, and an object's description in
// its headers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backends/http_transport.h"
#include "backends/object_store.h"
#include "backends/posix_metadata.h"

namespace skybridge::azure {

// Without its quotes: listings carry it so, headers quoted.
ETag StripETag(std::string_view text);
// Quoted, as If-Match wants it.
std::string QuoteETag(const ETag& etag);

// RFC 1123; the epoch when there is none.
WallTime ParseTime(std::string_view text);

// What both protocols say of an object's metadata: x-ms-meta-* (Blob), x-ms-properties (DFS).
MetadataMap MetadataFromHeaders(const HttpHeaders& headers);
void AddMetadata(HttpHeaders& headers, const MetadataMap& metadata);
// "name=base64(value),...": x-ms-properties of the DFS protocol.
std::string EncodeProperties(const MetadataMap& metadata);

// Of a HEAD or GET. Source: Azure REST: Get Blob Properties; x-ms-access-tier is not the blob's own
// where x-ms-access-tier-inferred comes with it.
ContentHeaders ContentFromHeaders(const HttpHeaders& headers);
std::string TierFromHeaders(const HttpHeaders& headers);
// x-ms-owner, x-ms-group and x-ms-acl; nothing without the latter.
std::optional<AccessControl> AccessFromHeaders(const HttpHeaders& headers);
// As Attributes has it: what the service tells of a blob that was written without a type is no type.
ContentHeaders WithoutDefaultType(ContentHeaders content);

// Whether metadata marks a zero-byte blob as a directory: hdi_isfolder (every tool), asv_isfolder
// (old WASB), is_directory (adlfs). Names and value compare without case.
bool IsFolderMarker(const MetadataMap& metadata);

// The metadata that says which upload made a file. It lets a commit that is repeated recognise
// itself; it is not shown.
inline constexpr std::string_view kUploadKey = "skybridge_upload";
// Takes it out of `metadata`; "" if there is none.
std::string TakeUploadMark(MetadataMap& metadata);

// Where an object was seen: what a listing entry and the headers of a HEAD have in common.
struct Sighting {
  ObjectKey key;
  bool is_directory = false;  // the service says so, or its name does
  std::uint64_t size_bytes = 0;
  ETag etag;
  WallTime last_modified{};
  WallTime told_at{};
  std::optional<MetadataMap> metadata;
  std::optional<Md5Digest> md5;
  ContentHeaders content = {};
  std::string tier = {};                // empty: inferred from the account's default
  std::optional<AccessControl> access;  // hierarchical accounts, where the reply tells it
};
// Content-MD5 counts as the store's digest: it is computed by Put Blob, but only stored by a block
// list or a flush. Of what we uploaded in parts, the CRC-32C is in the metadata.
ObjectInfo Describe(MetadataDialect dialect, Sighting sighting);

// Of a HEAD on a blob.
Sighting SightingFromHeaders(const ObjectKey& key, const HttpHeaders& headers);

}  // namespace skybridge::azure
