// FakeObjectStore: an honest ObjectStore in memory. ETags change with every change, listings page,
// preconditions fail, uploads are invisible until their commit. Its Capabilities choose which kind
// of service it behaves like.
//
//   FakeClock clock;
//   FakeObjectStore store(clock, {.capabilities = OciLikeCapabilities(), .page_size = 2});
//   store.script().ActThenFailNext(StoreOp::kPut);   // the object is written, the reply is lost
//   store.PutText("a/b", "changed behind your back");
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/object_store.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "tests/support/call_script.h"

namespace skybridge::testing {

enum class StoreOp {
  kProbe,
  kList,
  kHead,
  kGet,
  kPut,
  kStartUpload,
  kUploadPart,
  kCommitUpload,
  kAbortUpload,
  kSetAttributes,
  kMakeDirectory,
  kRemoveDirectory,
  kRename,
  kDelete,
  kDeleteMany,
};

// Real directories, atomic renames, append, listings with attributes in no useful order
// ("azure-hns").
Capabilities HierarchicalCapabilities();
// Prefixes and markers, listings with attributes, sorted ("azure-flat").
Capabilities FlatCapabilities();
// Prefixes and markers, listings without attributes, attributes only by rewriting ("oci").
Capabilities OciLikeCapabilities();

struct FakeStoreOptions {
  Capabilities capabilities = HierarchicalCapabilities();
  std::uint32_t page_size = 1000;  // entries of a listing's page
  bool endless_listings = false;   // the last page of a listing leads to its first one
  // What is younger is told as so old (ObjectInfo::told_at). 0: the truth.
  std::chrono::seconds least_age{10};
};

// Safe from many threads. Where Capabilities say "flat", a file `a` and a directory `a` (a prefix
// or marker) may live side by side, as in the services; Head then shows the file.
class FakeObjectStore final : public ObjectStore {
 public:
  explicit FakeObjectStore(const Clock& clock, FakeStoreOptions options = {});

  // Faults, blocking, hooks and counts for coming calls.
  CallScript<StoreOp>& script() { return script_; }
  std::size_t calls(StoreOp op) const { return script_.calls(op); }

  // What a test does behind the back of the code it tests: not counted, never failing, past the
  // script.
  ETag PutText(std::string_view path, std::string_view content, Attributes attributes = {});
  ETag PutLink(std::string_view path, std::string_view target, Attributes attributes = {});
  void Remove(std::string_view path);  // a file, link or directory, with everything below it
  std::optional<std::string> ContentOf(std::string_view path) const;
  std::optional<ObjectInfo> InfoOf(std::string_view path) const;
  // All files, links and directories that exist by themselves, by path.
  std::vector<std::string> Paths() const;
  std::size_t open_uploads() const;
  std::size_t told_versions() const;    // SetAttributes calls that said what their version is
  std::uint64_t bytes_read() const;     // by Get
  std::uint64_t bytes_written() const;  // by Put and UploadPart
  // The next rename of a directory moves this many objects, then loses the connection (only without
  // atomic_directory_rename). Calling again with `retried` goes on.
  void InterruptNextDirectoryRename(std::size_t after_objects);
  // Recursive listings have nothing of what is in the directory `path`, and name it (unlisted).
  // Empty: none any more.
  void CannotList(std::string_view path);
  // The next deletion of `path`, alone or among many, fails without having done anything.
  void FailNextDeletionOf(std::string_view path, Error error);

  const Capabilities& capabilities() const override { return options_.capabilities; }
  Result<ProbeReply> Probe(const CallContext& context) override;
  Result<ListPage> List(const ListRequest& request, const CallContext& context) override;
  Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) override;
  Result<ObjectInfo> HeadDirectory(const ObjectKey& key, const CallContext& context) override;
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
  struct Node {
    NodeKind kind = NodeKind::kFile;
    std::string content;
    Attributes attributes;
    ETag etag;
    WallTime last_modified{};
    StoreDigests digests;
    ETag moved_from;  // the version that the last rename brought here
  };
  struct Part {
    std::uint64_t offset_bytes = 0;
    std::string content;
    std::string tag;
  };
  struct Upload {
    ObjectKey key;
    std::optional<AppendBase> base;
    std::map<std::uint32_t, Part> parts;
  };
  // Bytewise order, or the order of a walk ('/' before every other byte) where listings are not
  // sorted.
  struct NameOrder {
    bool bytewise = true;
    bool operator()(std::string_view a, std::string_view b) const;
  };
  // A file's or link's key is its path; a directory's has a '/' at the end. Prefix-only directories
  // have no node.
  using Tree = std::map<std::string, Node, NameOrder>;

