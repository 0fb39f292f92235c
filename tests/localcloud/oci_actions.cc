#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/time_text.h"
#include "tests/localcloud/oci_handlers.h"
#include "tests/localcloud/oci_json.h"

namespace skybridge::localcloud::oci {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBatchedDeletes = 1000;
constexpr std::int64_t kDefaultRestoreHours = 24;
constexpr std::int64_t kMaxRestoreHours = 240;

// "newObjIfMatchETag" and the like: conditions that travel in a JSON body.
Outcome<WriteConditions> ConditionsFromJson(const json& details, std::string_view if_match,
                                            std::string_view if_none_match) {
  HttpHeaders headers;
  headers.Add("if-match", OCI_TRY(OptionalText(details, if_match)));
  headers.Add("if-none-match", OCI_TRY(OptionalText(details, if_none_match)));
  return ReadWriteConditions(headers);
}

struct CopyOrder {
  std::string source;
  WriteConditions source_conditions;
  std::string destination_namespace;
  std::string destination_bucket;
  std::string destination;
  WriteConditions destination_conditions;
  std::optional<ObjectProperties> metadata;  // replaces the source's metadata
  std::string storage_tier;                  // "" keeps the source's
};

Outcome<CopyOrder> ParseCopy(const OciState& state, const json& details) {
  CopyOrder order;
  order.source = OCI_TRY(RequiredText(details, "sourceObjectName"));
  order.source_conditions = OCI_TRY(ConditionsFromJson(details, "sourceObjectIfMatchETag", ""));
  order.destination_namespace = OCI_TRY(RequiredText(details, "destinationNamespace"));
  order.destination_bucket = OCI_TRY(RequiredText(details, "destinationBucket"));
  order.destination = OCI_TRY(RequiredText(details, "destinationObjectName"));
  order.destination_conditions = OCI_TRY(ConditionsFromJson(details, "destinationObjectIfMatchETag",
                                                            "destinationObjectIfNoneMatchETag"));
  order.storage_tier = OCI_TRY(OptionalText(details, "destinationObjectStorageTier"));
  const std::string region = OCI_TRY(RequiredText(details, "destinationRegion"));
  if (region != state.region()) {
    return Refuse(400, "InvalidParameter",
                  fmt::format("The region '{}' is not known here", region));
  }
  OCI_CHECK(CheckObjectName(order.destination));
  if (!order.storage_tier.empty()) OCI_CHECK(CheckStorageTier(order.storage_tier));
  if (details.contains("destinationObjectMetadata") &&
      !details.at("destinationObjectMetadata").is_null()) {
    order.metadata.emplace();
    OCI_CHECK(AddMetadataMember(details, "destinationObjectMetadata", *order.metadata));
  }
  return order;
}

// Carries out the copy. The service checks conditions at this point too, after it has accepted the
// order.
std::optional<OciFailure> Copy(OciState& state, const Bucket& from, const CopyOrder& order,
                               WallTime now) REQUIRES(state.mutex) {
  const ObjectRef source = OciState::FindObject(from, order.source);
  if (source == nullptr)
    return OciFailure{404, "ObjectNotFound", "The source object was not found"};
  if (auto failure = CheckWriteConditions(order.source_conditions, &source->etag)) return failure;
  Bucket* to = state.FindBucket(order.destination_namespace, order.destination_bucket);
  if (to == nullptr)
    return OciFailure{404, "BucketNotFound", "The destination bucket was not found"};
  const ObjectRef current = OciState::FindObject(*to, order.destination);
  if (auto failure = CheckWriteConditions(order.destination_conditions,
                                          current != nullptr ? &current->etag : nullptr)) {
    return failure;
  }
  Object object = *source;
  object.name = order.destination;
  if (order.metadata) object.properties.metadata = order.metadata->metadata;
  if (!order.storage_tier.empty()) object.properties.storage_tier = order.storage_tier;
  Publish(state, *to, std::move(object), now);
  return std::nullopt;
}

// One entry of a batch: nothing when it is gone.
std::optional<OciFailure> DeleteOne(OciState& state, Bucket& bucket, const std::string& name,
                                    const std::string& if_match) REQUIRES(state.mutex) {
  const auto object = NeedObject(bucket, name);
  if (!object) return object.error();
  if (auto failure = CheckWriteConditions({.if_match = if_match}, &(*object)->etag)) return failure;
  state.EraseObject(bucket, name);
  return std::nullopt;
}

}  // namespace

