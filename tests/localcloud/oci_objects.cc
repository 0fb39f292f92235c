#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "core/time_text.h"
#include "tests/localcloud/oci_checksums.h"
#include "tests/localcloud/oci_handlers.h"

namespace skybridge::localcloud::oci {
namespace {

constexpr std::string_view kMetadataPrefix = "opc-meta-";
// The service does not publish its limit; this is the size that clients are advised to stay below.
constexpr std::size_t kMaxMetadataBytes = 2000;
constexpr std::array<std::string_view, 4> kStoredHeaders = {"content-language", "content-encoding",
                                                            "content-disposition", "cache-control"};

// First and one-past-last byte of an object.
struct ByteSelection {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

OciFailure InvalidRange(std::string_view range, std::uint64_t size_bytes) {
  OciFailure failure{
      416, "InvalidRange",
      fmt::format("The range '{}' cannot be read from an object of {} bytes", range, size_bytes)};
  failure.headers.Add("content-range", fmt::format("bytes */{}", size_bytes));
  return failure;
}

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "bytes=a-b", "bytes=a-" or "bytes=-n"; anything else is refused rather than ignored.
Outcome<ByteSelection> ParseRange(std::string_view range, std::uint64_t size_bytes) {
  const std::size_t dash = range.find('-');
  if (range.substr(0, 6) != "bytes=" || dash == std::string_view::npos) {
    return tl::unexpected<OciFailure>(InvalidRange(range, size_bytes));
  }
  const std::string_view first = range.substr(6, dash - 6);
  const std::string_view last = range.substr(dash + 1);
  const auto a = ParseNumber(first);
  const auto b = ParseNumber(last);
  const bool well_formed =
      (a || first.empty()) && (b || last.empty()) && (a || b) && !(a && b && *b < *a);
  const bool satisfiable = well_formed && (a ? *a < size_bytes : *b > 0 && size_bytes > 0);
  if (!satisfiable) return tl::unexpected<OciFailure>(InvalidRange(range, size_bytes));
  if (!a) return ByteSelection{size_bytes - std::min(*b, size_bytes), size_bytes};
  return ByteSelection{*a, b ? std::min(*b + 1, size_bytes) : size_bytes};
}

std::vector<Slice> SelectBytes(const Object& object, ByteSelection selection) {
  std::vector<Slice> slices;
  std::uint64_t offset = 0;
  for (const BlobRef& blob : object.blobs) {
    const std::string_view bytes = blob->slice.bytes;
    const std::uint64_t begin = std::max(offset, selection.begin);
    const std::uint64_t end = std::min(offset + bytes.size(), selection.end);
    if (begin < end)
      slices.push_back({blob->slice.owner, bytes.substr(begin - offset, end - begin)});
    offset += bytes.size();
  }
  return slices;
}

// "Archived", "Restored", or "" for an object that is not archived.
std::string_view ArchivalState(const Object& object, WallTime now) {
  if (object.properties.storage_tier != "Archive") return {};
  return object.restored_until && now < *object.restored_until ? "Restored" : "Archived";
}

void AddObjectHeaders(const Object& object, WallTime now, HttpHeaders& headers) {
  headers.Add("Content-Type", object.properties.content_type);
  headers.Add("accept-ranges", "bytes");
  AddWriteHeaders(object, headers);
  headers.Add("storage-tier", object.properties.storage_tier);
  for (const auto& [name, value] : object.digests) headers.Add(name, value);
  for (const auto& [name, value] : object.properties.headers) headers.Add(name, value);
  for (const auto& [name, value] : object.properties.metadata) headers.Add(name, value);
  const std::string_view state = ArchivalState(object, now);
  if (!state.empty()) headers.Add("archival-state", std::string(state));
  if (state == "Restored")
    headers.Add("time-of-archival", FormatRfc3339(*object.restored_until, 3));
}

// Query parameters that replace a header of this one answer, e.g. httpResponseContentType.
void ApplyOverrides(const OciQuery& query, HttpHeaders& headers) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kOverrides = {{
      {"httpResponseContentType", "Content-Type"},
      {"httpResponseContentDisposition", "content-disposition"},
      {"httpResponseCacheControl", "cache-control"},
      {"httpResponseContentLanguage", "content-language"},
      {"httpResponseContentEncoding", "content-encoding"},
      {"httpResponseExpires", "expires"},
  }};
  for (const auto& [parameter, header] : kOverrides) {
    if (const std::string* value = query.Find(parameter)) headers.Set(header, *value);
  }
}

// `versionId`, where given, must be the object's only version.
std::optional<OciFailure> CheckVersion(const OciCall& call, const Object& object) {
  const std::string* version = call.query.Find("versionId");
  if (version == nullptr || *version == object.version_id) return std::nullopt;
  return OciFailure{404, "ObjectNotFound",
                    fmt::format("The object '{}' has no version '{}'", object.name, *version)};
}

std::optional<OciFailure> CheckReadConditions(const HttpHeaders& headers, const Object& object) {
  const std::string* if_match = headers.Find("if-match");
  if (if_match != nullptr && Unquoted(*if_match) != object.etag) {
    return CheckWriteConditions({.if_match = std::string(Unquoted(*if_match))}, &object.etag);
  }
  const std::string* if_none_match = headers.Find("if-none-match");
  if (if_none_match != nullptr && Unquoted(*if_none_match) == object.etag) {
    OciFailure not_modified{304, {}, {}};
    not_modified.headers.Add("etag", object.etag);
    return not_modified;
  }
  return std::nullopt;
}

}  // namespace

Outcome<Bucket*> NeedBucket(OciState& state, const OciCall& call) {
  Bucket* bucket = state.FindBucket(call.namespace_name, call.bucket);
  if (bucket != nullptr) return bucket;
  return Refuse(
      404, "BucketNotFound",
      fmt::format(
          "Either the bucket named '{}' does not exist in the namespace '{}' or you are not "
          "authorized to access it",
          call.bucket, call.namespace_name));
}

Outcome<ObjectRef> NeedObject(const Bucket& bucket, std::string_view name) {
  ObjectRef object = OciState::FindObject(bucket, name);
  if (object != nullptr) return object;
  return Refuse(404, "ObjectNotFound",
                fmt::format("The object '{}' was not found in the bucket '{}'", name, bucket.name));
}

std::optional<OciFailure> CheckStorageTier(std::string_view tier) {
  if (tier == "Standard" || tier == "InfrequentAccess" || tier == "Archive") return std::nullopt;
  return OciFailure{400, "InvalidParameter",
                    fmt::format("The storage tier '{}' is not known", tier)};
}

std::optional<OciFailure> AddMetadata(ObjectProperties& properties, std::string_view name,
                                      std::string_view value) {
  std::string key = LowerCase(name);
  const bool has_prefix = key.size() > kMetadataPrefix.size() &&
                          key.compare(0, kMetadataPrefix.size(), kMetadataPrefix) == 0;
  const bool is_printable =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
  const bool is_token = std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (!has_prefix || !is_token || !is_printable) {
    return OciFailure{
        400, "InvalidMetadata",
        fmt::format("Metadata '{}' must be named opc-meta-* and hold printable ASCII", name)};
  }
  properties.metadata.insert_or_assign(std::move(key), std::string(value));
  return std::nullopt;
}

std::optional<OciFailure> CheckMetadata(const ObjectProperties& properties) {
  const std::size_t size = std::accumulate(properties.metadata.begin(), properties.metadata.end(),
                                           std::size_t{0}, [](std::size_t sum, const auto& entry) {
                                             return sum + entry.first.size() + entry.second.size();
                                           });
  if (size <= kMaxMetadataBytes) return std::nullopt;
  return OciFailure{
      400, "MetadataTooLarge",
      fmt::format("The metadata has {} bytes; the limit is {}", size, kMaxMetadataBytes)};
}

std::optional<OciFailure> CheckBodySize(const OciCall& call, const OciLimits& limits) {
  const std::string_view text = call.request.headers.Get("content-length");
  std::uint64_t said = 0;
  std::from_chars(text.data(), text.data() + text.size(), said);
  if (std::max<std::uint64_t>(said, call.request.body.size()) <= limits.max_body_bytes)
    return std::nullopt;
  return OciFailure{
      413, "RequestEntityTooLarge",
      fmt::format("A body of {} bytes is over the limit of {}", said, limits.max_body_bytes)};
}

Outcome<ObjectProperties> ReadProperties(const HttpHeaders& headers) {
  ObjectProperties properties;
  for (const auto& [name, value] : headers) {
    const std::string key = LowerCase(name);
    if (key.compare(0, kMetadataPrefix.size(), kMetadataPrefix) == 0)
      OCI_CHECK(AddMetadata(properties, key, value));
    if (std::find(kStoredHeaders.begin(), kStoredHeaders.end(), key) != kStoredHeaders.end()) {
      properties.headers[key] = value;
    }
  }
  OCI_CHECK(CheckMetadata(properties));
  if (const std::string* type = headers.Find("content-type"); type != nullptr && !type->empty()) {
    properties.content_type = *type;
  }
  if (const std::string* tier = headers.Find("storage-tier")) {
    OCI_CHECK(CheckStorageTier(*tier));
    properties.storage_tier = *tier;
  }
  return properties;
}

ObjectRef Publish(OciState& state, Bucket& bucket, Object object, WallTime now) {
  const ObjectRef replaced = OciState::FindObject(bucket, object.name);
  object.created = replaced != nullptr ? replaced->created : now;
  object.modified = now;
  if (object.properties.storage_tier.empty()) object.properties.storage_tier = bucket.default_tier;
  object.etag = NewUuid();
  object.version_id = NewUuid();
  auto published = std::make_shared<const Object>(std::move(object));
  state.PutObject(bucket, published);
  return published;
}

void AddWriteHeaders(const Object& object, HttpHeaders& headers) {
  headers.Add("etag", object.etag);
  headers.Add("last-modified", FormatHttpDate(object.modified));
  headers.Add("version-id", object.version_id);
}

Outcome<Response> PutObject(OciState& state, const OciCall& call) {
  OCI_CHECK(CheckObjectName(call.object));
  OCI_CHECK(CheckBodySize(call, state.limits()));
  const WriteConditions conditions = OCI_TRY(ReadWriteConditions(call.request.headers));
  Object object{.name = call.object, .size_bytes = call.request.body.size()};
  object.properties = OCI_TRY(ReadProperties(call.request.headers));
  const BodyDigests digests =
      OCI_TRY(CheckBody(call.request.headers, AsBytes(call.request.body), {}));
  object.digests["content-md5"] = digests.md5;
  if (!digests.algorithm.empty())
    object.digests[ChecksumHeader(digests.algorithm)] = digests.digest;

  KeptBody body(state, call.request.body);
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const ObjectRef current = OciState::FindObject(*bucket, call.object);
  OCI_CHECK(CheckWriteConditions(conditions, current != nullptr ? &current->etag : nullptr));
  object.blobs = {body.Take()};
  const ObjectRef published = Publish(state, *bucket, std::move(object), call.now);

  Response response = EmptyResponse(200);
  AddWriteHeaders(*published, response.headers);
  digests.AddTo(response.headers);
  return response;
}

Outcome<Response> GetObject(OciState& state, const OciCall& call) {
  OCI_CHECK(CheckObjectName(call.object));
  ObjectRef object;
  {
    const MutexLock lock(state.mutex);
    Bucket* bucket = OCI_TRY(NeedBucket(state, call));
    object = OCI_TRY(NeedObject(*bucket, call.object));
  }
  OCI_CHECK(CheckVersion(call, *object));
  OCI_CHECK(CheckReadConditions(call.request.headers, *object));
  if (call.request.method == "GET" && ArchivalState(*object, call.now) == "Archived") {
    return Refuse(409, "NotRestored", "Archived object is not restored.");
  }
  Response response = EmptyResponse(200);
  AddObjectHeaders(*object, call.now, response.headers);
  ApplyOverrides(call.query, response.headers);
  ByteSelection selection{0, object->size_bytes};
  if (const std::string* range = call.request.headers.Find("range")) {
    selection = OCI_TRY(ParseRange(*range, object->size_bytes));
    response.status = 206;
    response.headers.Add("content-range", fmt::format("bytes {}-{}/{}", selection.begin,
                                                      selection.end - 1, object->size_bytes));
  }
  response.slices = SelectBytes(*object, selection);
  return response;
}

Outcome<Response> DeleteObject(OciState& state, const OciCall& call) {
  OCI_CHECK(CheckObjectName(call.object));
  const std::string if_match(Unquoted(call.request.headers.Get("if-match")));
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const ObjectRef object = OCI_TRY(NeedObject(*bucket, call.object));
  OCI_CHECK(CheckVersion(call, *object));
  OCI_CHECK(CheckWriteConditions({.if_match = if_match}, &object->etag));
  state.EraseObject(*bucket, call.object);
  Response response = EmptyResponse(204);
  response.headers.Add("last-modified", FormatHttpDate(call.now));
  return response;
}

}  // namespace skybridge::localcloud::oci
