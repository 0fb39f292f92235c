// The operations of the OCI double. Each is safe from many threads and answers with a success or a
// failure; the router (oci_service.cc) has already authenticated the caller and split the path.
// Source: OCI API reference "Object Storage Service API", "Secret Retrieval API".
#pragma once

#include "tests/localcloud/oci_message.h"
#include "tests/localcloud/oci_state.h"

namespace skybridge::localcloud::oci {

// oci_buckets.cc
Outcome<Response> GetNamespace(OciState& state, const OciCall& call);
Outcome<Response> GetNamespaceMetadata(OciState& state, const OciCall& call);
Outcome<Response> ListBuckets(OciState& state, const OciCall& call);
Outcome<Response> CreateBucket(OciState& state, const OciCall& call);
Outcome<Response> GetBucket(OciState& state, const OciCall& call);
Outcome<Response> HeadBucket(OciState& state, const OciCall& call);
Outcome<Response> UpdateBucket(OciState& state, const OciCall& call);
Outcome<Response> DeleteBucket(OciState& state, const OciCall& call);

// oci_objects.cc
Outcome<Response> PutObject(OciState& state, const OciCall& call);
Outcome<Response> GetObject(OciState& state,
                            const OciCall& call);  // HEAD too: the server sends no body then
Outcome<Response> DeleteObject(OciState& state, const OciCall& call);

// oci_listing.cc
Outcome<Response> ListObjects(OciState& state, const OciCall& call);
Outcome<Response> ListObjectVersions(OciState& state, const OciCall& call);

// oci_uploads.cc
Outcome<Response> CreateMultipartUpload(OciState& state, const OciCall& call);
Outcome<Response> ListMultipartUploads(OciState& state, const OciCall& call);
Outcome<Response> UploadPart(OciState& state, const OciCall& call);
Outcome<Response> ListMultipartUploadParts(OciState& state, const OciCall& call);
Outcome<Response> CommitMultipartUpload(OciState& state, const OciCall& call);
Outcome<Response> AbortMultipartUpload(OciState& state, const OciCall& call);

// oci_actions.cc
Outcome<Response> RenameObject(OciState& state, const OciCall& call);
Outcome<Response> CopyObject(OciState& state, const OciCall& call);
Outcome<Response> BatchDeleteObjects(OciState& state, const OciCall& call);
Outcome<Response> RestoreObjects(OciState& state, const OciCall& call);
Outcome<Response> UpdateObjectStorageTier(OciState& state, const OciCall& call);

// oci_par.cc
Outcome<Response> CreatePar(OciState& state, const OciCall& call);
Outcome<Response> GetPar(OciState& state, const OciCall& call);
Outcome<Response> ListPars(OciState& state, const OciCall& call);
Outcome<Response> DeletePar(OciState& state, const OciCall& call);

// oci_work_requests.cc
Outcome<Response> ListWorkRequests(OciState& state, const OciCall& call);
Outcome<Response> GetWorkRequest(OciState& state, const OciCall& call);
Outcome<Response> CancelWorkRequest(OciState& state, const OciCall& call);
Outcome<Response> ListWorkRequestErrors(OciState& state, const OciCall& call);
Outcome<Response> ListWorkRequestLogs(OciState& state, const OciCall& call);

// oci_vault.cc
Outcome<Response> GetSecretBundle(OciState& state, const OciCall& call);
Outcome<Response> GetSecretBundleByName(OciState& state, const OciCall& call);
Outcome<Response> ListSecretBundleVersions(OciState& state, const OciCall& call);

// Shared by the handlers (oci_objects.cc).

// 404 BucketNotFound if there is no such bucket.
Outcome<Bucket*> NeedBucket(OciState& state, const OciCall& call) REQUIRES(state.mutex);
// 404 ObjectNotFound if there is no such object.
Outcome<ObjectRef> NeedObject(const Bucket& bucket, std::string_view name);
// What PutObject's headers, or the metadata of other requests, say about an object to be.
Outcome<ObjectProperties> ReadProperties(const HttpHeaders& headers);
std::optional<OciFailure> AddMetadata(ObjectProperties& properties, std::string_view name,
                                      std::string_view value);
std::optional<OciFailure> CheckMetadata(const ObjectProperties& properties);
std::optional<OciFailure> CheckStorageTier(std::string_view tier);
// 413 RequestEntityTooLarge for what the request says that it sends.
std::optional<OciFailure> CheckBodySize(const OciCall& call, const OciLimits& limits);
// Publishes `object` under its name: keeps timeCreated of the one it replaces, mints ETag and
// version id, stamps it.
ObjectRef Publish(OciState& state, Bucket& bucket, Object object, WallTime now)
    REQUIRES(state.mutex);
// "etag", "last-modified", "version-id": what every write answers.
void AddWriteHeaders(const Object& object, HttpHeaders& headers);

// Bytes that are kept for an object or part to be; they are given up again unless somebody takes
// them.
class KeptBody {
 public:
  KeptBody(OciState& state, const std::string& bytes) : state_(state), blob_(state.Keep(bytes)) {}
  ~KeptBody() {
    if (blob_ != nullptr) state_.Discard(blob_);
  }
  KeptBody(const KeptBody&) = delete;
  KeptBody& operator=(const KeptBody&) = delete;

  BlobRef Take() { return std::exchange(blob_, nullptr); }

 private:
  OciState& state_;
  BlobRef blob_;
};

}  // namespace skybridge::localcloud::oci
