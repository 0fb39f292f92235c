// What the OCI double knows: buckets, objects and uploads, and how they are kept in a Storage.
//
// An object is immutable and shared: a handler finds it under the lock and serves it without. Bytes
// are counted by the objects and parts that hold them, because a copy and a commit share the bytes
// of their sources.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"
#include "tests/localcloud/oci_message.h"
#include "tests/localcloud/storage.h"

namespace skybridge::localcloud::oci {

// Kept bytes; `holders` objects and parts name them. Guarded by OciState::mutex.
struct Blob {
  Slice slice;
  int holders = 0;
};
using BlobRef = std::shared_ptr<Blob>;

// What a client sets when it writes an object, and gets back with it.
struct ObjectProperties {
  std::string content_type = "application/octet-stream";
  std::string storage_tier;  // "" until published: the bucket's own
  std::map<std::string, std::string>
      headers;  // content-language, -encoding, -disposition, cache-control; lower case
  std::map<std::string, std::string> metadata;  // "opc-meta-..." in lower case
};

struct Object {
  std::string name;
  std::vector<BlobRef> blobs;  // in order; their bytes are the object
  std::uint64_t size_bytes = 0;
  std::string etag;
  std::string version_id;
  WallTime created;
  WallTime modified;
  ObjectProperties properties;
  // Response headers, lower case: "content-md5" or "opc-multipart-md5", "opc-content-crc32c", ...
  std::map<std::string, std::string> digests;
  std::optional<WallTime> restored_until;  // of an archived object
};
using ObjectRef = std::shared_ptr<const Object>;

struct Part {
  BlobRef blob;
  std::string etag;
  std::string md5;     // base64
  std::string digest;  // base64 of the upload's checksum algorithm; "" if it has none
  WallTime uploaded;
};

struct Upload {
  std::string id;
  std::string object;
  WallTime created;
  ObjectProperties properties;
  std::string algorithm;  // "", "CRC32C", "SHA256" or "SHA384"
  std::map<int, Part> parts;
  std::string access_secret;  // of one that was started without signing (oci_par.h); else ""
};

// See oci_par.h.
struct PreAuthenticatedRequest {
  std::string id;  // to manage it by: no secret
  std::string name;
  std::string access_type;
  std::string object_name;  // one object, or what all names must begin with; "" the whole bucket
  bool lists = false;
  WallTime created;
  WallTime expires;
  std::string secret;
};

struct Bucket {
  std::string namespace_name;
  std::string name;
  std::string compartment_id;
  std::string created_by;
  WallTime created;
  std::string etag;
  std::string default_tier = "Standard";  // of objects that do not name theirs
  std::string settings;  // a JSON object: the members of the Bucket resource that clients may set
  std::map<std::string, ObjectRef, std::less<>> objects;
  std::map<std::string, Upload, std::less<>> uploads;                // by upload id
  std::map<std::string, PreAuthenticatedRequest, std::less<>> pars;  // by id
};

// An asynchronous operation; here it is over when its request is answered.
struct WorkRequest {
  std::string id;
  std::string compartment_id;
  std::string source_uri;       // "/n/.../b/.../o/..."
  std::string destination_uri;  // the same form
  WallTime accepted;
  std::optional<OciFailure> failure;
};

struct OciSecret {
  std::string id;        // "ocid1.vaultsecret..."
  std::string vault_id;  // "ocid1.vault..."
  std::string name;
  std::string content;  // raw bytes
  WallTime created = {};
};

// A secret with all its versions; version N is at N - 1.
struct KeptSecret {
  OciSecret facts;
  std::vector<std::string> versions;
  std::size_t current = 1;  // the number of the current version
};

struct OciLimits {
  std::uint64_t min_part_size_bytes = 1;  // of every part but the last
  // Documented: OCI Object Storage, "Service limits".
  std::uint64_t max_body_bytes = std::uint64_t{50} << 30;    // of one PutObject or UploadPart
  std::uint64_t max_object_bytes = std::uint64_t{10} << 40;  // of all parts together
};

class OciState {
 public:
  // The oldest work requests beyond this many are forgotten.
  static constexpr std::size_t kMaxWorkRequests = 10'000;

  OciState(Storage& storage, std::vector<std::string> namespaces, std::string region,
           OciLimits limits, std::vector<OciSecret> secrets);

  // Takes up what an earlier process kept. Call once, before the first request.
  Status Load();

  const std::vector<std::string>& namespaces() const { return namespaces_; }
  const std::string& region() const { return region_; }
  const OciLimits& limits() const { return limits_; }

  // Keeps the bytes of a body. Needs no lock: nobody else knows them yet.
  BlobRef Keep(const std::string& bytes);
  // Gives up a blob that no object and no part ever held.
  void Discard(const BlobRef& blob);

  Mutex mutex;  // guards everything below

  // nullptr if there is none.
  Bucket* FindBucket(std::string_view namespace_name, std::string_view name) REQUIRES(mutex);
  // Every bucket of a namespace, by name.
  std::vector<const Bucket*> Buckets(std::string_view namespace_name) REQUIRES(mutex);
  Bucket& AddBucket(Bucket bucket) REQUIRES(mutex);
  void SaveBucket(const Bucket& bucket) REQUIRES(mutex);
  void EraseBucket(const Bucket& bucket) REQUIRES(mutex);

  // nullptr if there is none.
  static ObjectRef FindObject(const Bucket& bucket, std::string_view name);
  // Adds the object or replaces the one of its name.
  void PutObject(Bucket& bucket, const ObjectRef& object) REQUIRES(mutex);
  void EraseObject(Bucket& bucket, std::string_view name) REQUIRES(mutex);

  Upload& AddUpload(Bucket& bucket, Upload upload) REQUIRES(mutex);
  void PutPart(const Bucket& bucket, Upload& upload, int number, Part part) REQUIRES(mutex);
  void EraseUpload(Bucket& bucket, std::string_view upload_id) REQUIRES(mutex);
  // Does nothing if there is no such upload.
  void SetAccessSecret(Bucket& bucket, std::string_view upload_id, std::string secret)
      REQUIRES(mutex);

  void AddPar(Bucket& bucket, PreAuthenticatedRequest par) REQUIRES(mutex);
  void ErasePar(Bucket& bucket, std::string_view id) REQUIRES(mutex);

  const std::vector<KeptSecret>& secrets() const REQUIRES(mutex) { return secrets_; }
  // False if there is no such secret.
  bool ReplaceSecret(std::string_view id, std::string content) REQUIRES(mutex);
  bool AddPendingSecret(std::string_view id, std::string content) REQUIRES(mutex);

  void AddWorkRequest(WorkRequest work) REQUIRES(mutex);
  const WorkRequest* FindWorkRequest(std::string_view id) REQUIRES(mutex);
  const std::deque<WorkRequest>& work_requests() const REQUIRES(mutex) { return work_requests_; }

 private:
  void Hold(const BlobRef& blob) REQUIRES(mutex);
  void Drop(const BlobRef& blob) REQUIRES(mutex);

  Storage& storage_;
  const std::vector<std::string> namespaces_;
  const std::string region_;
  const OciLimits limits_;
  std::vector<KeptSecret> secrets_ GUARDED_BY(mutex);
  std::map<std::string, Bucket, std::less<>> buckets_ GUARDED_BY(mutex);  // by "namespace/bucket"
  std::deque<WorkRequest> work_requests_ GUARDED_BY(mutex);               // oldest first
};

}  // namespace skybridge::localcloud::oci
