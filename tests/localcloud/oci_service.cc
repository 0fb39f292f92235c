#include "tests/localcloud/oci_service.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/oci_handlers.h"
#include "tests/localcloud/oci_par.h"

namespace skybridge::localcloud {
namespace oci {
namespace {

constexpr std::string_view kSecretsPath = "/20190301/secretbundles/";

enum class Resource {
  kUnknown,
  kUnsupported,  // the service has it, this double does not
  kRoot,         // /n
  kNamespace,    // /n/{namespace}
  kBuckets,      // /n/{namespace}/b
  kBucket,       // /n/{namespace}/b/{bucket}
  kObjects,      // ... /o
  kObject,       // ... /o/{object}
  kUploads,      // ... /u
  kUpload,       // ... /u/{object}
  kVersions,     // ... /objectversions
  kPars,         // ... /p
  kPar,          // ... /p/{id}
  kAction,       // ... /actions/{action}
  kWorkRequests,
  kWorkRequest,
  kWorkRequestErrors,
  kWorkRequestLogs,
  kSecretBundle,
  kSecretBundleByName,
  kSecretBundleVersions,
};

// What the path of a request names. Parts are still percent-encoded.
struct Target {
  Resource resource = Resource::kUnknown;
  std::string_view namespace_name = {};
  std::string_view bucket = {};
  std::string_view rest = {};  // object, action, work request or secret
};

struct Route {
  Resource resource;
  std::string_view method;
  std::string_view action;  // for kAction
  std::string_view operation;
  SignedBody body;
  Outcome<Response> (*handler)(OciState&, const OciCall&);
};

constexpr SignedBody kNone = SignedBody::kNone;
constexpr SignedBody kBody = SignedBody::kRequired;

// clang-format off
constexpr std::array kRoutes = {
    Route{Resource::kRoot, "GET", "", "oci.get_namespace", kNone, &GetNamespace},
    Route{Resource::kNamespace, "GET", "", "oci.get_namespace_metadata", kNone, &GetNamespaceMetadata},
    Route{Resource::kBuckets, "GET", "", "oci.list_buckets", kNone, &ListBuckets},
    Route{Resource::kBuckets, "POST", "", "oci.create_bucket", kBody, &CreateBucket},
    Route{Resource::kBucket, "GET", "", "oci.bucket", kNone, &GetBucket},
    Route{Resource::kBucket, "HEAD", "", "oci.head_bucket", kNone, &HeadBucket},
    Route{Resource::kBucket, "POST", "", "oci.update_bucket", kBody, &UpdateBucket},
    Route{Resource::kBucket, "DELETE", "", "oci.delete_bucket", kNone, &DeleteBucket},
    Route{Resource::kObjects, "GET", "", "oci.list_objects", kNone, &ListObjects},
    Route{Resource::kObject, "PUT", "", "oci.put_object", kNone, &PutObject},
    Route{Resource::kObject, "GET", "", "oci.get_object", kNone, &GetObject},
    Route{Resource::kObject, "HEAD", "", "oci.head_object", kNone, &GetObject},
    Route{Resource::kObject, "DELETE", "", "oci.delete_object", kNone, &DeleteObject},
    Route{Resource::kVersions, "GET", "", "oci.list_object_versions", kNone, &ListObjectVersions},
    Route{Resource::kUploads, "GET", "", "oci.list_multipart_uploads", kNone, &ListMultipartUploads},
    Route{Resource::kUploads, "POST", "", "oci.create_multipart", kBody, &CreateMultipartUpload},
    Route{Resource::kUpload, "PUT", "", "oci.upload_part", kNone, &UploadPart},
    Route{Resource::kUpload, "GET", "", "oci.list_parts", kNone, &ListMultipartUploadParts},
    Route{Resource::kUpload, "POST", "", "oci.commit_multipart", kBody, &CommitMultipartUpload},
    Route{Resource::kUpload, "DELETE", "", "oci.abort_multipart", kNone, &AbortMultipartUpload},
    Route{Resource::kPars, "GET", "", "oci.list_pars", kNone, &ListPars},
    Route{Resource::kPars, "POST", "", "oci.create_par", kBody, &CreatePar},
    Route{Resource::kPar, "GET", "", "oci.get_par", kNone, &GetPar},
    Route{Resource::kPar, "DELETE", "", "oci.delete_par", kNone, &DeletePar},
    Route{Resource::kAction, "POST", "renameObject", "oci.rename_object", kBody, &RenameObject},
    Route{Resource::kAction, "POST", "copyObject", "oci.copy_object", kBody, &CopyObject},
    Route{Resource::kAction, "POST", "batchDeleteObjects", "oci.batch_delete", kBody, &BatchDeleteObjects},
    Route{Resource::kAction, "POST", "restoreObjects", "oci.restore_objects", kBody, &RestoreObjects},
    Route{Resource::kAction, "POST", "updateObjectStorageTier", "oci.update_storage_tier", kBody, &UpdateObjectStorageTier},
    Route{Resource::kWorkRequests, "GET", "", "oci.list_work_requests", kNone, &ListWorkRequests},
    Route{Resource::kWorkRequest, "GET", "", "oci.work_request", kNone, &GetWorkRequest},
    Route{Resource::kWorkRequest, "DELETE", "", "oci.cancel_work_request", kNone, &CancelWorkRequest},
    Route{Resource::kWorkRequestErrors, "GET", "", "oci.work_request_errors", kNone, &ListWorkRequestErrors},
    Route{Resource::kWorkRequestLogs, "GET", "", "oci.work_request_logs", kNone, &ListWorkRequestLogs},
    Route{Resource::kSecretBundle, "GET", "", "oci.get_secret_bundle", kNone, &GetSecretBundle},
    Route{Resource::kSecretBundleByName, "POST", "", "oci.get_secret_bundle", kBody, &GetSecretBundleByName},
    Route{Resource::kSecretBundleVersions, "GET", "", "oci.list_secret_bundle_versions", kNone, &ListSecretBundleVersions},
};
// clang-format on

// Cuts the text up to the next '/' off `path`, and that '/' too.
std::string_view TakeSegment(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  return segment;
}

Resource InBucket(std::string_view kind, bool has_rest) {
  if (kind.empty()) return Resource::kBucket;
  if (kind == "o") return has_rest ? Resource::kObject : Resource::kObjects;
  if (kind == "u") return has_rest ? Resource::kUpload : Resource::kUploads;
  if (kind == "objectversions") return Resource::kVersions;
  if (kind == "actions") return Resource::kAction;
  if (kind == "p") return has_rest ? Resource::kPar : Resource::kPars;
  const bool is_known = kind == "l" || kind == "retentionRules" || kind == "replicationPolicies" ||
                        kind == "replicationSources";
  return is_known ? Resource::kUnsupported : Resource::kUnknown;
}

Target ParseNamespaceTarget(std::string_view path) {
  Target target;
  target.namespace_name = TakeSegment(path);
  if (target.namespace_name.empty()) return {Resource::kRoot};
  const std::string_view below = TakeSegment(path);
  if (below.empty()) {
    target.resource = Resource::kNamespace;
    return target;
  }
  if (below != "b") return {below == "pe" ? Resource::kUnsupported : Resource::kUnknown};
  target.bucket = TakeSegment(path);
  if (target.bucket.empty()) {
    target.resource = Resource::kBuckets;
    return target;
  }
  const std::string_view kind = TakeSegment(path);
  target.rest = path;  // whole: an object's name may hold slashes
  target.resource = InBucket(kind, !path.empty());
  return target;
}

Target ParseWorkRequestTarget(std::string_view path) {
  Target target{.resource = Resource::kWorkRequests, .rest = TakeSegment(path)};
  if (target.rest.empty()) return target;
  target.resource = path.empty()       ? Resource::kWorkRequest
                    : path == "errors" ? Resource::kWorkRequestErrors
                    : path == "logs"   ? Resource::kWorkRequestLogs
                                       : Resource::kUnknown;
  return target;
}

Target ParseTarget(std::string_view raw_path) {
  if (raw_path.substr(0, kSecretsPath.size()) == kSecretsPath) {
    constexpr std::string_view kVersions = "/versions";
    std::string_view secret = raw_path.substr(kSecretsPath.size());
    if (secret == "actions/getByName") return {Resource::kSecretBundleByName};
    if (secret.ends_with(kVersions)) {
      secret.remove_suffix(kVersions.size());
      return {.resource = Resource::kSecretBundleVersions, .rest = secret};
    }
    if (secret.find('/') != std::string_view::npos) return {Resource::kUnsupported};
    return {.resource = Resource::kSecretBundle, .rest = secret};
  }
  std::string_view path = raw_path.substr(std::min<std::size_t>(1, raw_path.size()));
  const std::string_view first = TakeSegment(path);
  if (first == "n") return ParseNamespaceTarget(path);
  if (first == "workRequests") return ParseWorkRequestTarget(path);
  return {};
}

Outcome<const Route*> FindRoute(const Request& request, const Target& target) {
  if (target.resource == Resource::kUnsupported) {
    return Refuse(501, "NotImplemented", "This local cloud does not have this operation");
  }
  bool is_known = false;
  for (const Route& route : kRoutes) {
    if (route.resource != target.resource) continue;
    if (target.resource == Resource::kAction && route.action != target.rest) continue;
    if (route.method == request.method) return &route;
    is_known = true;
  }
  if (is_known)
    return Refuse(405, "MethodNotAllowed", fmt::format("{} is not allowed here", request.method));
  return Refuse(404, "NotAuthorizedOrNotFound",
                "Authorization failed or requested resource not found.");
}

// The user of "tenancy/user/fingerprint"; the whole key id where it has another form.
std::string UserOf(const std::string& key_id) {
  const std::size_t first = key_id.find('/');
  const std::size_t second = key_id.find('/', first + 1);
  if (first == std::string::npos || second == std::string::npos) return key_id;
  return key_id.substr(first + 1, second - first - 1);
}

// What cannot be honoured must not be accepted: a key of the client's own, a body of unknown
// length.
std::optional<OciFailure> CheckHeaders(const Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (LowerCase(name.substr(0, 8)) == "opc-sse-") {
      return OciFailure{501, "NotImplemented",
                        fmt::format("This local cloud does not encrypt: {}", name)};
    }
  }
  if (request.method == "PUT" && request.headers.Find("content-length") == nullptr) {
    return OciFailure{411, "ContentLengthRequired", "The Content-Length header is required"};
  }
  return std::nullopt;
}

Outcome<OciCall> MakeCall(const Request& request, const Target& target, const OciState& state,
                          WallTime now) {
  OciCall call{.request = request, .now = now};
  const auto namespace_name = PercentDecode(target.namespace_name);
  const auto bucket = PercentDecode(target.bucket);
  const auto object = PercentDecode(target.rest);
  if (!namespace_name || !bucket || !object) {
    return Refuse(400, "InvalidParameter", "The path has a bad percent escape");
  }
  call.namespace_name = *namespace_name;
  call.bucket = *bucket;
  call.object = *object;
  const auto& known = state.namespaces();
  if (!call.namespace_name.empty() &&
      std::find(known.begin(), known.end(), call.namespace_name) == known.end()) {
    return Refuse(404, "NamespaceNotFound",
                  fmt::format("The namespace '{}' was not found", call.namespace_name));
  }
  call.query = OCI_TRY(OciQuery::Parse(request.raw_query));
  return call;
}

// What every answer of the service carries.
void AddCommonHeaders(const Request& request, HttpHeaders& headers) {
  std::array<std::byte, 48> random{};
  RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), static_cast<int>(random.size()));
  headers.Add("opc-request-id", "local-1:" + Base64UrlEncode(random));
  headers.Add("x-api-id", "native");
  if (const std::string* id = request.headers.Find("opc-client-request-id"))
    headers.Add("opc-client-request-id", *id);
}

