#include "tests/localcloud/oci_par.h"

#include <array>

#include <fmt/format.h>
#include <openssl/rand.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/oci_handlers.h"
#include "tests/localcloud/oci_json.h"

namespace skybridge::localcloud::oci {
namespace {

using nlohmann::json;

constexpr std::string_view kAccessPrefix = "/p/";
constexpr std::size_t kSecretBytes = 48;
constexpr std::int64_t kMaxEntriesPerPage = 1000;

// What the access types allow, and on how many objects.
struct Access {
  std::string_view name;
  bool reads;
  bool writes;
  bool any_object;  // else the one that it names
};
constexpr std::array kAccess = {
    Access{"ObjectRead", true, false, false},     Access{"ObjectWrite", false, true, false},
    Access{"ObjectReadWrite", true, true, false}, Access{"AnyObjectRead", true, false, true},
    Access{"AnyObjectWrite", false, true, true},  Access{"AnyObjectReadWrite", true, true, true},
};

const Access* FindAccess(std::string_view name) {
  for (const Access& access : kAccess) {
    if (access.name == name) return &access;
  }
  return nullptr;
}

std::string NewSecret() {
  std::array<std::byte, kSecretBytes> random{};
  RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), static_cast<int>(random.size()));
  return Base64UrlEncode(random);
}

OciFailure NotAllowed() {
  return {404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found."};
}

OciFailure NoSuchSecret() { return {401, "NotAuthenticated", "PAR does not exist"}; }

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

std::string BucketPath(const OciCall& call) {
  return fmt::format("/n/{}/b/{}", PercentEncode(call.namespace_name), PercentEncode(call.bucket));
}

// The description that everybody may see: without the secret.
json Describe(const PreAuthenticatedRequest& par) {
  json body = {{"id", par.id},
               {"name", par.name},
               {"objectName", nullptr},
               {"bucketListingAction", par.lists ? "ListObjects" : "Deny"},
               {"accessType", par.access_type},
               {"timeExpires", FormatRfc3339(par.expires, 3)},
               {"timeCreated", FormatRfc3339(par.created, 3)}};
  if (!par.object_name.empty()) body["objectName"] = par.object_name;
  return body;
}

Outcome<PreAuthenticatedRequest> ReadPar(const OciCall& call) {
  const json details = OCI_TRY(ParseJsonObject(call.request.body));
  PreAuthenticatedRequest par{.created = call.now};
  par.name = OCI_TRY(RequiredText(details, "name"));
  par.access_type = OCI_TRY(RequiredText(details, "accessType"));
  par.object_name = OCI_TRY(OptionalText(details, "objectName"));
  const std::string listing = OCI_TRY(OptionalText(details, "bucketListingAction"));
  const std::string expires = OCI_TRY(RequiredText(details, "timeExpires"));
  const Access* access = FindAccess(par.access_type);
  if (access == nullptr) return Refuse(400, "InvalidParameter", "accessType is not known");
  if (!access->any_object && par.object_name.empty())
    return Refuse(400, "MissingParameter", "objectName is required");
  if (!listing.empty() && listing != "Deny" && listing != "ListObjects")
    return Refuse(400, "InvalidParameter", "bucketListingAction is not known");
  par.lists = listing == "ListObjects";
  if (par.lists && !(access->any_object && access->reads))
    return Refuse(400, "InvalidParameter", "bucketListingAction needs access to read any object");
  const auto end = ParseRfc3339(expires);
  if (!end || *end <= call.now)
    return Refuse(400, "InvalidParameter", "timeExpires must be a time to come");
  par.expires = *end;
  par.secret = NewSecret();
  par.id = NewSecret();
  return par;
}

Outcome<const PreAuthenticatedRequest*> NeedPar(OciState& state, const OciCall& call)
    REQUIRES(state.mutex) {
  const Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const auto found = bucket->pars.find(call.object);
  if (found == bucket->pars.end())
    return Refuse(404, "PreauthenticatedRequestNotFound", "No such pre-authenticated request");
  return &found->second;
}

bool NamesCovered(const PreAuthenticatedRequest& par, const Access& access, std::string_view name) {
  return access.any_object ? StartsWith(name, par.object_name) : name == par.object_name;
}

// `plain` is on the objects of the bucket.
bool Allows(const PreAuthenticatedRequest& par, const Unwrapped& through, const OciCall& call) {
  const Access& access = *FindAccess(par.access_type);
  if (through.starts_upload) return access.writes && NamesCovered(par, access, call.object);
  const std::string_view path = through.plain.raw_path;
  const std::string objects = BucketPath(call) + "/o";
  if (path == objects || path == objects + '/') {
    return through.plain.method == "GET" && par.lists &&
           StartsWith(call.query.Get("prefix"), par.object_name);
  }
  if (!StartsWith(path, objects + '/') || !NamesCovered(par, access, call.object)) return false;
  if (through.plain.method == "GET" || through.plain.method == "HEAD") return access.reads;
  return through.plain.method == "PUT" && access.writes;
}

// What an upload's own secret is for: a part is sent, the whole is committed or aborted.
bool IsStepOfUpload(const OciCall& call) {
  const bool is_part = call.query.Find("uploadPartNum") != nullptr;
  if (is_part) return call.request.method == "PUT";
  return call.request.method == "POST" || call.request.method == "DELETE";
}

// "OBJECT/id/UPLOAD/N" as an ordinary request on a part of an upload, or on the whole.
void UnwrapUpload(std::size_t object_end, Unwrapped& through) {
  Request& plain = through.plain;
  const std::string_view rest = std::string_view(plain.raw_path).substr(object_end + 4);
  const std::size_t slash = rest.find('/');
  const std::string upload(rest.substr(0, slash));
  const std::string part(slash == std::string_view::npos ? "" : rest.substr(slash + 1));
  through.commits_upload = plain.method == "POST" && part.empty();
  plain.raw_query = "uploadId=" + upload;
  if (!part.empty()) plain.raw_query += "&uploadPartNum=" + part;
  plain.raw_path.resize(object_end);
}

std::string StartUploadBody(const std::string& object, const HttpHeaders& headers) {
  json body = {{"object", object}, {"metadata", json::object()}};
  constexpr std::pair<const char*, const char*> kMembers[] = {
      {"content-type", "contentType"},         {"content-encoding", "contentEncoding"},
      {"content-language", "contentLanguage"}, {"content-disposition", "contentDisposition"},
      {"cache-control", "cacheControl"},       {"storage-tier", "storageTier"}};
  for (const auto& [header, member] : kMembers) {
    if (const std::string* value = headers.Find(header)) body[member] = *value;
  }
  for (const auto& [name, value] : headers) {
    const std::string lower = LowerCase(name);
    if (StartsWith(lower, "opc-meta-")) body["metadata"][lower] = value;
  }
  return body.dump();
}

}  // namespace

