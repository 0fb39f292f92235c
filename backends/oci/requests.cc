#include "backends/oci/requests.h"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/digest.h"

namespace skybridge::oci {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMetadataPrefix = "opc-meta-";
// The service adds no digest to a listing but md5, and no metadata at all.
constexpr std::string_view kListFields = "name%2Csize%2Cetag%2Cmd5%2CtimeModified";
// With bodies from here on a refusal (401, 412, 413) is awaited before gigabytes are sent.
constexpr std::size_t kExpectContinueBytes = std::size_t{1} << 20;

// "." and ".." are legal names; as they stand, every URL library would eat them.
std::string EncodeName(std::string_view name) {
  if (name == ".") return "%2E";
  if (name == "..") return "%2E%2E";
  return PercentEncode(name);
}

std::string BucketUrl(const BucketAddress& bucket) {
  return bucket.endpoint + bucket.access + "/n/" + PercentEncode(bucket.name_space) + "/b/" +
         PercentEncode(bucket.bucket);
}
std::string ObjectUrl(const BucketAddress& bucket, std::string_view name) {
  return BucketUrl(bucket) + "/o/" + EncodeName(name);
}
bool IsAccessPath(std::string_view upload_id) { return upload_id.starts_with('/'); }
std::string UploadUrl(const BucketAddress& bucket, std::string_view name,
                      std::string_view upload_id) {
  if (IsAccessPath(upload_id)) return bucket.endpoint + std::string(upload_id);
  return BucketUrl(bucket) + "/u/" + EncodeName(name) + "?uploadId=" + PercentEncode(upload_id);
}

Call MakeCall(std::string operation, std::string method, std::string url) {
  Call call;
  call.http.operation = std::move(operation);
  call.http.method = std::move(method);
  call.http.url = std::move(url);
  return call;
}

Call MakeJsonCall(std::string operation, std::string url, const Json& body) {
  Call call = MakeCall(std::move(operation), "POST", std::move(url));
  call.signing = SigningProfile::kJsonBody;
  // A name that is not UTF-8 cannot be in JSON; the replacement never matches an object, so nothing
  // wrong is touched.
  call.json = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return call;
}

void AddIfMatch(const std::optional<ETag>& if_match, HttpRequest& request) {
  if (if_match) request.headers.Add("if-match", if_match->value);
}

void AddConditions(const Conditions& conditions, HttpRequest& request) {
  AddIfMatch(conditions.if_match, request);
  if (conditions.must_not_exist) request.headers.Add("if-none-match", "*");
}

void AddChecksum(std::uint32_t crc32c, HttpRequest& request) {
  request.headers.Add("opc-checksum-algorithm", "CRC32C");
  request.headers.Add("opc-content-crc32c", EncodeCrc32c(crc32c));
}

void AddContent(const StoredHeaders& stored_headers, const Metadata& metadata,
                HttpRequest& request) {
  if (!stored_headers.contains("content-type"))
    request.headers.Add("content-type", "application/octet-stream");
  for (const auto& [name, value] : stored_headers) request.headers.Add(name, value);
  for (const auto& [name, value] : metadata)
    request.headers.Add(std::string(kMetadataPrefix) + name, value);
}

// "content-type" -> "contentType": the JSON member of CreateMultipartUpload for a header of
// PutObject.
std::string MemberOfHeader(std::string_view header) {
  std::string member;
  bool upper = false;
  for (const char c : header) {
    if (c != '-') member += upper ? static_cast<char>(c - 'a' + 'A') : c;
    upper = c == '-';
  }
  return member;
}

Json MetadataMember(const Metadata& metadata) {
  Json member = Json::object();
  for (const auto& [name, value] : metadata) member[std::string(kMetadataPrefix) + name] = value;
  return member;
}

// As a PUT of the object: what CreateMultipartUpload has in its body stands in the headers.
Call MakeCreateUploadThrough(const BucketAddress& bucket,
                             const CreateUploadParameters& parameters) {
  Call call = MakeCall("oci.create_multipart", "PUT", ObjectUrl(bucket, parameters.name));
  call.http.headers.Add("opc-multipart", "true");
  AddContent(parameters.stored_headers, parameters.metadata, call.http);
  call.http.headers.Add("opc-checksum-algorithm", "CRC32C");
  AddConditions(parameters.conditions, call.http);
  return call;
}

}  // namespace

