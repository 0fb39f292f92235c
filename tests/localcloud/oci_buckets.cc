#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/time_text.h"
#include "tests/localcloud/oci_handlers.h"
#include "tests/localcloud/oci_json.h"

namespace skybridge::localcloud::oci {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBucketNameBytes = 256;
constexpr std::size_t kMaxBucketMetadataBytes = 4096;  // names and values
constexpr std::int64_t kMaxBucketsPerPage = 1000;

// The members of the Bucket resource that a client may set, with what they are when it does not.
const json& DefaultSettings() {
  static const json kDefaults = {
      {"metadata", json::object()},    {"publicAccessType", "NoPublicAccess"},
      {"objectEventsEnabled", false},  {"freeformTags", json::object()},
      {"definedTags", json::object()}, {"kmsKeyId", nullptr},
      {"isBucketKeyEnabled", false},   {"versioning", "Disabled"},
      {"autoTiering", "Disabled"}};
  return kDefaults;
}

std::optional<OciFailure> CheckBucketName(std::string_view name) {
  const bool well_formed = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
  if (well_formed && !name.empty() && name.size() <= kMaxBucketNameBytes) return std::nullopt;
  return OciFailure{400, "InvalidBucketName",
                    fmt::format("'{}' cannot be the name of a bucket", name)};
}

std::optional<OciFailure> CheckBucketMetadata(const json& metadata) {
  std::size_t size = 0;
  for (const auto& [name, value] : metadata.items()) {
    if (!value.is_string())
      return OciFailure{400, "InvalidParameter", "'metadata' holds what is no text"};
    size += name.size() + value.get_ref<const std::string&>().size();
  }
  if (size <= kMaxBucketMetadataBytes) return std::nullopt;
  return OciFailure{400, "MetadataTooLarge",
                    fmt::format("The bucket's metadata has {} bytes; the limit is {}", size,
                                kMaxBucketMetadataBytes)};
}

// Takes over the members of `wanted` that are known; a null leaves a member as it is.
std::optional<OciFailure> Merge(const json& wanted, json& settings) {
  for (auto& [name, value] : settings.items()) {
    if (!wanted.contains(name) || wanted.at(name).is_null()) continue;
    const json& replacement = wanted.at(name);
    if (!value.is_null() && value.type() != replacement.type()) {
      return OciFailure{400, "InvalidParameter", fmt::format("'{}' has the wrong type", name)};
    }
    value = replacement;
  }
  if (auto failure = CheckBucketMetadata(settings.at("metadata"))) return failure;
  if (settings.at("versioning") == "Enabled") {
    return OciFailure{501, "NotImplemented", "This local cloud keeps one version of each object"};
  }
  return std::nullopt;
}

json Describe(const Bucket& bucket) {
  json body = json::parse(bucket.settings);
  body["namespace"] = bucket.namespace_name;
  body["name"] = bucket.name;
  body["id"] = fmt::format("ocid1.bucket.oc1.local.{}.{}", bucket.namespace_name, bucket.name);
  body["compartmentId"] = bucket.compartment_id;
  body["createdBy"] = bucket.created_by;
  body["timeCreated"] = FormatRfc3339(bucket.created, 3);
  body["etag"] = bucket.etag;
  body["storageTier"] = bucket.default_tier;
  body["approximateCount"] = nullptr;
  body["approximateSize"] = nullptr;
  body["replicationEnabled"] = false;
  body["isReadOnly"] = false;
  body["objectLifecyclePolicyEtag"] = nullptr;
  body["bucketScope"] = "NAMESPACE";
  return body;
}

void AddStatistics(std::string_view fields, const Bucket& bucket, json& body) {
  if (fields.find("approximateCount") != std::string_view::npos)
    body["approximateCount"] = bucket.objects.size();
  if (fields.find("approximateSize") == std::string_view::npos) return;
  std::uint64_t size_bytes = 0;
  for (const auto& [name, object] : bucket.objects) size_bytes += object->size_bytes;
  body["approximateSize"] = size_bytes;
}

json Summarise(const Bucket& bucket, bool with_tags) {
  const json settings = json::parse(bucket.settings);
  return {{"namespace", bucket.namespace_name},
          {"name", bucket.name},
          {"compartmentId", bucket.compartment_id},
          {"createdBy", bucket.created_by},
          {"timeCreated", FormatRfc3339(bucket.created, 3)},
          {"etag", bucket.etag},
          {"freeformTags", with_tags ? settings.at("freeformTags") : json()},
          {"definedTags", with_tags ? settings.at("definedTags") : json()}};
}

// The bucket itself is asked for, not something in it: the service words this differently.
Outcome<Bucket*> NeedThisBucket(OciState& state, const OciCall& call) REQUIRES(state.mutex) {
  Bucket* bucket = state.FindBucket(call.namespace_name, call.bucket);
  if (bucket != nullptr) return bucket;
  return Refuse(404, "BucketNotFound",
                fmt::format("The bucket '{}' does not exist in namespace '{}'", call.bucket,
                            call.namespace_name));
}

std::optional<OciFailure> CheckConditions(const OciCall& call, const Bucket& bucket) {
  const std::string if_match(Unquoted(call.request.headers.Get("if-match")));
  if (auto failure = CheckWriteConditions({.if_match = if_match}, &bucket.etag)) return failure;
  if (Unquoted(call.request.headers.Get("if-none-match")) != bucket.etag) return std::nullopt;
  OciFailure not_modified{304, {}, {}};
  not_modified.headers.Add("etag", bucket.etag);
  return not_modified;
}

Response BucketResponse(const Bucket& bucket, const json& body) {
  Response response = JsonResponse(200, body.dump());
  response.headers.Add("etag", bucket.etag);
  return response;
}

}  // namespace