// The class that a request is counted under.
std::string OperationName(const Outcome<const Route*>& route) {
  return std::string(route ? (*route)->operation : "oci.unknown");
}

std::string OperationThrough(const Unwrapped& through) {
  if (through.starts_upload) return "oci.create_multipart";
  return OperationName(FindRoute(through.plain, ParseTarget(through.plain.raw_path)));
}

// A request on a pre-authenticated URL: its secret stands for the signature.
Outcome<Response> AnswerThrough(OciState& state, const Unwrapped& through, const Request& request,
                                WallTime now) {
  OCI_CHECK(CheckHeaders(request));
  const Target target = ParseTarget(through.plain.raw_path);
  const Route* route = OCI_TRY(FindRoute(through.plain, target));
  const OciCall call = OCI_TRY(MakeCall(through.plain, target, state, now));
  OCI_CHECK(CheckSecret(state, through, call));
  through.plain.body = OCI_TRY(PlainBody(state, through, call, request));
  if (!through.starts_upload) return route->handler(state, call);
  Response started = OCI_TRY(CreateMultipartUpload(state, call));
  return AddAccessUri(state, call, std::move(started));
}

}  // namespace
}  // namespace oci

OciService::OciService(Storage& storage, const Clock& clock, const OciServiceOptions& options)
    : clock_(clock),
      require_signatures_(options.require_signatures),
      state_(storage, options.namespaces, options.region, options.limits, options.secrets) {}