Call MakeGetNamespace(std::string_view endpoint) {
  return MakeCall("oci.get_namespace", "GET", std::string(endpoint) + "/n");
}

Call MakeListObjects(const BucketAddress& bucket, const ListParameters& parameters) {
  // Empty parameters are left out: the service refuses an empty delimiter.
  std::string url =
      fmt::format("{}{}?fields={}&limit={}", BucketUrl(bucket),
                  bucket.access.empty() ? "/o" : "/o/", kListFields, parameters.limit);
  if (!parameters.prefix.empty()) url += "&prefix=" + PercentEncode(parameters.prefix);
  if (!parameters.start.empty()) url += "&start=" + PercentEncode(parameters.start);
  if (parameters.fold_subdirectories) url += "&delimiter=%2F";
  return MakeCall("oci.list_objects", "GET", std::move(url));
}

Call MakeHeadObject(const BucketAddress& bucket, std::string_view name,
                    const std::optional<ETag>& if_match) {
  Call call = MakeCall("oci.head_object", "HEAD", ObjectUrl(bucket, name));
  AddIfMatch(if_match, call.http);
  return call;
}

Call MakeGetObject(const BucketAddress& bucket, std::string_view name, ByteRange range,
                   const std::optional<ETag>& if_match) {
  Call call = MakeCall("oci.get_object", "GET", ObjectUrl(bucket, name));
  call.http.headers.Add("range",
                        fmt::format("bytes={}-{}", range.offset_bytes, range.end_bytes() - 1));
  AddIfMatch(if_match, call.http);
  return call;
}

StoredHeaders StoredHeadersOf(const HttpHeaders& reply) {
  constexpr std::array<std::string_view, 6> kNames = {"content-type",     "content-encoding",
                                                      "content-language", "content-disposition",
                                                      "cache-control",    "storage-tier"};
  StoredHeaders kept;
  for (const std::string_view name : kNames) {
    if (const std::string* value = reply.Find(name); value != nullptr && !value->empty()) {
      kept[std::string(name)] = *value;
    }
  }
  return kept;
}

Call MakePutObject(const BucketAddress& bucket, const PutParameters& parameters) {
  Call call = MakeCall("oci.put_object", "PUT", ObjectUrl(bucket, parameters.name));
  call.signing = SigningProfile::kRawBody;
  call.http.body = parameters.body;
  call.http.expect_continue = parameters.body.size() >= kExpectContinueBytes;
  AddContent(parameters.stored_headers, parameters.metadata, call.http);
  AddChecksum(parameters.crc32c, call.http);
  AddConditions(parameters.conditions, call.http);
  return call;
}

Call MakeDeleteObject(const BucketAddress& bucket, std::string_view name,
                      const std::optional<ETag>& if_match) {
  Call call = MakeCall("oci.delete_object", "DELETE", ObjectUrl(bucket, name));
  AddIfMatch(if_match, call.http);
  return call;
}

Call MakeBatchDelete(const BucketAddress& bucket, std::span<const NamedVersion> objects) {
  Json list = Json::array();
  for (const NamedVersion& object : objects) {
    Json entry = {{"objectName", object.name}};
    if (object.if_match) entry["ifMatch"] = object.if_match->value;
    list.push_back(std::move(entry));
  }
  return MakeJsonCall("oci.batch_delete", BucketUrl(bucket) + "/actions/batchDeleteObjects",
                      {{"objects", std::move(list)}, {"isSkipDeletedResult", true}});
}

