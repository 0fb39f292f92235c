#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/time_text.h"
#include "tests/localcloud/oci_checksums.h"
#include "tests/localcloud/oci_handlers.h"
#include "tests/localcloud/oci_json.h"

namespace skybridge::localcloud::oci {
namespace {

using nlohmann::json;

constexpr int kMaxPartNumber = 10'000;
constexpr std::int64_t kMaxEntriesPerPage = 1000;

// The part numbers of a commit, ascending, and the ETag each must have. A request may list them in
// any order: rclone sends them as they were finished, and works with the service (seen 2026-11-29).
struct CommitList {
  std::vector<std::pair<int, std::string>> parts;
  std::set<int> excluded;
};

tl::unexpected<OciFailure> InvalidPart(std::string message) {
  return Refuse(400, "InvalidUploadPart", std::move(message));
}

json Describe(const Bucket& bucket, const Upload& upload) {
  return {{"namespace", bucket.namespace_name},
          {"bucket", bucket.name},
          {"object", upload.object},
          {"uploadId", upload.id},
          {"timeCreated", FormatRfc3339(upload.created, 3)},
          {"storageTier", upload.properties.storage_tier}};
}

// The upload that the path and `uploadId` name together.
Outcome<Upload*> NeedUpload(Bucket& bucket, const OciCall& call) {
  const std::string* id = call.query.Find("uploadId");
  if (id == nullptr) return Refuse(400, "MissingParameter", "uploadId is required");
  const auto found = bucket.uploads.find(*id);
  if (found == bucket.uploads.end() || found->second.object != call.object) {
    return Refuse(404, "UploadNotFound", "No such upload");
  }
  return &found->second;
}

Outcome<ObjectProperties> PropertiesFromJson(const json& details) {
  ObjectProperties properties;
  const std::string type = OCI_TRY(OptionalText(details, "contentType"));
  if (!type.empty()) properties.content_type = type;
  constexpr std::pair<std::string_view, std::string_view> kStored[] = {
      {"contentLanguage", "content-language"},
      {"contentEncoding", "content-encoding"},
      {"contentDisposition", "content-disposition"},
      {"cacheControl", "cache-control"}};
  for (const auto& [member, header] : kStored) {
    std::string value = OCI_TRY(OptionalText(details, member));
    if (!value.empty()) properties.headers[std::string(header)] = std::move(value);
  }
  properties.storage_tier = OCI_TRY(OptionalText(details, "storageTier"));
  if (!properties.storage_tier.empty()) OCI_CHECK(CheckStorageTier(properties.storage_tier));
  OCI_CHECK(AddMetadataMember(details, "metadata", properties));
  return properties;
}

Outcome<int> PartNumber(const json& value) {
  if (!value.is_number_integer() || value < 1 || value > kMaxPartNumber) {
    return Refuse(400, "InvalidUploadPartNumber",
                  fmt::format("A part number must be from 1 to {}", kMaxPartNumber));
  }
  return value.get<int>();
}

Outcome<CommitList> ParseCommit(const std::string& body) {
  const json details = OCI_TRY(ParseJsonObject(body));
  CommitList list;
  const json parts = details.value("partsToCommit", json());
  if (!parts.is_array() || parts.empty())
    return Refuse(400, "MissingParameter", "partsToCommit must list the parts");
  for (const json& part : parts) {
    if (!part.is_object())
      return InvalidPart("A part to commit is an object with partNum and etag");
    const int number = OCI_TRY(PartNumber(part.value("partNum", json())));
    std::string etag(Unquoted(OCI_TRY(RequiredText(part, "etag"))));
    list.parts.emplace_back(number, std::move(etag));
  }
  std::sort(list.parts.begin(), list.parts.end());
  const auto twice =
      std::adjacent_find(list.parts.begin(), list.parts.end(),
                         [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != list.parts.end())
    return InvalidPart(fmt::format("Part {} is committed twice", twice->first));
  const json excluded = details.value("partsToExclude", json());
  if (!excluded.is_array() && !excluded.is_null())
    return InvalidPart("partsToExclude must be an array");
  for (const json& number : excluded) list.excluded.insert(OCI_TRY(PartNumber(number)));
  return list;
}

// Every uploaded part must be in exactly one of the two lists, with the ETag it has now.
Outcome<std::vector<const Part*>> SelectParts(const Upload& upload, const CommitList& list,
                                              const OciLimits& limits) {
  std::vector<const Part*> chosen;
  for (const auto& [number, etag] : list.parts) {
    const auto part = upload.parts.find(number);
    if (part == upload.parts.end())
      return InvalidPart(fmt::format("Part {} was not uploaded", number));
    if (part->second.etag != etag)
      return InvalidPart(fmt::format("Part {} has another entity tag", number));
    if (list.excluded.contains(number))
      return InvalidPart(fmt::format("Part {} is committed and excluded", number));
    const bool is_last = number == list.parts.back().first;
    if (!is_last && part->second.blob->slice.bytes.size() < limits.min_part_size_bytes) {
      return InvalidPart(
          fmt::format("Part {} is smaller than {} bytes", number, limits.min_part_size_bytes));
    }
    chosen.push_back(&part->second);
  }
  const std::size_t excluded = static_cast<std::size_t>(
      std::count_if(upload.parts.begin(), upload.parts.end(),
                    [&](const auto& entry) { return list.excluded.contains(entry.first); }));
  if (chosen.size() + excluded != upload.parts.size()) {
    return InvalidPart("Every uploaded part must be committed or excluded");
  }
  return chosen;
}

Object Assemble(const Upload& upload, const std::vector<const Part*>& parts) {
  Object object{.name = upload.object};
  object.properties = upload.properties;
  object.digests = MultipartDigests(parts, upload.algorithm);
  for (const Part* part : parts) {
    object.blobs.push_back(part->blob);
    object.size_bytes += part->blob->slice.bytes.size();
  }
  return object;
}

// One page of an array: `entries` are (token, JSON), tokens ascending; the page begins after the
// token of `page`.
template <class Entries, class Render>
Outcome<Response> ArrayPage(const OciQuery& query, const Entries& entries, const Render& render) {
  const auto limit = OCI_TRY(
      NumberParameter(query, "limit", 1, kMaxEntriesPerPage, kMaxEntriesPerPage, "InvalidLimit"));
  const std::string page(query.Get("page"));
  json body = json::array();
  std::string last;
  for (const auto& [key, entry] : entries) {
    const std::string token = fmt::format("{:0>5}", key);
    if (token <= page) continue;
    if (std::ssize(body) == limit) {
      Response response = JsonResponse(200, body.dump());
      response.headers.Add("opc-next-page", last);
      return response;
    }
    body.push_back(render(key, entry));
    last = token;
  }
  return JsonResponse(200, body.dump());
}

}  // namespace

Outcome<Response> CreateMultipartUpload(OciState& state, const OciCall& call) {
  const json details = OCI_TRY(ParseJsonObject(call.request.body));
  const WriteConditions conditions = OCI_TRY(ReadWriteConditions(call.request.headers));
  Upload upload{.id = NewUuid(), .created = call.now};
  upload.object = OCI_TRY(RequiredText(details, "object"));
  OCI_CHECK(CheckObjectName(upload.object));
  upload.properties = OCI_TRY(PropertiesFromJson(details));
  upload.algorithm = OCI_TRY(ReadChecksumAlgorithm(call.request.headers));

  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const ObjectRef current = OciState::FindObject(*bucket, upload.object);
  OCI_CHECK(CheckWriteConditions(conditions, current != nullptr ? &current->etag : nullptr));
  if (upload.properties.storage_tier.empty()) upload.properties.storage_tier = bucket->default_tier;
  const Upload& added = state.AddUpload(*bucket, std::move(upload));
  Response response = JsonResponse(200, Describe(*bucket, added).dump());
  response.headers.Add("location", fmt::format("{}{}/n/{}/b/{}/u/{}", SchemeOf(call.request),
                                               call.request.local_address, bucket->namespace_name,
                                               bucket->name, PercentEncode(added.object)));
  return response;
}

Outcome<Response> ListMultipartUploads(OciState& state, const OciCall& call) {
  const MutexLock lock(state.mutex);
  const Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  return ArrayPage(call.query, bucket->uploads, [&](const std::string&, const Upload& upload) {
    return Describe(*bucket, upload);
  });
}

Outcome<Response> UploadPart(OciState& state, const OciCall& call) {
  const int number = static_cast<int>(OCI_TRY(NumberParameter(
      call.query, "uploadPartNum", 1, kMaxPartNumber, 0, "InvalidUploadPartNumber")));
  if (number == 0) return Refuse(400, "MissingParameter", "uploadPartNum is required");
  if (call.request.body.empty()) return InvalidPart("A part must not be empty");
  OCI_CHECK(CheckBodySize(call, state.limits()));
  const WriteConditions conditions = OCI_TRY(ReadWriteConditions(call.request.headers));
  std::string algorithm;
  {
    const MutexLock lock(state.mutex);
    Bucket* bucket = OCI_TRY(NeedBucket(state, call));
    algorithm = OCI_TRY(NeedUpload(*bucket, call))->algorithm;
  }
  const BodyDigests digests =
      OCI_TRY(CheckBody(call.request.headers, AsBytes(call.request.body), algorithm));

  KeptBody body(state, call.request.body);
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  Upload* upload = OCI_TRY(NeedUpload(*bucket, call));
  const auto current = upload->parts.find(number);
  OCI_CHECK(CheckWriteConditions(conditions,
                                 current != upload->parts.end() ? &current->second.etag : nullptr));
  Part part{.etag = NewUuid(), .md5 = digests.md5, .uploaded = call.now};
  if (digests.algorithm == upload->algorithm) part.digest = digests.digest;
  Response response = EmptyResponse(200);
  response.headers.Add("etag", part.etag);
  digests.AddTo(response.headers);
  part.blob = body.Take();
  state.PutPart(*bucket, *upload, number, std::move(part));
  return response;
}

Outcome<Response> ListMultipartUploadParts(OciState& state, const OciCall& call) {
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const Upload* upload = OCI_TRY(NeedUpload(*bucket, call));
  return ArrayPage(call.query, upload->parts, [](int number, const Part& part) {
    return json{{"partNumber", number},
                {"etag", part.etag},
                {"md5", part.md5},
                {"size", part.blob->slice.bytes.size()}};
  });
}

Outcome<Response> CommitMultipartUpload(OciState& state, const OciCall& call) {
  const CommitList list = OCI_TRY(ParseCommit(call.request.body));
  const WriteConditions conditions = OCI_TRY(ReadWriteConditions(call.request.headers));
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const Upload* upload = OCI_TRY(NeedUpload(*bucket, call));
  const auto parts = OCI_TRY(SelectParts(*upload, list, state.limits()));
  Object object = Assemble(*upload, parts);
  if (object.size_bytes > state.limits().max_object_bytes)
    return Refuse(413, "RequestEntityTooLarge", "The object is over the size that one may have");
  const ObjectRef current = OciState::FindObject(*bucket, call.object);
  OCI_CHECK(CheckWriteConditions(conditions, current != nullptr ? &current->etag : nullptr));
  const ObjectRef published = Publish(state, *bucket, std::move(object), call.now);
  state.EraseUpload(*bucket, call.query.Get("uploadId"));
  Response response = EmptyResponse(200);
  AddWriteHeaders(*published, response.headers);
  for (const auto& [name, value] : published->digests) response.headers.Add(name, value);
  return response;
}

Outcome<Response> AbortMultipartUpload(OciState& state, const OciCall& call) {
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const Upload* upload = OCI_TRY(NeedUpload(*bucket, call));
  const std::string id = upload->id;
  state.EraseUpload(*bucket, id);
  return EmptyResponse(204);
}

}  // namespace skybridge::localcloud::oci