  bool hierarchical() const { return options_.capabilities.real_directories; }
  Attributes Kept(Attributes attributes) const;
  Node MakeNode(NodeKind kind, ByteSpan content, Attributes attributes) const;
  Status CheckAttributes(const Attributes& attributes) const;
  ETag NextTag() REQUIRES(mutex_);
  void Touch(Node& node) REQUIRES(mutex_);
  ObjectInfo Describe(const std::string& name, const Node& node) const REQUIRES(mutex_);

  Node* FindFile(const ObjectKey& key) REQUIRES(mutex_);
  bool DirectoryExists(const ObjectKey& key) const REQUIRES(mutex_);
  bool HasChildren(const ObjectKey& key) const REQUIRES(mutex_);
  Status CheckParents(const ObjectKey& key) const REQUIRES(mutex_);
  void MakeParents(const ObjectKey& key) REQUIRES(mutex_);
  Status CheckWrite(const ObjectKey& key, const Conditions& conditions) REQUIRES(mutex_);
  ObjectInfo Store(const ObjectKey& key, Node node) REQUIRES(mutex_);

  Result<ListPage> DoList(const ListRequest& request) const REQUIRES(mutex_);
  Result<ObjectInfo> DoHead(const ObjectKey& key) REQUIRES(mutex_);
  Result<ObjectInfo> DoHeadDirectory(const ObjectKey& key) REQUIRES(mutex_);
  Result<GetReply> DoGet(const GetRequest& request, std::span<std::byte> into) REQUIRES(mutex_);
  Result<ObjectInfo> DoPut(const PutRequest& request, bool retried) REQUIRES(mutex_);
  Result<UploadId> DoStartUpload(const StartUploadRequest& request) REQUIRES(mutex_);
  Result<PartReceipt> DoUploadPart(const UploadPartRequest& request) REQUIRES(mutex_);
  Result<std::string> Assemble(const Upload& upload, const CommitUploadRequest& request)
      REQUIRES(mutex_);
  Result<ObjectInfo> DoCommitUpload(const CommitUploadRequest& request, bool retried)
      REQUIRES(mutex_);
  Result<ObjectInfo> DoSetAttributes(const SetAttributesRequest& request, bool retried)
      REQUIRES(mutex_);
  Result<ObjectInfo> DoMakeDirectory(const MakeDirectoryRequest& request, bool retried)
      REQUIRES(mutex_);
  Status DoRemoveDirectory(const ObjectKey& key, bool retried) REQUIRES(mutex_);
  Result<ObjectInfo> DoRename(const RenameRequest& request, bool retried) REQUIRES(mutex_);
  Result<ObjectInfo> RenameFile(const RenameRequest& request, bool retried) REQUIRES(mutex_);
  Result<ObjectInfo> RenameDirectory(const RenameRequest& request, bool retried) REQUIRES(mutex_);
  Status MoveTree(const ObjectKey& from, const ObjectKey& to) REQUIRES(mutex_);
  Status DoDelete(const DeleteRequest& request, bool retried) REQUIRES(mutex_);

  const Clock& clock_;
  const FakeStoreOptions options_;
  CallScript<StoreOp> script_;

  mutable Mutex mutex_;  // guards what follows
  Tree nodes_ GUARDED_BY(mutex_);
  std::map<std::string, Upload> uploads_ GUARDED_BY(mutex_);
  std::map<std::string, ETag> committed_ GUARDED_BY(mutex_);  // by upload
  std::uint64_t last_version_ GUARDED_BY(mutex_) = 0;
  std::size_t told_versions_ GUARDED_BY(mutex_) = 0;
  std::uint64_t bytes_read_ GUARDED_BY(mutex_) = 0;
  std::uint64_t bytes_written_ GUARDED_BY(mutex_) = 0;
  std::optional<std::size_t> interrupt_rename_after_ GUARDED_BY(mutex_);
  std::string cannot_list_ GUARDED_BY(mutex_);
  std::map<std::string, Error> deletion_faults_ GUARDED_BY(mutex_);  // by path
};

}  // namespace skybridge::testing