std::optional<Unwrapped> Unwrap(const Request& request) {
  if (!StartsWith(request.raw_path, kAccessPrefix)) return std::nullopt;
  const std::size_t end = request.raw_path.find('/', kAccessPrefix.size());
  if (end == std::string::npos) return std::nullopt;
  Unwrapped through{.secret =
                        request.raw_path.substr(kAccessPrefix.size(), end - kAccessPrefix.size())};
  Request& plain = through.plain;
  plain.method = request.method;
  plain.raw_path = request.raw_path.substr(end);
  plain.raw_query = request.raw_query;
  plain.headers = request.headers;
  plain.local_address = request.local_address;
  plain.secure = request.secure;
  // The object of an upload is one segment, so the first "/id/" behind "/u/" follows it.
  const std::size_t uploads = plain.raw_path.find("/u/");
  const std::size_t object_end =
      uploads == std::string::npos ? uploads : plain.raw_path.find('/', uploads + 3);
  if (object_end != std::string::npos && plain.raw_path.compare(object_end, 4, "/id/") == 0) {
    UnwrapUpload(object_end, through);
  } else if (plain.method == "PUT" && plain.headers.Get("opc-multipart") == "true") {
    through.starts_upload = true;
  }
  return through;
}

std::optional<OciFailure> CheckSecret(OciState& state, const Unwrapped& through,
                                      const OciCall& call) {
  const MutexLock lock(state.mutex);
  const Bucket* bucket = state.FindBucket(call.namespace_name, call.bucket);
  if (bucket == nullptr) return NoSuchSecret();
  for (const auto& [id, par] : bucket->pars) {
    if (par.secret != through.secret) continue;
    if (call.now >= par.expires) return NoSuchSecret();
    return Allows(par, through, call) ? std::nullopt : std::optional(NotAllowed());
  }
  const auto upload = bucket->uploads.find(call.query.Get("uploadId"));
  const bool is_its_own = upload != bucket->uploads.end() &&
                          upload->second.access_secret == through.secret &&
                          upload->second.object == call.object && !through.secret.empty();
  if (!is_its_own) return NoSuchSecret();
  return IsStepOfUpload(call) ? std::nullopt : std::optional(NotAllowed());
}