Outcome<Response> RenameObject(OciState& state, const OciCall& call) {
  const json details = OCI_TRY(ParseJsonObject(call.request.body));
  const std::string source_name = OCI_TRY(RequiredText(details, "sourceName"));
  const std::string new_name = OCI_TRY(RequiredText(details, "newName"));
  OCI_CHECK(CheckObjectName(new_name));
  if (source_name == new_name) {
    return Refuse(400, "SourceNameSameAsNewName", "The source name and the new name are the same");
  }
  const WriteConditions of_source = OCI_TRY(ConditionsFromJson(details, "srcObjIfMatchETag", ""));
  const WriteConditions of_target =
      OCI_TRY(ConditionsFromJson(details, "newObjIfMatchETag", "newObjIfNoneMatchETag"));

  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const ObjectRef source = OCI_TRY(NeedObject(*bucket, source_name));
  const ObjectRef target = OciState::FindObject(*bucket, new_name);
  OCI_CHECK(CheckWriteConditions(of_source, &source->etag));
  OCI_CHECK(CheckWriteConditions(of_target, target != nullptr ? &target->etag : nullptr));
  Object renamed = *source;
  renamed.name = new_name;
  renamed.modified = call.now;
  renamed.etag = NewUuid();
  renamed.version_id = NewUuid();
  const auto published = std::make_shared<const Object>(std::move(renamed));
  state.PutObject(*bucket, published);
  state.EraseObject(*bucket, source_name);
  Response response = EmptyResponse(200);
  AddWriteHeaders(*published, response.headers);
  return response;
}

Outcome<Response> CopyObject(OciState& state, const OciCall& call) {
  const json details = OCI_TRY(ParseJsonObject(call.request.body));
  const CopyOrder order = OCI_TRY(ParseCopy(state, details));
  const MutexLock lock(state.mutex);
  const Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  WorkRequest work{.id = NewUuid(), .compartment_id = bucket->compartment_id, .accepted = call.now};
  work.source_uri =
      fmt::format("/n/{}/b/{}/o/{}", call.namespace_name, call.bucket, PercentEncode(order.source));
  work.destination_uri = fmt::format("/n/{}/b/{}/o/{}", order.destination_namespace,
                                     order.destination_bucket, PercentEncode(order.destination));
  work.failure = Copy(state, *bucket, order, call.now);
  Response response = EmptyResponse(202);
  response.headers.Add("opc-work-request-id", work.id);
  state.AddWorkRequest(std::move(work));
  return response;
}

Outcome<Response> BatchDeleteObjects(OciState& state, const OciCall& call) {
  const json details = OCI_TRY(ParseJsonObject(call.request.body));
  const json objects = details.value("objects", json());
  if (!objects.is_array() || objects.empty() || objects.size() > kMaxBatchedDeletes) {
    return Refuse(400, "InvalidParameter",
                  fmt::format("objects must list 1 to {} objects", kMaxBatchedDeletes));
  }
  std::vector<std::pair<std::string, std::string>> orders;  // name, If-Match
  for (const json& object : objects) {
    if (!object.is_object())
      return Refuse(400, "InvalidParameter", "An entry of objects is not an object");
    std::string name = OCI_TRY(RequiredText(object, "objectName"));
    orders.emplace_back(std::move(name), Unquoted(OCI_TRY(OptionalText(object, "ifMatch"))));
  }
  const bool skip_deleted = details.value("isSkipDeletedResult", json()) == true;
  json deleted = json::array();
  json failed = json::array();
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  for (const auto& [name, if_match] : orders) {
    if (const auto failure = DeleteOne(state, *bucket, name, if_match)) {
      failed.push_back({{"objectName", name},
                        {"statusCode", failure->status},
                        {"errorCode", failure->code},
                        {"errorMessage", failure->message}});
    } else if (!skip_deleted) {
      deleted.push_back({{"objectName", name}, {"timeLastModified", FormatRfc3339(call.now, 3)}});
    }
  }
  return JsonResponse(200,
                      json{{"deleted", std::move(deleted)}, {"failed", std::move(failed)}}.dump());
}

Outcome<Response> RestoreObjects(OciState& state, const OciCall& call) {
  const json details = OCI_TRY(ParseJsonObject(call.request.body));
  const std::string name = OCI_TRY(RequiredText(details, "objectName"));
  const json hours = details.value("hours", json(kDefaultRestoreHours));
  if (!hours.is_number_integer() || hours < 1 || hours > kMaxRestoreHours) {
    return Refuse(400, "InvalidParameter",
                  fmt::format("hours must be from 1 to {}", kMaxRestoreHours));
  }
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const ObjectRef object = OCI_TRY(NeedObject(*bucket, name));
  if (object->properties.storage_tier != "Archive") {
    return Refuse(400, "NotArchivedObject", fmt::format("The object '{}' is not archived", name));
  }
  if (object->restored_until && call.now < *object->restored_until) {
    return Refuse(409, "AlreadyRestored", fmt::format("The object '{}' is restored already", name));
  }
  Object restored = *object;
  restored.restored_until = call.now + std::chrono::hours(hours.get<std::int64_t>());
  state.PutObject(*bucket, std::make_shared<const Object>(std::move(restored)));
  return EmptyResponse(202);
}

Outcome<Response> UpdateObjectStorageTier(OciState& state, const OciCall& call) {
  const json details = OCI_TRY(ParseJsonObject(call.request.body));
  const std::string name = OCI_TRY(RequiredText(details, "objectName"));
  const std::string tier = OCI_TRY(RequiredText(details, "storageTier"));
  OCI_CHECK(CheckStorageTier(tier));
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const ObjectRef object = OCI_TRY(NeedObject(*bucket, name));
  Object moved = *object;
  moved.properties.storage_tier = tier;
  moved.restored_until.reset();
  state.PutObject(*bucket, std::make_shared<const Object>(std::move(moved)));
  return EmptyResponse(200);
}

}  // namespace skybridge::localcloud::oci