Outcome<Response> GetNamespace(OciState& state, const OciCall&) {
  return JsonResponse(200, JsonString(state.namespaces().front()));
}

Outcome<Response> GetNamespaceMetadata(OciState&, const OciCall& call) {
  const std::string compartment = "ocid1.compartment.oc1..local";
  return JsonResponse(200, json{{"namespace", call.namespace_name},
                                {"defaultS3CompartmentId", compartment},
                                {"defaultSwiftCompartmentId", compartment}}
                               .dump());
}

Outcome<Response> ListBuckets(OciState& state, const OciCall& call) {
  const std::string* compartment = call.query.Find("compartmentId");
  if (compartment == nullptr) return Refuse(400, "MissingParameter", "compartmentId is required");
  const auto limit = OCI_TRY(NumberParameter(call.query, "limit", 1, kMaxBucketsPerPage,
                                             kMaxBucketsPerPage, "InvalidLimit"));
  const std::string_view page = call.query.Get("page");  // the last name of the page before
  const bool with_tags = call.query.Get("fields") == "tags";

  const MutexLock lock(state.mutex);
  json body = json::array();
  std::string last;
  for (const Bucket* bucket : state.Buckets(call.namespace_name)) {
    if (bucket->compartment_id != *compartment || bucket->name <= page) continue;
    if (std::ssize(body) == limit) {
      Response response = JsonResponse(200, body.dump());
      response.headers.Add("opc-next-page", last);
      return response;
    }
    body.push_back(Summarise(*bucket, with_tags));
    last = bucket->name;
  }
  return JsonResponse(200, body.dump());
}

Outcome<Response> CreateBucket(OciState& state, const OciCall& call) {
  const json details = OCI_TRY(ParseJsonObject(call.request.body));
  Bucket bucket{
      .namespace_name = call.namespace_name, .created_by = call.user, .created = call.now};
  bucket.name = OCI_TRY(RequiredText(details, "name"));
  bucket.compartment_id = OCI_TRY(RequiredText(details, "compartmentId"));
  OCI_CHECK(CheckBucketName(bucket.name));
  if (const std::string tier = OCI_TRY(OptionalText(details, "storageTier")); !tier.empty()) {
    if (tier == "InfrequentAccess")
      return Refuse(400, "InvalidParameter", "A bucket is Standard or Archive");
    OCI_CHECK(CheckStorageTier(tier));
    bucket.default_tier = tier;
  }
  json settings = DefaultSettings();
  OCI_CHECK(Merge(details, settings));
  bucket.settings = settings.dump();
  bucket.etag = NewUuid();

  const MutexLock lock(state.mutex);
  if (state.FindBucket(call.namespace_name, bucket.name) != nullptr) {
    return Refuse(409, "BucketAlreadyExists",
                  fmt::format("The bucket '{}' already exists in namespace '{}'", bucket.name,
                              call.namespace_name));
  }
  const Bucket& added = state.AddBucket(std::move(bucket));
  Response response = BucketResponse(added, Describe(added));
  response.headers.Add(
      "location", fmt::format("{}{}/n/{}/b/{}", SchemeOf(call.request), call.request.local_address,
                              added.namespace_name, added.name));
  return response;
}

Outcome<Response> GetBucket(OciState& state, const OciCall& call) {
  const MutexLock lock(state.mutex);
  const Bucket* bucket = OCI_TRY(NeedThisBucket(state, call));
  OCI_CHECK(CheckConditions(call, *bucket));
  json body = Describe(*bucket);
  AddStatistics(call.query.Get("fields"), *bucket, body);
  return BucketResponse(*bucket, body);
}

Outcome<Response> HeadBucket(OciState& state, const OciCall& call) {
  const MutexLock lock(state.mutex);
  const Bucket* bucket = OCI_TRY(NeedThisBucket(state, call));
  OCI_CHECK(CheckConditions(call, *bucket));
  Response response = EmptyResponse(200);
  response.headers.Add("etag", bucket->etag);
  return response;
}

Outcome<Response> UpdateBucket(OciState& state, const OciCall& call) {
  const json details = OCI_TRY(ParseJsonObject(call.request.body));
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedThisBucket(state, call));
  OCI_CHECK(CheckConditions(call, *bucket));
  json settings = json::parse(bucket->settings);
  OCI_CHECK(Merge(details, settings));
  bucket->settings = settings.dump();
  bucket->etag = NewUuid();
  state.SaveBucket(*bucket);
  return BucketResponse(*bucket, Describe(*bucket));
}

Outcome<Response> DeleteBucket(OciState& state, const OciCall& call) {
  const MutexLock lock(state.mutex);
  const Bucket* bucket = OCI_TRY(NeedThisBucket(state, call));
  OCI_CHECK(CheckConditions(call, *bucket));
  if (!bucket->objects.empty() || !bucket->uploads.empty()) {
    return Refuse(
        409, "BucketNotEmpty",
        fmt::format("Bucket named '{}' is not empty. Delete all objects and uploads first.",
                    bucket->name));
  }
  state.EraseBucket(*bucket);
  return EmptyResponse(204);
}

}  // namespace skybridge::localcloud::oci