Call MakeRenameObject(const BucketAddress& bucket, const RenameParameters& parameters) {
  Json body = {{"sourceName", parameters.source}, {"newName", parameters.destination}};
  if (parameters.source_if_match) body["srcObjIfMatchETag"] = parameters.source_if_match->value;
  if (parameters.destination_conditions.if_match) {
    body["newObjIfMatchETag"] = parameters.destination_conditions.if_match->value;
  } else if (parameters.destination_conditions.must_not_exist) {
    body["newObjIfNoneMatchETag"] = "*";
  }
  return MakeJsonCall("oci.rename_object", BucketUrl(bucket) + "/actions/renameObject", body);
}

Call MakeRewriteMetadata(const BucketAddress& bucket, const RewriteParameters& parameters) {
  Json body = {{"sourceObjectName", parameters.name},
               {"destinationRegion", parameters.region},
               {"destinationNamespace", bucket.name_space},
               {"destinationBucket", bucket.bucket},
               {"destinationObjectName", parameters.name},
               {"sourceObjectIfMatchETag", parameters.etag.value},
               {"destinationObjectIfMatchETag", parameters.etag.value},
               {"destinationObjectMetadata", MetadataMember(parameters.metadata)}};
  if (!parameters.storage_tier.empty())
    body["destinationObjectStorageTier"] = parameters.storage_tier;
  return MakeJsonCall("oci.copy_object", BucketUrl(bucket) + "/actions/copyObject", body);
}

Call MakeGetWorkRequest(std::string_view endpoint, std::string_view id) {
  return MakeCall("oci.work_request", "GET",
                  std::string(endpoint) + "/workRequests/" + PercentEncode(id));
}

Call MakeGetWorkErrors(std::string_view endpoint, std::string_view id) {
  return MakeCall("oci.work_request", "GET",
                  std::string(endpoint) + "/workRequests/" + PercentEncode(id) + "/errors");
}

Call MakeCreateUpload(const BucketAddress& bucket, const CreateUploadParameters& parameters) {
  if (!bucket.access.empty()) return MakeCreateUploadThrough(bucket, parameters);
  Json body = {{"object", parameters.name},
               {"contentType", "application/octet-stream"},
               {"metadata", MetadataMember(parameters.metadata)}};
  for (const auto& [header, value] : parameters.stored_headers)
    body[MemberOfHeader(header)] = value;
  Call call = MakeJsonCall("oci.create_multipart", BucketUrl(bucket) + "/u", body);
  call.http.headers.Add("opc-checksum-algorithm", "CRC32C");
  AddConditions(parameters.conditions, call.http);
  return call;
}

Call MakeUploadPart(const BucketAddress& bucket, const PartParameters& parameters) {
  const std::string_view place = IsAccessPath(parameters.upload_id) ? "" : "&uploadPartNum=";
  Call call = MakeCall("oci.upload_part", "PUT",
                       UploadUrl(bucket, parameters.name, parameters.upload_id) +
                           fmt::format("{}{}", place, parameters.part_number));
  call.signing = SigningProfile::kRawBody;
  call.http.body = parameters.body;
  call.http.expect_continue = parameters.body.size() >= kExpectContinueBytes;
  call.http.headers.Add("content-type", "application/octet-stream");
  // Conditions here would be of the part, not of the object: none are sent.
  AddChecksum(parameters.crc32c, call.http);
  return call;
}

Call MakeCommitUpload(const BucketAddress& bucket, const CommitParameters& parameters) {
  Json parts = Json::array();
  for (const PartReceipt& part : parameters.parts) {
    parts.push_back({{"partNum", part.part_number}, {"etag", part.tag}});
  }
  std::string url = UploadUrl(bucket, parameters.name, parameters.upload_id);
  Call call = IsAccessPath(parameters.upload_id)
                  ? MakeCall("oci.commit_multipart", "POST", std::move(url))
                  : MakeJsonCall("oci.commit_multipart", std::move(url),
                                 {{"partsToCommit", std::move(parts)}});
  AddConditions(parameters.conditions, call.http);
  return call;
}

Call MakeAbortUpload(const BucketAddress& bucket, std::string_view name,
                     std::string_view upload_id) {
  return MakeCall("oci.abort_multipart", "DELETE", UploadUrl(bucket, name, upload_id));
}

}  // namespace skybridge::oci