Result<std::unique_ptr<OciService>> OciService::Create(Storage& storage, const Clock& clock,
                                                       OciServiceOptions options) {
  if (options.namespaces.empty())
    return Fail(ErrorCode::kInvalidArgument, "OCI service: no namespace");
  std::unique_ptr<OciService> service(new OciService(storage, clock, options));
  TRY_VOID(service->Start(options));
  return service;
}

Status OciService::ReplaceSecret(std::string_view secret_id, std::string content) {
  const MutexLock lock(state_.mutex);
  if (state_.ReplaceSecret(secret_id, std::move(content))) return {};
  return Fail(ErrorCode::kNotFound, fmt::format("there is no secret '{}'", secret_id));
}

Status OciService::AddPendingSecret(std::string_view secret_id, std::string content) {
  const MutexLock lock(state_.mutex);
  if (state_.AddPendingSecret(secret_id, std::move(content))) return {};
  return Fail(ErrorCode::kNotFound, fmt::format("there is no secret '{}'", secret_id));
}

std::size_t OciService::CountUploads() {
  const MutexLock lock(state_.mutex);
  std::size_t count = 0;
  for (const std::string& name : state_.namespaces()) {
    for (const oci::Bucket* bucket : state_.Buckets(name)) count += bucket->uploads.size();
  }
  return count;
}

