// Bucket: the operations of one bucket on its flat object names, checked: digests that come back
// are compared, lengths too. The tree above it (keys, directories, attributes) is OciStore's.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/oci/client.h"
#include "backends/oci/replies.h"
#include "backends/oci/requests.h"
#include "core/mutex.h"
#include "core/secret.h"

namespace skybridge::oci {

struct BucketOptions {
  std::string endpoint;    // scheme://host[:port]
  std::string region;      // long id; needed only to rewrite the metadata of large objects
  std::string name_space;  // empty: asked from the service, once
  std::string bucket;
  Secret access = {};  // "/p/SECRET": all goes through a pre-authenticated request
};

struct ObjectHead {
  ObjectFacts facts;
  std::uint64_t size_bytes = 0;
  StoredHeaders stored_headers;
};

struct UploadedPart {
  std::string etag;
  std::uint32_t crc32c = 0;
};

// Every method makes one attempt and blocks until reply, deadline or stop. Safe from many threads.
class Bucket {
 public:
  Bucket(BucketOptions options, HttpTransport& transport,
         std::unique_ptr<IdentityProvider> identities, Clock& clock);

  const std::string& name() const { return options_.bucket; }
  Clock& clock() { return client_.clock(); }
  // A pre-authenticated request stands for the signature: Delete, BatchDelete, Rename and
  // RewriteMetadata would be refused, and CommitUpload takes every part that was sent.
  bool is_pre_authenticated() const { return !options_.access.empty(); }
  Result<std::string> NameSpace(const CallContext& context);

  // `server_time`, if given, receives the Date of the reply (epoch if it has none). Errors besides
  // those of the service: kCorrupt for names outside of what was asked for.
  Result<Listing> List(const ListParameters& parameters, const CallContext& context,
                       WallTime* server_time = nullptr);
  Result<ObjectHead> Head(std::string_view name, const std::optional<ETag>& if_match,
                          const CallContext& context);
  // A range at or past the end yields 0 bytes.
  Result<GetReply> Get(std::string_view name, ByteRange range, const std::optional<ETag>& if_match,
                       std::span<std::byte> into, const CallContext& context);
  // The whole object, and what Head tells of it, in one request. `into` is as long as the object;
  // of another length, it is another version (kPreconditionFailed).
  Result<ObjectHead> GetWhole(std::string_view name, const ETag& if_match,
                              std::span<std::byte> into, const CallContext& context);
  // The facts of the new object; its CRC32C is always among them. Both this and UploadPart compute
  // the body's CRC32C.
  Result<ObjectFacts> Put(PutParameters parameters, const CallContext& context);
  Status Delete(std::string_view name, const std::optional<ETag>& if_match,
                const CallContext& context);
  // The entries that were not deleted. Errors: kNotSupported where the service has no such call.
  Result<std::vector<FailedDelete>> BatchDelete(std::span<const NamedVersion> objects,
                                                const CallContext& context);
  Result<ObjectFacts> Rename(const RenameParameters& parameters, const CallContext& context);

  Result<std::string> CreateUpload(const CreateUploadParameters& parameters,
                                   const CallContext& context);
  Result<UploadedPart> UploadPart(PartParameters parameters, const CallContext& context);
  // Errors also: kNotSupported where a part that was sent through a pre-authenticated request is
  // not among `parts`.
  Result<ObjectFacts> CommitUpload(const CommitParameters& parameters, const CallContext& context);
  Status AbortUpload(std::string_view name, std::string_view upload_id, const CallContext& context);

  // Replaces the metadata of the version `etag` within the service (CopyObject onto itself),
  // waiting until it is done. Errors: kPreconditionFailed, kPermissionDenied (the bucket's policy
  // does not let the service copy), kTimedOut.
  Status RewriteMetadata(std::string_view name, const ETag& etag, const Metadata& metadata,
                         const std::string& storage_tier, const CallContext& context);

 private:
  Result<BucketAddress> Address(const CallContext& context);
  // Marks a bucket that was seen to exist: then "no such bucket" is a passing state and worth
  // another try.
  Result<HttpResponse> Send(Call call, std::string_view what, const CallContext& context);
  // A range of at least one byte, with all that the reply says. Errors: as Get.
  struct Received {
    GetReply reply;
    ObjectFacts facts;
    StoredHeaders stored_headers;
  };
  Result<Received> Receive(std::string_view name, ByteRange range,
                           const std::optional<ETag>& if_match, std::span<std::byte> into,
                           const CallContext& context);
  Result<GetReply> PastEnd(std::string_view name, ByteRange range,
                           const std::optional<ETag>& if_match, const CallContext& context);
  // A step of an upload. The secret of its own that one has which was started through a
  // pre-authenticated request ends with it: then the upload is gone (kNotFound).
  Result<HttpResponse> SendStep(Call call, std::string_view what, std::string_view upload_id,
                                const CallContext& context);
  // Says what a refusal means that came through a pre-authenticated request.
  static void ExplainRefusal(Error& error);
  void NotePart(std::string_view upload_id, std::uint32_t part_number);
  std::uint32_t LastPart(std::string_view upload_id) const;
  void ForgetParts(std::string_view upload_id);
  Status AwaitWork(std::string_view what, const std::string& work_id, const CallContext& context);
  Error WorkError(std::string_view what, const std::string& work_id, const CallContext& context);

  const BucketOptions options_;
  Client client_;
  std::atomic<bool> seen_{false};
  mutable Mutex mutex_;
  std::string name_space_ GUARDED_BY(mutex_);
  // Of uploads through a pre-authenticated request: the highest part that was sent, by upload. Gone
  // with the commit or abort, so no more than the uploads in progress.
  std::map<std::string, std::uint32_t, std::less<>> last_parts_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::oci
