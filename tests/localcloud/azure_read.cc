// Reading and describing files, blobs and directories, in the words of both protocols.
#include <fmt/format.h>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/azure_blob.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::uint64_t kMaxRangeDigestBytes = std::uint64_t{4} << 20;

void AddIfAny(HttpHeaders& headers, const char* name, const std::string& value) {
  if (!value.empty()) headers.Add(name, value);
}

void DescribeSettings(const Node& node, bool ranged, HttpHeaders& headers) {
  const ContentSettings& settings = node.settings;
  headers.Add("Content-Type", settings.type.empty() ? "application/octet-stream" : settings.type);
  AddIfAny(headers, "Content-Encoding", settings.encoding);
  AddIfAny(headers, "Content-Language", settings.language);
  AddIfAny(headers, "Content-Disposition", settings.disposition);
  AddIfAny(headers, "Cache-Control", settings.cache_control);
  AddIfAny(headers, ranged ? "x-ms-blob-content-md5" : "Content-MD5", settings.md5);
}

bool IsPrintable(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7E) return false;
  }
  return true;
}

// Properties appear base64-encoded in Data Lake's header and plain in Blob's, where they can be
// shown in a header at all.
void DescribeMetadata(const Call& call, const Node& node, HttpHeaders& headers) {
  if (call.target.endpoint != Endpoint::kBlob && !node.metadata.empty()) {
    headers.Add("x-ms-properties", PropertiesText(node.metadata));
  }
  if (call.target.endpoint == Endpoint::kDfs) return;
  for (const auto& [name, value] : node.metadata) {
    if (IsPrintable(value)) headers.Add("x-ms-meta-" + name, value);
  }
  if (node.directory) headers.Add("x-ms-meta-hdi_isfolder", "true");
}

// Headers that a SAS has answers carry instead of the blob's own.
void OverrideSettings(const Query& sas, HttpHeaders& headers) {
  if (!sas.Has("sig")) return;
  constexpr std::pair<std::string_view, std::string_view> kOverrides[] = {
      {"rscc", "Cache-Control"},
      {"rscd", "Content-Disposition"},
      {"rsce", "Content-Encoding"},
      {"rscl", "Content-Language"},
      {"rsct", "Content-Type"}};
  for (const auto& [field, header] : kOverrides) {
    if (sas.Has(field)) headers.Set(header, sas.Get(field));
  }
}

void DescribeSystem(const Call& call, const Node& node, HttpHeaders& headers) {
  headers.Add("Accept-Ranges", "bytes");
  headers.Add("x-ms-server-encrypted", "true");
  headers.Add("x-ms-creation-time", FormatHttpDate(node.created));
  if (node.snapshot.empty()) node.lease.Describe(headers, call.now);
  if (node.expires != WallTime()) headers.Add("x-ms-expiry-time", FormatHttpDate(node.expires));
  if (!call.hierarchical()) return;
  headers.Add("x-ms-resource-type", node.directory ? "directory" : "file");
  headers.Add("x-ms-owner", node.owner);
  headers.Add("x-ms-group", node.group);
  headers.Add("x-ms-permissions", node.acl.Permissions());
  headers.Add("x-ms-acl", node.acl.Text());
}

void DescribeBlob(const Call& call, const Node& node, HttpHeaders& headers) {
  if (call.target.endpoint == Endpoint::kDfs) return;
  headers.Add("x-ms-blob-type", std::string(BlobTypeName(node.kind)));
  if (node.kind == BlobKind::kAppend) {
    headers.Add("x-ms-blob-committed-block-count", std::to_string(node.content.parts().size()));
    if (node.sealed) headers.Add("x-ms-blob-sealed", "true");
  } else {
    headers.Add("x-ms-access-tier", node.tier.empty() ? "Hot" : node.tier);
    if (node.tier.empty()) headers.Add("x-ms-access-tier-inferred", "true");
  }
  if (node.copy.id.empty()) return;
  headers.Add("x-ms-copy-id", node.copy.id);
  headers.Add("x-ms-copy-source", node.copy.source);
  headers.Add("x-ms-copy-status", "success");
  headers.Add("x-ms-copy-completion-time", FormatHttpDate(node.copy.completed));
  headers.Add("x-ms-copy-progress", fmt::format("{0}/{0}", node.content.size()));
}

