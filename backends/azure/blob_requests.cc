#include "backends/azure/blob_requests.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "backends/azure/replies.h"
#include "core/digest.h"
#include "core/encoding.h"

namespace skybridge::azure {
namespace {

// Names as Put Blob, Put Block List and Set Blob Properties have them.
void AddContentHeaders(HttpHeaders& headers, const ContentHeaders& content) {
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) headers.Add(name, value);
  };
  add("x-ms-blob-content-type", content.type);
  add("x-ms-blob-content-encoding", content.encoding);
  add("x-ms-blob-content-language", content.language);
  add("x-ms-blob-content-disposition", content.disposition);
  add("x-ms-blob-cache-control", content.cache_control);
}

void AddTier(HttpHeaders& headers, const std::string& tier) {
  if (!tier.empty()) headers.Add("x-ms-access-tier", tier);
}

constexpr const char* kBinary = "application/octet-stream";

void AddIfMatch(HttpHeaders& headers, const std::optional<ETag>& etag) {
  if (etag) headers.Add("If-Match", QuoteETag(*etag));
}

}  // namespace

void AddConditions(HttpHeaders& headers, const Conditions& conditions) {
  AddIfMatch(headers, conditions.if_match);
  if (conditions.must_not_exist) headers.Add("If-None-Match", "*");
}

void AddChecksum(HttpHeaders& headers, ByteSpan body, Checksum checksum) {
  if (checksum == Checksum::kMd5) {
    headers.Add("Content-MD5", Base64Encode(Md5(body)));
  } else {
    headers.Add("x-ms-content-crc64", EncodeCrc64(Crc64Nvme(body)));
  }
}

HttpRequest MakeListBlobsRequest(const ListBlobsParams& params) {
  HttpRequest request{
      .operation = "azure.list_blobs",
      .method = "GET",
      .url = params.container_url + "?restype=container&comp=list&include=metadata"};
  if (params.permissions) request.url += "%2Cpermissions";
  if (params.one_level) request.url += "&delimiter=%2F";
  if (!params.prefix.empty()) request.url += "&prefix=" + PercentEncode(params.prefix);
  if (!params.marker.empty()) request.url += "&marker=" + PercentEncode(params.marker);
  const std::uint32_t limit = params.max_results == 0 ? kMaxListEntries : params.max_results;
  request.url += fmt::format("&maxresults={}", std::min(limit, kMaxListEntries));
  return request;
}

HttpRequest MakeHeadBlobRequest(std::string url) {
  return {.operation = "azure.head", .method = "HEAD", .url = std::move(url)};
}

HttpRequest MakeGetBlobRequest(GetBlobParams params) {
  HttpRequest request{.operation = "azure.get", .method = "GET", .url = std::move(params.url)};
  request.headers.Add(
      "Range", fmt::format("bytes={}-{}", params.range.offset_bytes, params.range.end_bytes() - 1));
  if (params.range.length_bytes <= kMaxRangeDigestBytes) {
    request.headers.Add(params.checksum == Checksum::kMd5 ? "x-ms-range-get-content-md5"
                                                          : "x-ms-range-get-content-crc64",
                        "true");
  }
  AddIfMatch(request.headers, params.if_match);
  return request;
}

HttpRequest MakePutBlobRequest(const PutBlobParams& params) {
  HttpRequest request{
      .operation = "azure.put_blob", .method = "PUT", .url = params.url, .body = params.body};
  request.headers.Add("x-ms-blob-type", "BlockBlob");
  request.headers.Add("Content-Type", kBinary);
  AddChecksum(request.headers, params.body, params.checksum);
  AddContentHeaders(request.headers, params.content);
  AddTier(request.headers, params.tier);
  AddMetadata(request.headers, params.metadata);
  AddConditions(request.headers, params.conditions);
  return request;
}

HttpRequest MakePutBlockRequest(const PutBlockParams& params) {
  HttpRequest request{.operation = "azure.put_block",
                      .method = "PUT",
                      .url = params.url + "?comp=block&blockid=" + PercentEncode(params.block_id),
                      .body = params.body};
  request.headers.Add("Content-Type", kBinary);
  AddChecksum(request.headers, params.body, params.checksum);
  return request;
}

std::string MakeBlockListXml(const std::vector<std::string>& block_ids) {
  std::string xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>";
  for (const std::string& id : block_ids) xml += "<Latest>" + id + "</Latest>";
  return xml + "</BlockList>";
}

HttpRequest MakePutBlockListRequest(const PutBlockListParams& params) {
  HttpRequest request{.operation = "azure.put_block_list",
                      .method = "PUT",
                      .url = params.url + "?comp=blocklist",
                      .body = AsBytes(params.xml)};
  request.headers.Add("Content-Type", "application/xml");
  ContentHeaders content = params.content;
  if (content.type.empty()) content.type = kBinary;  // else the body's own type would be taken
  AddContentHeaders(request.headers, content);
  AddTier(request.headers, params.tier);
  AddMetadata(request.headers, params.metadata);
  AddConditions(request.headers, params.conditions);
  return request;
}

HttpRequest MakeSetMetadataRequest(const SetMetadataParams& params) {
  HttpRequest request{
      .operation = "azure.set_metadata", .method = "PUT", .url = params.url + "?comp=metadata"};
  AddMetadata(request.headers, params.metadata);
  AddIfMatch(request.headers, params.if_match);
  return request;
}

HttpRequest MakeSetBlobPropertiesRequest(const SetBlobPropertiesParams& params) {
  HttpRequest request{.operation = "azure.set_blob_properties",
                      .method = "PUT",
                      .url = params.url + "?comp=properties"};
  ContentHeaders content = params.content;
  if (content.type.empty()) content.type = kBinary;
  AddContentHeaders(request.headers, content);
  if (params.md5) request.headers.Add("x-ms-blob-content-md5", Base64Encode(*params.md5));
  AddIfMatch(request.headers, params.if_match);
  return request;
}

HttpRequest MakeSetTierRequest(const std::string& url, const std::string& tier) {
  HttpRequest request{.operation = "azure.set_tier", .method = "PUT", .url = url + "?comp=tier"};
  AddTier(request.headers, tier);
  return request;
}

HttpRequest MakeDeleteBlobRequest(std::string url, const std::optional<ETag>& if_match) {
  HttpRequest request{.operation = "azure.delete", .method = "DELETE", .url = std::move(url)};
  request.headers.Add("x-ms-delete-snapshots", "include");
  AddIfMatch(request.headers, if_match);
  return request;
}

HttpRequest MakeCopyBlobRequest(const CopyBlobParams& params) {
  HttpRequest request{.operation = "azure.copy", .method = "PUT", .url = params.url};
  request.headers.Add("x-ms-copy-source", params.source_url);
  if (params.source_if_match)
    request.headers.Add("x-ms-source-if-match", QuoteETag(*params.source_if_match));
  AddTier(request.headers, params.tier);
  AddMetadata(request.headers, params.metadata);
  AddConditions(request.headers, params.conditions);
  return request;
}

}  // namespace skybridge::azure