Result<std::string> OciService::MakePreAuthenticatedRequest(const OciParOptions& options) {
  const WallTime now = clock_.WallNow();
  Request request{.method = "POST"};
  request.body = fmt::format(
      R"({{"name":"made here","accessType":{},"objectName":{},"bucketListingAction":"{}","timeExpires":"{}"}})",
      oci::JsonString(options.access_type), oci::JsonString(options.prefix),
      options.lists ? "ListObjects" : "Deny", FormatRfc3339(now + options.lifetime, 3));
  const oci::OciCall call{.request = request,
                          .now = now,
                          .namespace_name = state_.namespaces().front(),
                          .bucket = options.bucket};
  const auto made = oci::CreatePar(state_, call);
  if (!made) return Fail(ErrorCode::kInvalidArgument, made.error().message);
  return oci::AccessUriOf(*made);
}

Status OciService::Start(const OciServiceOptions& options) {
  issuer_ = std::make_unique<oci::OciIssuer>(options.issuer, authenticator_);
  TRY_VOID(state_.Load());
  for (const OciIdentity& identity : options.identities) {
    TRY_VOID(authenticator_.Register(identity.key_id, identity.pem));
  }
  for (const std::string& name : options.buckets) {
    Request request{.method = "POST"};
    request.body = fmt::format(R"({{"name":{},"compartmentId":{}}})", oci::JsonString(name),
                               oci::JsonString(options.compartment_id));
    const oci::OciCall call{
        .request = request, .now = clock_.WallNow(), .namespace_name = options.namespaces.front()};
    const auto created = oci::CreateBucket(state_, call);
    if (!created && created.error().code != "BucketAlreadyExists") {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("bucket '{}': {}", name, created.error().message));
    }
  }
  return {};
}

Response OciService::Handle(const Request& request) {
  Response response = Answer(request, clock_.WallNow() + request.clock_skew);
  if (request.method == "HEAD" && response.status >= 400) {
    response.body.clear();
    response.headers = {};
  }
  oci::AddCommonHeaders(request, response.headers);
  return response;
}

std::string OciService::OperationOf(const Request& request) const {
  const std::string_view issuing = oci::OciIssuer::OperationOf(request);
  if (!issuing.empty()) return std::string(issuing);
  if (const auto through = oci::Unwrap(request)) return oci::OperationThrough(*through);
  return oci::OperationName(oci::FindRoute(request, oci::ParseTarget(request.raw_path)));
}

Response OciService::Refuse(const Request& request, const Denial& denial) const {
  const std::string code =
      denial.code.empty() ? oci::CodeOf(denial.status, OperationOf(request)) : denial.code;
  Response response = oci::FailureResponse(
      {denial.status, code, "The local cloud was told to refuse this request"});
  response.operation = OperationOf(request);
  if (request.method == "HEAD") response.body.clear();
  oci::AddCommonHeaders(request, response.headers);
  return response;
}

Response OciService::Answer(const Request& request, WallTime now) {
  using oci::Outcome;
  if (const auto issuing = oci::OciIssuer::OperationOf(request); !issuing.empty()) {
    auto given = issuer_->Handle(request, now);
    Response response = given ? *std::move(given) : oci::FailureResponse(given.error());
    response.operation = issuing;
    return response;
  }
  if (const auto through = oci::Unwrap(request)) {
    auto given = oci::AnswerThrough(state_, *through, request, now);
    Response response = given ? *std::move(given) : oci::FailureResponse(given.error());
    response.operation = oci::OperationThrough(*through);
    return response;
  }
  const oci::Target target = oci::ParseTarget(request.raw_path);
  const auto route = oci::FindRoute(request, target);
  const auto answer = [&]() -> Outcome<Response> {
    std::string user = "ocid1.user.oc1..anonymous";
    if (require_signatures_) {
      user = oci::UserOf(OCI_TRY(
          authenticator_.Verify(request, route ? (*route)->body : oci::SignedBody::kNone, now)));
    }
    if (!route) return tl::unexpected<oci::OciFailure>(route.error());
    OCI_CHECK(oci::CheckHeaders(request));
    oci::OciCall call = OCI_TRY(oci::MakeCall(request, target, state_, now));
    call.user = user;
    return (*route)->handler(state_, call);
  };
  auto outcome = answer();
  Response response = outcome ? *std::move(outcome) : oci::FailureResponse(outcome.error());
  response.operation = oci::OperationName(route);
  return response;
}

}  // namespace skybridge::localcloud
