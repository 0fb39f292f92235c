// Requests of the Blob protocol as pure functions: nothing here is signed or sent. URLs are encoded
// and have no query.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/azure/options.h"
#include "backends/http_transport.h"
#include "backends/object_store.h"
#include "backends/posix_metadata.h"

namespace skybridge::azure {

// Azure REST: List Blobs, with metadata. 5000 entries a page is the service's most.
inline constexpr std::uint32_t kMaxListEntries = 5000;
struct ListBlobsParams {
  std::string container_url;
  std::string prefix;             // decoded
  bool one_level = true;          // delimiter=/
  std::string marker;             // decoded
  std::uint32_t max_results = 0;  // 0: kMaxListEntries
  bool permissions = false;       // hierarchical accounts only: owner, group and ACL, too
};
HttpRequest MakeListBlobsRequest(const ListBlobsParams& params);

HttpRequest MakeHeadBlobRequest(std::string url);

// Azure REST: Get Blob. Of ranges up to this length the service tells a digest when asked; longer
// ones it refuses with one (x-ms-range-get-content-crc64, x-ms-range-get-content-md5).
inline constexpr std::uint64_t kMaxRangeDigestBytes = std::uint64_t{4} << 20;
struct GetBlobParams {
  std::string url;
  ByteRange range;  // not empty
  std::optional<ETag> if_match;
  Checksum checksum = Checksum::kCrc64;  // asked for where the range allows it
};
HttpRequest MakeGetBlobRequest(GetBlobParams params);

// Azure REST: Put Blob. The service computes and stores the MD5 of what it gets.
struct PutBlobParams {
  std::string url;
  ByteSpan body;
  MetadataMap metadata;
  ContentHeaders content = {};
  std::string tier = {};  // empty: the account's default
  Conditions conditions;
  Checksum checksum = Checksum::kCrc64;
};
HttpRequest MakePutBlobRequest(const PutBlobParams& params);

// Azure REST: Put Block.
struct PutBlockParams {
  std::string url;
  std::string block_id;  // base64; all ids of a blob have one length
  ByteSpan body;
  Checksum checksum = Checksum::kCrc64;
};
HttpRequest MakePutBlockRequest(const PutBlockParams& params);

// The body of Put Block List: <Latest> for each id.
std::string MakeBlockListXml(const std::vector<std::string>& block_ids);
// Azure REST: Put Block List.
struct PutBlockListParams {
  std::string url;
  std::string_view xml;  // must outlive the request
  MetadataMap metadata;
  ContentHeaders content = {};
  std::string tier = {};
  Conditions conditions;
};
HttpRequest MakePutBlockListRequest(const PutBlockListParams& params);

// Azure REST: Set Blob Metadata. Replaces all of it.
struct SetMetadataParams {
  std::string url;
  MetadataMap metadata;
  std::optional<ETag> if_match;
};
HttpRequest MakeSetMetadataRequest(const SetMetadataParams& params);

// Azure REST: Set Blob Properties. Replaces all content headers, and the stored MD5 with them: what
// is not sent is cleared.
struct SetBlobPropertiesParams {
  std::string url;
  ContentHeaders content = {};
  std::optional<Md5Digest> md5;
  std::optional<ETag> if_match;
};
HttpRequest MakeSetBlobPropertiesRequest(const SetBlobPropertiesParams& params);

// Azure REST: Set Blob Tier. ETag and Last-Modified stay; there are no conditions.
HttpRequest MakeSetTierRequest(const std::string& url, const std::string& tier);

// Azure REST: Delete Blob, with its snapshots.
HttpRequest MakeDeleteBlobRequest(std::string url, const std::optional<ETag>& if_match);

// Azure REST: Copy Blob. Metadata, unless some is given, and content headers come along; the tier does not: without one,
// the copy gets the account's default.
struct CopyBlobParams {
  std::string url;
  std::string source_url;
  std::string tier = {};
  MetadataMap metadata = {};
  std::optional<ETag> source_if_match;
  Conditions conditions;
};
HttpRequest MakeCopyBlobRequest(const CopyBlobParams& params);

// Shared with the DFS protocol.
void AddConditions(HttpHeaders& headers, const Conditions& conditions);
void AddChecksum(HttpHeaders& headers, ByteSpan body, Checksum checksum);

}  // namespace skybridge::azure