// `ranged` are the slices of a range that the request asked for; null when it asked for the whole.
void AddRangeDigests(const Call& call, const std::vector<Slice>* ranged, HttpHeaders& headers) {
  const bool md5 = call.header("x-ms-range-get-content-md5") == "true";
  const bool crc = call.header("x-ms-range-get-content-crc64") == "true";
  if (!md5 && !crc) return;
  const std::string name = md5 ? "x-ms-range-get-content-md5" : "x-ms-range-get-content-crc64";
  if (ranged == nullptr || (md5 && crc)) RefuseHeader(name, "true");
  std::uint64_t length = 0;
  for (const Slice& slice : *ranged) length += slice.bytes.size();
  if (length > kMaxRangeDigestBytes) {
    Refuse(400, "OutOfRangeInput",
           "One of the request inputs is out of range: a digest is for 4 MiB at most.");
  }
  Md5Stream md5_stream;
  std::uint64_t crc_value = 0;
  for (const Slice& slice : *ranged) {
    if (md5) md5_stream.Update(AsBytes(slice.bytes));
    if (crc) crc_value = Crc64Nvme(AsBytes(slice.bytes), crc_value);
  }
  if (md5) headers.Add("Content-MD5", Base64Encode(md5_stream.Finish()));
  if (crc) headers.Add("x-ms-content-crc64", EncodeCrc64(crc_value));
}

[[noreturn]] void RefuseRange(std::uint64_t size) {
  Refusal refusal{
      .status = 416,
      .code = "InvalidRange",
      .message = "The range specified is invalid for the current size of the resource."};
  refusal.headers.Add("Content-Range", fmt::format("bytes */{}", size));
  throw refusal;
}

}  // namespace

std::optional<ByteRange> RangeOf(const Call& call, std::uint64_t size) {
  const bool own = call.request.headers.Find("x-ms-range") != nullptr;
  const std::string name = own ? "x-ms-range" : "Range";
  const std::string_view text = call.header(name);
  if (text.empty()) return std::nullopt;
  const std::size_t dash = text.find('-');
  if (!text.starts_with("bytes=") || dash == std::string_view::npos)
    RefuseHeader(name, std::string(text));
  const auto first = ParseNumber(text.substr(6, dash - 6));
  const auto last = ParseNumber(text.substr(dash + 1));
  const bool open = dash + 1 == text.size();
  if (!first || (!last && !open) || (last && *last < *first)) RefuseHeader(name, std::string(text));
  if (*first >= size) RefuseRange(size);
  const std::uint64_t end = open ? size : std::min(size, *last + 1);
  return ByteRange{*first, end - *first};
}

Response ReadBlob(const Call& call) {
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  node->lease.CheckRead(call.request.headers, call.now, call.leased());
  const bool head = call.operation == Operation::kHead;
  if (!head && call.dfs && node->directory) {
    Refuse(409, "ResourceTypeMismatch", "The path is a directory, the operation is for files.");
  }
  if (!head && node->tier == "Archive") {
    Refuse(409, "BlobArchived", "This operation is not permitted on an archived blob.");
  }
  const auto range = head ? std::nullopt : RangeOf(call, node->content.size());
  Response response = ReplyWith(range ? 206 : 200, *node);
  response.slices = node->content.Read(range.value_or(ByteRange{0, node->content.size()}));
  if (range) {
    response.headers.Add("Content-Range",
                         fmt::format("bytes {}-{}/{}", range->offset_bytes, range->end_bytes() - 1,
                                     node->content.size()));
  }
  DescribeSettings(*node, range.has_value(), response.headers);
  OverrideSettings(call.target.query, response.headers);
  AddRangeDigests(call, range ? &response.slices : nullptr, response.headers);
  DescribeSystem(call, *node, response.headers);
  DescribeBlob(call, *node, response.headers);
  DescribeMetadata(call, *node, response.headers);
  return response;
}

Response GetStatus(const Call& call) {
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  node->lease.CheckRead(call.request.headers, call.now, call.leased());
  Response response = ReplyWith(200, *node);
  response.slices = node->content.Read({0, node->content.size()});
  DescribeSettings(*node, /*ranged=*/false, response.headers);
  DescribeSystem(call, *node, response.headers);
  return response;
}

Response GetMetadata(const Call& call) {
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  node->lease.CheckRead(call.request.headers, call.now, call.leased());
  Response response = ReplyWith(200, *node);
  DescribeMetadata(call, *node, response.headers);
  return response;
}

}  // namespace skybridge::localcloud::azure
