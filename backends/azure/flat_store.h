// FlatStore: an account without hierarchical namespace, or an emulator: the Blob protocol alone.
// Directories are name prefixes; one that must exist by itself has a marker, the zero-byte blob
// "dir" with hdi_isfolder=true, as blobfuse2, AzCopy, Hadoop and the portal write it. The marker
// "dir/" of other tools (rclone) is understood, and stays until its directory is removed. Where a
// file has the name "dir", the marker that we write is "dir/".
//
// A blob with bytes is a file, whatever its name and metadata say: "dir/" is then a file with an
// empty name in "dir" (core/ids.h).
//
// A file is written whole (Put Blob) or in blocks that nobody sees before the block list is put. A
// rename is a copy on the server and a deletion; of a directory, object by object: the
// destination's marker names the source until the end, so that calling again goes on.
#pragma once

#include <deque>
#include <string>

#include "backends/azure/blob_client.h"
#include "backends/azure/upload.h"
#include "backends/object_store.h"
#include "backends/recent_renames.h"
#include "core/mutex.h"

namespace skybridge::azure {

class FlatStore final : public ObjectStore {
 public:
  static constexpr std::size_t kAbortedRemembered = 1024;

  // The clock also waits for copies that the service does not finish at once.
  FlatStore(const Options& options, HttpTransport& transport, Clock& clock);

  const Capabilities& capabilities() const override { return capabilities_; }
  Result<ProbeReply> Probe(const CallContext& context) override;
  // In a listing of one level, a directory that has children comes without attributes: the service
  // does not show its marker there.
  Result<ListPage> List(const ListRequest& request, const CallContext& context) override;
  Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) override;
  Result<ObjectInfo> HeadDirectory(const ObjectKey& key, const CallContext& context) override;
  Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                       const CallContext& context) override;
  Result<ObjectInfo> Put(const PutRequest& request, const CallContext& context) override;
  // Sends nothing: blocks need no beginning.
  Result<UploadId> StartUpload(const StartUploadRequest& request,
                               const CallContext& context) override;
  Result<PartReceipt> UploadPart(const UploadPartRequest& request,
                                 const CallContext& context) override;
  Result<ObjectInfo> CommitUpload(const CommitUploadRequest& request,
                                  const CallContext& context) override;
  // Sends nothing: the service has no such call, and drops blocks that no list names after a week.
  // Late parts and commits of the last kAbortedRemembered aborted uploads are refused.
  Status AbortUpload(const AbortUploadRequest& request, const CallContext& context) override;
  Result<ObjectInfo> SetAttributes(const SetAttributesRequest& request,
                                   const CallContext& context) override;
  Result<ObjectInfo> MakeDirectory(const MakeDirectoryRequest& request,
                                   const CallContext& context) override;
  Status RemoveDirectory(const ObjectKey& key, const CallContext& context) override;
  Result<ObjectInfo> Rename(const RenameRequest& request, const CallContext& context) override;
  Status Delete(const DeleteRequest& request, const CallContext& context) override;
  std::vector<Status> DeleteMany(std::span<const DeleteRequest> requests,
                                 const CallContext& context) override;

 private:
  struct Directory {
    bool exists = false;
    bool has_children = false;
    std::optional<Sighting> named_marker;  // "dir"
    std::optional<Sighting> slash_marker;  // "dir/"
    // The one whose attributes and version are the directory's.
    const std::optional<Sighting>& marker() const {
      return named_marker ? named_marker : slash_marker;
    }
    ETag etag() const { return marker() ? marker()->etag : ETag(); }
  };
  struct CopyRequest {
    ObjectKey key;  // of the destination, for messages
    std::string source_name;
    std::string destination_name;
    ETag source_etag;
    std::string tier = {};      // of the source, if not the account's default
    MetadataMap metadata = {};  // BlobClient::MetadataForCopy
    Conditions conditions;
  };
  struct Copied {
    ETag etag;
    WallTime last_modified{};
  };

  std::string BlobName(const ObjectKey& key) const { return blobs_.names().BlobName(key); }
  // Nothing if there is no such blob.
  Result<std::optional<Sighting>> FindBlob(const ObjectKey& key, const CallContext& context) const;
  // By its prefix alone: sees the marker "dir/" and children.
  Result<Directory> FindPrefix(const ObjectKey& key, const CallContext& context) const;
  // With markers of either kind. `blob` is what FindBlob said.
  Result<Directory> FindDirectory(const ObjectKey& key, const std::optional<Sighting>& blob,
                                  const CallContext& context) const;
  ObjectInfo DescribeDirectory(const ObjectKey& key, const Directory& directory) const;
  // The blob that has, or gets, the directory's marker.
  std::string MarkerName(const ObjectKey& key, const std::optional<Sighting>& blob,
                         const Directory& directory) const;
  // Both markers, under If-Match.
  Status DeleteMarkers(const ObjectKey& key, const Directory& directory,
                       const CallContext& context) const;
  // A write or deletion of a file that names no version must not take a directory's marker for it:
  // what is there, and conditions for just that. Errors: kIsDirectory.
  Result<Conditions> ForFile(const ObjectKey& key, const CallContext& context) const;
  // Errors: kInvalidName for a key that cannot be a file's.
  Status CheckFileKey(const ObjectKey& key) const;

  Result<ObjectInfo> WriteMarker(const ObjectKey& key, const std::string& name,
                                 const Attributes& attributes, const Conditions& conditions,
                                 const CallContext& context) const;

  Status DeleteBlob(const ObjectKey& key, const std::string& blob_name,
                    const std::optional<ETag>& if_match, const CallContext& context) const;
  Result<Copied> Copy(const CopyRequest& request, const CallContext& context) const;
  Result<Copied> AwaitCopy(const CopyRequest& request, const std::string& copy_id,
                           const CallContext& context) const;
  Result<std::optional<Sighting>> FindEarlierCopy(const CopyRequest& request,
                                                  const ObjectInfo& source,
                                                  const CallContext& context) const;
  Status MoveBlob(const CopyRequest& request, const CallContext& context) const;
  Result<std::optional<ObjectInfo>> FindSource(const RenameRequest& request,
                                               const CallContext& context) const;
  Result<ObjectInfo> RenameFile(const RenameRequest& request, const CallContext& context);
  Result<ObjectInfo> FindMoved(const RenameRequest& request, const CopyRequest& copy,
                               const CallContext& context);
  Result<ObjectInfo> RenameDirectory(const RenameRequest& request, const CallContext& context);
  Status CheckDirectoryRename(const RenameRequest& request, const Directory& source,
                              const std::optional<Sighting>& blob_there,
                              const Directory& there) const;
  Status RemoveEmptied(const ObjectKey& key, const CallContext& context) const;
  Result<std::vector<ListedBlob>> FirstBlobs(const ObjectKey& directory,
                                             const CallContext& context) const;
  Status MoveChildren(const RenameRequest& request, const CallContext& context) const;

  // kNotFound once it is aborted.
  Result<std::string> LiveUpload(const UploadId& id) const EXCLUDES(mutex_);

  const Capabilities capabilities_;
  Clock& clock_;
  const BlobClient blobs_;
  RecentRenames recent_renames_;

  mutable Mutex mutex_;                                 // guards what follows
  std::deque<std::string> aborted_ GUARDED_BY(mutex_);  // nonces, the oldest first
};

}  // namespace skybridge::azure
