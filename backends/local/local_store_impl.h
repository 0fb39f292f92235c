// LocalStoreImpl: the store that OpenLocalStore makes, its methods grouped by idea:
//   local_store.cc         what it is, its temporary directory, listing and reading
//   local_store_write.cc   whole files and links, uploads in parts
//   local_store_change.cc  attributes, directories, renaming and deleting
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backends/local/local_listing.h"
#include "backends/local/local_tree.h"
#include "backends/object_store.h"
#include "core/mutex.h"

namespace skybridge::local {

// Unfinished files; of no name that a user may have.
inline constexpr const char* kTemporary = ".skybridge-tmp";
// How the names in it begin of uploads in parts.
inline constexpr const char* kUploadName = "upload-";

// As this process and the file system of the root allow.
Capabilities LocalCapabilities(const LocalTree& tree);

// "OPERATION 'KEY'".
tl::unexpected<Error> Refuse(ErrorCode code, const char* operation, const ObjectKey& key);
// The same with what errno says.
tl::unexpected<Error> SystemError(const char* operation, const ObjectKey& key);
// What is below a file or link is, to a reader, just not there.
Error AsMissing(Error error);
// Fewer bytes than `into` has room for: the file ends.
Result<std::size_t> ReadAt(const FileDescriptor& file, std::span<std::byte> into,
                           std::uint64_t offset, const ObjectKey& key);
// Whether everything that `wanted` records is so.
bool HasAttributes(const ObjectInfo& info, const Attributes& wanted);

class Draft;  // local_store_write.cc

class LocalStoreImpl final : public ObjectStore {
 public:
  LocalStoreImpl(LocalTree tree, bool sync, Clock& clock)
      : tree_(std::move(tree)), sync_(sync), clock_(clock) {}
  ~LocalStoreImpl() override { RemoveTemporary(); }

  void RemoveLeftovers() const;

  const Capabilities& capabilities() const override { return capabilities_; }
  Result<ProbeReply> Probe(const CallContext& context) override;
  Result<ListPage> List(const ListRequest& request, const CallContext& context) override;
  Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) override;
  Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                       const CallContext& context) override;
  Result<ObjectInfo> Put(const PutRequest& request, const CallContext& context) override;
  Result<UploadId> StartUpload(const StartUploadRequest& request,
                               const CallContext& context) override;
  Result<PartReceipt> UploadPart(const UploadPartRequest& request,
                                 const CallContext& context) override;
  Result<ObjectInfo> CommitUpload(const CommitUploadRequest& request,
                                  const CallContext& context) override;
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
  struct OpenListing {
    ListRequest next;  // what the request for its next page looks like
    std::unique_ptr<LocalListing> listing;
  };

  Status CheckCall(const CallContext& context) const;
  Status CheckKeyHere(const ObjectKey& key) const;
  Status CheckTarget(const ObjectKey& key, const Conditions& conditions) const;
  Result<ObjectInfo> Describe(const ObjectKey& key) const;
  Result<std::string> ReadLink(const ObjectKey& key) const;

  Result<FileDescriptor> MakeDraft(const std::string& name, const ObjectKey& key) const;
  Result<FileDescriptor> OpenUpload(const UploadId& upload, const ObjectKey& key) const;
  Result<ObjectInfo> Publish(Draft& draft, const ObjectKey& key, const Conditions& conditions);
  Status SyncFile(const FileDescriptor& file, const ObjectKey& key) const;
  Status SyncDirectory(const ObjectKey& directory) const;
  Result<std::uint32_t> ContentCrc(const ObjectKey& key, std::uint64_t size_bytes) const;
  bool HoldsPut(const ObjectInfo& there, const PutRequest& request) const;

  Result<std::unique_ptr<LocalListing>> TakeListing(const ListRequest& request);
  void KeepListing(ListRequest next, std::unique_ptr<LocalListing> listing);

  // The private directory for unfinished files, made when it is first needed: a store that is only
  // read changes nothing, and may be on a read-only file system.
  Result<const FileDescriptor*> Temporary() const;
  // Opens it under a shared lock, for as long as the descriptor lives.
  Result<FileDescriptor> OpenTemporary() const;
  // Unless it holds something, or another store uses it.
  void RemoveTemporary() const;

  const LocalTree tree_;
  const bool sync_;
  Clock& clock_;
  const Capabilities capabilities_ = LocalCapabilities(tree_);

  Mutex publish_mutex_;  // held from the check of conditions to the change: no network, short disk
                         // calls
  mutable Mutex temporary_mutex_;  // guards the opening of what follows; once open it stays
  mutable FileDescriptor temporary_ GUARDED_BY(temporary_mutex_);
  Mutex listings_mutex_;                                          // guards what follows
  std::deque<OpenListing> listings_ GUARDED_BY(listings_mutex_);  // oldest first
};

}  // namespace skybridge::local