Outcome<std::string> PlainBody(OciState& state, const Unwrapped& through, const OciCall& call,
                               const Request& request) {
  if (through.starts_upload) return StartUploadBody(call.object, request.headers);
  if (!through.commits_upload) return std::move(request.body);
  const MutexLock lock(state.mutex);
  const Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const auto upload = bucket->uploads.find(call.query.Get("uploadId"));
  if (upload == bucket->uploads.end()) return Refuse(404, "UploadNotFound", "No such upload");
  json parts = json::array();
  for (const auto& [number, part] : upload->second.parts)
    parts.push_back({{"partNum", number}, {"etag", part.etag}});
  return json{{"partsToCommit", std::move(parts)}}.dump();
}

Outcome<Response> AddAccessUri(OciState& state, const OciCall& call, Response response) {
  json body = json::parse(response.body);
  const std::string id = body.at("uploadId");
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  const std::string secret = NewSecret();
  state.SetAccessSecret(*bucket, id, secret);
  body["accessUri"] = fmt::format("/p/{}{}/u/{}/id/{}/", secret, BucketPath(call),
                                  PercentEncode(call.object), PercentEncode(id));
  response.body = body.dump();
  return response;
}

std::string AccessUriOf(const Response& response) {
  return json::parse(response.body).at("accessUri");
}

Outcome<Response> CreatePar(OciState& state, const OciCall& call) {
  PreAuthenticatedRequest par = OCI_TRY(ReadPar(call));
  json body = Describe(par);
  body["accessUri"] = fmt::format("/p/{}{}/o/", par.secret, BucketPath(call));
  if (!FindAccess(par.access_type)->any_object)
    body["accessUri"] = body["accessUri"].get<std::string>() + PercentEncode(par.object_name);
  body["fullPath"] = fmt::format("{}{}{}", SchemeOf(call.request), call.request.local_address,
                                 body["accessUri"].get<std::string>());
  const MutexLock lock(state.mutex);
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  state.AddPar(*bucket, std::move(par));
  return JsonResponse(200, body.dump());
}

Outcome<Response> GetPar(OciState& state, const OciCall& call) {
  const MutexLock lock(state.mutex);
  return JsonResponse(200, Describe(*OCI_TRY(NeedPar(state, call))).dump());
}

Outcome<Response> ListPars(OciState& state, const OciCall& call) {
  const auto limit = OCI_TRY(NumberParameter(call.query, "limit", 1, kMaxEntriesPerPage,
                                             kMaxEntriesPerPage, "InvalidLimit"));
  const MutexLock lock(state.mutex);
  const Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  json body = json::array();
  std::string last;
  for (auto par = bucket->pars.upper_bound(call.query.Get("page")); par != bucket->pars.end();
       ++par) {
    if (!StartsWith(par->second.object_name, call.query.Get("objectNamePrefix"))) continue;
    if (std::ssize(body) == limit) {
      Response response = JsonResponse(200, body.dump());
      response.headers.Add("opc-next-page", last);
      return response;
    }
    body.push_back(Describe(par->second));
    last = par->first;
  }
  return JsonResponse(200, body.dump());
}

Outcome<Response> DeletePar(OciState& state, const OciCall& call) {
  const MutexLock lock(state.mutex);
  const std::string id = OCI_TRY(NeedPar(state, call))->id;
  Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  state.ErasePar(*bucket, id);
  return EmptyResponse(204);
}

}  // namespace skybridge::localcloud::oci
