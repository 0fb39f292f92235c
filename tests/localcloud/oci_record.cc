#include "tests/localcloud/oci_record.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace skybridge::localcloud::oci {
namespace {

using nlohmann::json;

std::int64_t Nanoseconds(WallTime time) { return time.time_since_epoch().count(); }
WallTime TimeOf(const json& value) {
  return WallTime(std::chrono::nanoseconds(value.get<std::int64_t>()));
}

std::string NameOf(const Bucket& bucket) { return bucket.namespace_name + "/" + bucket.name; }

json PropertiesToJson(const ObjectProperties& properties) {
  return {{"type", properties.content_type},
          {"tier", properties.storage_tier},
          {"headers", properties.headers},
          {"metadata", properties.metadata}};
}

ObjectProperties PropertiesFromJson(const json& value) {
  return {.content_type = value.at("type"),
          .storage_tier = value.at("tier"),
          .headers = value.at("headers"),
          .metadata = value.at("metadata")};
}

// Runs `read` on the parsed text; nlohmann's exceptions end here.
template <class T, class Read>
Result<T> ReadRecord(std::string_view text, const Read& read) {
  try {
    return read(json::parse(text));
  } catch (const json::exception& error) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("a record of the local cloud cannot be read: {}", error.what()));
  }
}

}  // namespace

std::string BucketKey(const Bucket& bucket) {
  return fmt::format("{}{}", kBucketRecords, NameOf(bucket));
}
std::string ObjectKeyOf(const Bucket& bucket, std::string_view name) {
  return fmt::format("{}{}/{}", kObjectRecords, NameOf(bucket), name);
}
std::string UploadKey(const Bucket& bucket, std::string_view upload_id) {
  return fmt::format("{}{}/{}", kUploadRecords, NameOf(bucket), upload_id);
}
std::string PartKey(const Bucket& bucket, std::string_view upload_id, int number) {
  return fmt::format("{}{}/{}/{:05}", kPartRecords, NameOf(bucket), upload_id, number);
}
std::string ParKey(const Bucket& bucket, std::string_view id) {
  return fmt::format("{}{}/{}", kParRecords, NameOf(bucket), id);
}

std::string WriteBucket(const Bucket& bucket) {
  return json{{"namespace", bucket.namespace_name},
              {"name", bucket.name},
              {"compartment", bucket.compartment_id},
              {"created_by", bucket.created_by},
              {"created", Nanoseconds(bucket.created)},
              {"etag", bucket.etag},
              {"tier", bucket.default_tier},
              {"settings", bucket.settings}}
      .dump();
}

std::string WriteObject(const Bucket& bucket, const Object& object, const NameOfBlob& name_of) {
  json blobs = json::array();
  for (const BlobRef& blob : object.blobs) blobs.push_back(name_of(*blob));
  json record{{"bucket", NameOf(bucket)},
              {"name", object.name},
              {"blobs", std::move(blobs)},
              {"size", object.size_bytes},
              {"etag", object.etag},
              {"version", object.version_id},
              {"created", Nanoseconds(object.created)},
              {"modified", Nanoseconds(object.modified)},
              {"properties", PropertiesToJson(object.properties)},
              {"digests", object.digests}};
  if (object.restored_until) record["restored_until"] = Nanoseconds(*object.restored_until);
  return record.dump();
}

std::string WriteUpload(const Bucket& bucket, const Upload& upload) {
  return json{{"bucket", NameOf(bucket)},
              {"id", upload.id},
              {"object", upload.object},
              {"created", Nanoseconds(upload.created)},
              {"properties", PropertiesToJson(upload.properties)},
              {"algorithm", upload.algorithm},
              {"access_secret", upload.access_secret}}
      .dump();
}

std::string WritePart(const Bucket& bucket, std::string_view upload_id, int number,
                      const Part& part, const NameOfBlob& name_of) {
  return json{{"bucket", NameOf(bucket)}, {"upload", upload_id},
              {"number", number},         {"blob", name_of(*part.blob)},
              {"etag", part.etag},        {"md5", part.md5},
              {"digest", part.digest},    {"uploaded", Nanoseconds(part.uploaded)}}
      .dump();
}

std::string WritePar(const Bucket& bucket, const PreAuthenticatedRequest& par) {
  return json{{"bucket", NameOf(bucket)},
              {"id", par.id},
              {"name", par.name},
              {"access", par.access_type},
              {"object", par.object_name},
              {"lists", par.lists},
              {"created", Nanoseconds(par.created)},
              {"expires", Nanoseconds(par.expires)},
              {"secret", par.secret}}
      .dump();
}

Result<Bucket> ReadBucket(std::string_view text) {
  return ReadRecord<Bucket>(text, [](const json& record) {
    Bucket bucket;
    bucket.namespace_name = record.at("namespace");
    bucket.name = record.at("name");
    bucket.compartment_id = record.at("compartment");
    bucket.created_by = record.at("created_by");
    bucket.created = TimeOf(record.at("created"));
    bucket.etag = record.at("etag");
    bucket.default_tier = record.at("tier");
    bucket.settings = record.at("settings");
    return bucket;
  });
}

Result<ObjectRecord> ReadObject(std::string_view text, const BlobOfName& blob_of) {
  return ReadRecord<ObjectRecord>(text, [&](const json& record) -> Result<ObjectRecord> {
    Object object;
    object.name = record.at("name");
    for (const std::string name : record.at("blobs")) object.blobs.push_back(TRY(blob_of(name)));
    object.size_bytes = record.at("size");
    object.etag = record.at("etag");
    object.version_id = record.at("version");
    object.created = TimeOf(record.at("created"));
    object.modified = TimeOf(record.at("modified"));
    object.properties = PropertiesFromJson(record.at("properties"));
    object.digests = record.at("digests").get<std::map<std::string, std::string>>();
    if (record.contains("restored_until"))
      object.restored_until = TimeOf(record.at("restored_until"));
    return ObjectRecord{record.at("bucket"), std::move(object)};
  });
}

Result<UploadRecord> ReadUpload(std::string_view text) {
  return ReadRecord<UploadRecord>(text, [](const json& record) {
    Upload upload;
    upload.id = record.at("id");
    upload.object = record.at("object");
    upload.created = TimeOf(record.at("created"));
    upload.properties = PropertiesFromJson(record.at("properties"));
    upload.algorithm = record.at("algorithm");
    upload.access_secret = record.value("access_secret", "");
    return UploadRecord{record.at("bucket"), std::move(upload)};
  });
}

Result<PartRecord> ReadPart(std::string_view text, const BlobOfName& blob_of) {
  return ReadRecord<PartRecord>(text, [&](const json& record) -> Result<PartRecord> {
    PartRecord result{record.at("bucket"), record.at("upload"), record.at("number"), {}};
    result.part.blob = TRY(blob_of(record.at("blob")));
    result.part.etag = record.at("etag");
    result.part.md5 = record.at("md5");
    result.part.digest = record.at("digest");
    result.part.uploaded = TimeOf(record.at("uploaded"));
    return result;
  });
}

Result<ParRecord> ReadPar(std::string_view text) {
  return ReadRecord<ParRecord>(text, [](const json& record) {
    PreAuthenticatedRequest par;
    par.id = record.at("id");
    par.name = record.at("name");
    par.access_type = record.at("access");
    par.object_name = record.at("object");
    par.lists = record.at("lists");
    par.created = TimeOf(record.at("created"));
    par.expires = TimeOf(record.at("expires"));
    par.secret = record.at("secret");
    return ParRecord{record.at("bucket"), std::move(par)};
  });
}

}  // namespace skybridge::localcloud::oci
