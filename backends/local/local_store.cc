#include "backends/local/local_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "backends/key_check.h"
#include "backends/local/local_attributes.h"
#include "backends/local/local_listing.h"
#include "backends/local/local_tree.h"
#include "core/mutex.h"

namespace skybridge {
namespace {

constexpr const char* kTemporary = ".skybridge-tmp";
constexpr std::chrono::hours kLeftoverAge{24};
constexpr std::size_t kMaxOpenListings = 8;

Capabilities LocalCapabilities() {
  Capabilities c;
  c.name = "file";
  c.real_directories = true;
  c.atomic_directory_rename = true;
  c.list_has_attributes = true;
  c.list_is_sorted = true;
  c.keeps_digests = false;
  c.max_put_bytes = std::uint64_t{1} << 30;
  c.max_part_bytes = std::uint64_t{1} << 30;
  c.max_parts = 1'000'000;
  c.max_key_bytes = 4095;
  c.max_name_bytes = 255;
  return c;
}

tl::unexpected<Error> Refuse(ErrorCode code, const char* operation, const ObjectKey& key) {
  return Fail(code, fmt::format("{} '{}'", operation, key.path));
}

tl::unexpected<Error> SystemError(const char* operation, const ObjectKey& key) {
  return Fail(ErrorFromErrno(errno, fmt::format("{} '{}'", operation, key.path)));
}

// What is below a file or link is, to a reader, just not there.
Error AsMissing(Error error) {
  if (error.code == ErrorCode::kNotDirectory) error.code = ErrorCode::kNotFound;
  return error;
}

std::string RandomName(std::string_view prefix) {
  std::array<std::byte, 12> random{};
  if (::getentropy(random.data(), random.size()) != 0) std::abort();
  return std::string(prefix) + HexEncode(random);
}

Status WriteAt(const FileDescriptor& file, ByteSpan bytes, std::uint64_t offset,
               const ObjectKey& key) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("write", key);
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::size_t> ReadAt(const FileDescriptor& file, std::span<std::byte> into,
                           std::uint64_t offset, const ObjectKey& key) {
  std::size_t total = 0;
  while (total < into.size()) {
    const ssize_t count = ::pread(file.get(), into.data() + total, into.size() - total,
                                  static_cast<off_t>(offset + total));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("read", key);
    if (count == 0) break;
    total += static_cast<std::size_t>(count);
  }
  return total;
}

// Whether everything that `wanted` records is so.
bool HasAttributes(const ObjectInfo& info, const Attributes& wanted) {
  const Attributes& there = *info.attributes;
  const auto holds = [](const auto& want, const auto& have) { return !want || want == have; };
  return holds(wanted.mtime, there.mtime) && holds(wanted.uid, there.uid) &&
         holds(wanted.gid, there.gid) &&
         (holds(wanted.mode, there.mode) || info.kind == NodeKind::kSymlink) &&
         wanted.xattrs == there.xattrs && wanted.foreign == there.foreign;
}

// A new file or link in the temporary directory; removed unless it was published.
class Draft {
 public:
  Draft(const FileDescriptor& directory, std::string name)
      : directory_(directory), name_(std::move(name)) {}
  ~Draft() {
    if (!published_) ::unlinkat(directory_.get(), name_.c_str(), 0);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  const std::string& name() const { return name_; }
  void Keep() { published_ = true; }

 private:
  const FileDescriptor& directory_;
  const std::string name_;
  bool published_ = false;
};

class LocalStore final : public ObjectStore {
 public:
  LocalStore(LocalTree tree, bool sync, Clock& clock)
      : tree_(std::move(tree)), sync_(sync), clock_(clock) {}
  ~LocalStore() override { RemoveTemporary(); }

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
  const Capabilities capabilities_ = LocalCapabilities();

  Mutex publish_mutex_;  // held from the check of conditions to the change: no network, short disk
                         // calls
  mutable Mutex temporary_mutex_;  // guards the opening of what follows; once open it stays
  mutable FileDescriptor temporary_ GUARDED_BY(temporary_mutex_);
  Mutex listings_mutex_;                                          // guards what follows
  std::deque<OpenListing> listings_ GUARDED_BY(listings_mutex_);  // oldest first
};

Status LocalStore::CheckCall(const CallContext& context) const {
  if (context.stop.stop_requested()) return Fail(ErrorCode::kCancelled, "the call was stopped");
  if (clock_.Now() >= context.deadline) {
    return Fail(Error{
        .code = ErrorCode::kTimedOut, .message = "the call's deadline passed", .retryable = true});
  }
  return {};
}

Status LocalStore::CheckKeyHere(const ObjectKey& key) const {
  TRY_VOID(CheckKey(key, capabilities_));
  if (key.path.substr(0, key.path.find('/')) == kTemporary) {
    return Refuse(ErrorCode::kInvalidName, "the name is taken for unfinished files:", key);
  }
  return {};
}

// Files that no running upload can still want.
void LocalStore::RemoveLeftovers() const {
  const Result<FileDescriptor> temporary = tree_.OpenDirectory(ObjectKey(kTemporary));
  if (!temporary) return;  // most often there is none
  const Result<LocalNames> names = ReadNames(*temporary);
  if (!names) return;  // nothing depends on it
  const WallTime oldest = clock_.WallNow() - kLeftoverAge;
  for (const LocalName& entry : names->names) {
    struct stat status {};
    if (::fstatat(temporary->get(), entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        WallTime(std::chrono::seconds(status.st_ctim.tv_sec)) < oldest) {
      ::unlinkat(temporary->get(), entry.name.c_str(), 0);
    }
  }
}

Result<const FileDescriptor*> LocalStore::Temporary() const {
  MutexLock lock(temporary_mutex_);
  // Another store may remove it between our making and our locking it.
  while (!temporary_) temporary_ = TRY(OpenTemporary());
  return &temporary_;
}

Result<FileDescriptor> LocalStore::OpenTemporary() const {
  const FileDescriptor root = TRY(tree_.OpenDirectory(ObjectKey()));
  if (::mkdirat(root.get(), kTemporary, 0700) != 0 && errno != EEXIST) {
    return SystemError("make", ObjectKey(kTemporary));
  }
  auto temporary = tree_.OpenDirectory(ObjectKey(kTemporary));
  if (!temporary && temporary.error().code == ErrorCode::kNotFound) return FileDescriptor();
  if (!temporary) return temporary;
  if (::flock(temporary->get(), LOCK_SH) != 0) return SystemError("lock", ObjectKey(kTemporary));
  struct stat status {};
  if (::fstat(temporary->get(), &status) != 0) {
    return SystemError("look at", ObjectKey(kTemporary));
  }
  if (status.st_nlink == 0) return FileDescriptor();
  return temporary;
}

void LocalStore::RemoveTemporary() const {
  MutexLock lock(temporary_mutex_);
  if (!temporary_ || ::flock(temporary_.get(), LOCK_EX | LOCK_NB) != 0) return;
  const Result<FileDescriptor> root = tree_.OpenDirectory(ObjectKey());
  if (root) ::unlinkat(root->get(), kTemporary, AT_REMOVEDIR);
}

Result<ObjectInfo> LocalStore::Describe(const ObjectKey& key) const {
  const LocalPlace place = TRY(tree_.Find(key));
  const FileDescriptor node = TRY(OpenNode(place.directory, place.name));
  return DescribeLocal(key, node);
}

// Whether a file or link may be written at `key` just now.
Status LocalStore::CheckTarget(const ObjectKey& key, const Conditions& conditions) const {
  const Result<ObjectInfo> there = Describe(key);
  if (!there && there.error().code != ErrorCode::kNotFound) return Fail(there.error());
  if (conditions.must_not_exist && there) return Refuse(ErrorCode::kAlreadyExists, "write", key);
  if (there && there->kind == NodeKind::kDirectory)
    return Refuse(ErrorCode::kIsDirectory, "write", key);
  if (conditions.if_match && (!there || there->etag != *conditions.if_match)) {
    return Refuse(ErrorCode::kPreconditionFailed, "write", key);
  }
  return {};
}

Status LocalStore::SyncFile(const FileDescriptor& file, const ObjectKey& key) const {
  if (sync_ && ::fsync(file.get()) != 0) return SystemError("sync", key);
  return {};
}

Status LocalStore::SyncDirectory(const ObjectKey& directory) const {
  if (!sync_) return {};
  const FileDescriptor handle = TRY(tree_.OpenDirectory(directory));
  return SyncFile(handle, directory);
}

Result<ProbeReply> LocalStore::Probe(const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(tree_.OpenDirectory(ObjectKey()));
  return ProbeReply{.server_time = clock_.WallNow(), .detail = "a local directory"};
}

// ---- Listings ----

Result<std::unique_ptr<LocalListing>> LocalStore::TakeListing(const ListRequest& request) {
  const auto is_next = [&](const OpenListing& open) {
    return open.next.directory == request.directory && open.next.recursive == request.recursive &&
           open.next.max_entries == request.max_entries &&
           open.next.continuation == request.continuation;
  };
  if (!request.continuation.empty()) {
    MutexLock lock(listings_mutex_);
    const auto found = std::find_if(listings_.begin(), listings_.end(), is_next);
    if (found != listings_.end()) {
      std::unique_ptr<LocalListing> listing = std::move(found->listing);
      listings_.erase(found);
      return listing;
    }
  }
  auto listing = std::make_unique<LocalListing>(tree_, request, kTemporary);
  TRY_VOID(listing->Start());
  return listing;
}

void LocalStore::KeepListing(ListRequest next, std::unique_ptr<LocalListing> listing) {
  MutexLock lock(listings_mutex_);
  listings_.push_back({.next = std::move(next), .listing = std::move(listing)});
  if (listings_.size() > kMaxOpenListings) listings_.pop_front();
}

Result<ListPage> LocalStore::List(const ListRequest& request, const CallContext& context) {
  TRY_VOID(CheckCall(context));
  if (!request.directory.is_root()) TRY_VOID(CheckKeyHere(request.directory));
  std::unique_ptr<LocalListing> listing = TRY(TakeListing(request));
  ListPage page = TRY(listing->NextPage());
  if (!page.continuation.empty()) {
    ListRequest next = request;
    next.continuation = page.continuation;
    KeepListing(std::move(next), std::move(listing));
  }
  return page;
}

// ---- Reading ----

Result<ObjectInfo> LocalStore::Head(const ObjectKey& key, const CallContext& context) {
  TRY_VOID(CheckCall(context));
  if (!key.is_root()) TRY_VOID(CheckKeyHere(key));
  Result<ObjectInfo> info = Describe(key);
  if (!info) return Fail(AsMissing(info.error()));
  return info;
}

Result<std::string> LocalStore::ReadLink(const ObjectKey& key) const {
  const LocalPlace place = TRY(tree_.Find(key));
  std::string target(4096, '\0');  // PATH_MAX: no target is longer
  const ssize_t size =
      ::readlinkat(place.directory.get(), place.name.c_str(), target.data(), target.size());
  if (size < 0) return SystemError("read the link", key);
  target.resize(static_cast<std::size_t>(size));
  return target;
}

Result<GetReply> LocalStore::Get(const GetRequest& request, std::span<std::byte> into,
                                 const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(CheckKeyHere(request.key));
  if (request.range.length_bytes > into.size()) {
    return Refuse(ErrorCode::kInvalidArgument, "a range longer than its buffer:", request.key);
  }
  const Result<LocalPlace> place = tree_.Find(request.key);
  if (!place) return Fail(AsMissing(place.error()));
  const FileDescriptor node = TRY(OpenNode(place->directory, place->name));
  const struct stat before = TRY(StatNode(node));
  if (S_ISDIR(before.st_mode)) return Refuse(ErrorCode::kIsDirectory, "read", request.key);
  const ETag etag = LocalETag(before);
  if (request.if_match && etag != *request.if_match) {
    return Refuse(ErrorCode::kPreconditionFailed, "read", request.key);
  }
  GetReply reply{.object_size_bytes = static_cast<std::uint64_t>(before.st_size), .etag = etag};
  const ByteRange range = Intersect(request.range, {0, reply.object_size_bytes});
  const std::span<std::byte> wanted = into.first(range.length_bytes);
  if (S_ISLNK(before.st_mode)) {
    const std::string target = TRY(ReadLink(request.key));
    const ByteSpan bytes =
        AsBytes(target).subspan(std::min<std::size_t>(range.offset_bytes, target.size()));
    reply.bytes_received = std::min(wanted.size(), bytes.size());
    std::copy_n(bytes.begin(), reply.bytes_received, wanted.begin());
    return reply;
  }
  const FileDescriptor file(::open(fmt::format("/proc/self/fd/{}", node.get()).c_str(),
                                   O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) return SystemError("open", request.key);
  reply.bytes_received = TRY(ReadAt(file, wanted, range.offset_bytes, request.key));
  // A program may have written into the file while it was read.
  const struct stat after = TRY(StatNode(node));
  if (request.if_match && LocalETag(after) != etag) {
    return Refuse(ErrorCode::kPreconditionFailed, "read", request.key);
  }
  return reply;
}

// ---- Writing ----

Result<FileDescriptor> LocalStore::MakeDraft(const std::string& name, const ObjectKey& key) const {
  // The mode that a program's new file would have; the directory around it is private until then.
  const FileDescriptor* temporary = TRY(Temporary());
  FileDescriptor file(::openat(temporary->get(), name.c_str(),
                               O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!file) return SystemError("create", key);
  return file;
}

Result<ObjectInfo> LocalStore::Publish(Draft& draft, const ObjectKey& key,
                                       const Conditions& conditions) {
  const FileDescriptor* temporary = TRY(Temporary());
  const LocalPlace place = TRY(tree_.FindOrMakeParents(key));
  {
    MutexLock lock(publish_mutex_);
    TRY_VOID(CheckTarget(key, conditions));
    const unsigned flags = conditions.must_not_exist ? RENAME_NOREPLACE : 0;
    if (::renameat2(temporary->get(), draft.name().c_str(), place.directory.get(),
                    place.name.c_str(), flags) != 0) {
      return SystemError("write", key);
    }
    draft.Keep();
  }
  TRY_VOID(SyncDirectory(key.parent()));
  return Describe(key);
}

bool LocalStore::HoldsPut(const ObjectInfo& there, const PutRequest& request) const {
  if (there.kind != request.kind || there.size_bytes != request.body.size() ||
      !HasAttributes(there, request.attributes)) {
    return false;
  }
  if (there.kind == NodeKind::kSymlink) {
    const Result<std::string> target = ReadLink(request.key);
    return target && std::ranges::equal(AsBytes(*target), request.body);
  }
  const Result<std::uint32_t> crc = ContentCrc(request.key, there.size_bytes);
  return crc && *crc == Crc32c(request.body);
}

Result<ObjectInfo> LocalStore::Put(const PutRequest& request, const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(CheckKeyHere(request.key));
  if (request.kind == NodeKind::kDirectory)
    return Refuse(ErrorCode::kInvalidArgument, "put", request.key);
  if (request.body.size() > capabilities_.max_put_bytes)
    return Refuse(ErrorCode::kTooLarge, "put", request.key);
  if (const Status allowed = CheckTarget(request.key, request.conditions); !allowed) {
    Result<ObjectInfo> there = Describe(request.key);
    if (context.retried && there && HoldsPut(*there, request)) return there;
    return Fail(allowed.error());
  }
  const FileDescriptor& temporary = *TRY(Temporary());
  Draft draft(temporary, RandomName("put-"));
  if (request.kind == NodeKind::kSymlink) {
    const std::string target(reinterpret_cast<const char*>(request.body.data()),
                             request.body.size());
    if (::symlinkat(target.c_str(), temporary.get(), draft.name().c_str()) != 0) {
      return SystemError("make the link", request.key);
    }
    const FileDescriptor node = TRY(OpenNode(temporary, draft.name()));
    TRY_VOID(WriteLocalAttributes(request.attributes, node));
  } else {
    const FileDescriptor file = TRY(MakeDraft(draft.name(), request.key));
    TRY_VOID(WriteAt(file, request.body, 0, request.key));
    const FileDescriptor node = TRY(OpenNode(temporary, draft.name()));
    TRY_VOID(WriteLocalAttributes(request.attributes, node));
    TRY_VOID(SyncFile(file, request.key));
  }
  return Publish(draft, request.key, request.conditions);
}

// ---- Uploads: one temporary file each, named by the upload's id ----

Result<UploadId> LocalStore::StartUpload(const StartUploadRequest& request,
                                         const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(CheckKeyHere(request.key));
  if (request.append_to) return Refuse(ErrorCode::kNotSupported, "append to", request.key);
  TRY_VOID(CheckTarget(request.key, request.conditions));
  UploadId upload{RandomName("upload-")};
  TRY_VOID(MakeDraft(upload.value, request.key));
  return upload;
}

Result<FileDescriptor> LocalStore::OpenUpload(const UploadId& upload, const ObjectKey& key) const {
  if (!upload.value.starts_with("upload-") || upload.value.find('/') != std::string::npos) {
    return Refuse(ErrorCode::kNotFound, "no such upload of", key);
  }
  const FileDescriptor* temporary = TRY(Temporary());
  FileDescriptor file(
      ::openat(temporary->get(), upload.value.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return SystemError("open the upload of", key);
  return file;
}

Result<PartReceipt> LocalStore::UploadPart(const UploadPartRequest& request,
                                           const CallContext& context) {
  TRY_VOID(CheckCall(context));
  if (request.body.empty() || request.part_number == 0) {
    return Refuse(ErrorCode::kInvalidArgument, "an empty part of", request.key);
  }
  if (request.body.size() > capabilities_.max_part_bytes ||
      request.part_number > capabilities_.max_parts) {
    return Refuse(ErrorCode::kTooLarge, "a part of", request.key);
  }
  const FileDescriptor file = TRY(OpenUpload(request.upload, request.key));
  TRY_VOID(WriteAt(file, request.body, request.offset_bytes, request.key));
  const std::uint32_t crc = Crc32c(request.body);
  return PartReceipt{.part_number = request.part_number,
                     .offset_bytes = request.offset_bytes,
                     .size_bytes = request.body.size(),
                     .tag = fmt::format("{:08x}", crc),
                     .crc32c = crc};
}

// The CRC of a file's content, to recognise our own work.
Result<std::uint32_t> LocalStore::ContentCrc(const ObjectKey& key, std::uint64_t size_bytes) const {
  const LocalPlace place = TRY(tree_.Find(key));
  const FileDescriptor file(::openat(place.directory.get(), place.name.c_str(),
                                     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return SystemError("open", key);
  std::vector<std::byte> buffer(std::min<std::uint64_t>(size_bytes, 1 << 20));
  std::uint32_t crc = 0;
  for (std::uint64_t offset = 0; offset < size_bytes;) {
    const std::size_t count = TRY(ReadAt(file, buffer, offset, key));
    if (count == 0) break;
    crc = Crc32c(std::span(buffer).first(count), crc);
    offset += count;
  }
  return crc;
}

Result<ObjectInfo> LocalStore::CommitUpload(const CommitUploadRequest& request,
                                            const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(CheckKeyHere(request.key));
  std::uint64_t size_bytes = 0;
  std::uint32_t crc = 0;
  for (const PartReceipt& part : request.parts) {
    if (part.offset_bytes != size_bytes) {
      return Refuse(ErrorCode::kInvalidArgument, "parts with a gap:", request.key);
    }
    crc = CombineCrc32c(crc, part.crc32c, part.size_bytes);
    size_bytes += part.size_bytes;
  }
  const Result<FileDescriptor> file = OpenUpload(request.upload, request.key);
  if (!file) {
    if (!context.retried || file.error().code != ErrorCode::kNotFound) return Fail(file.error());
    Result<ObjectInfo> there = Describe(request.key);
    const bool ours = there && there->size_bytes == size_bytes &&
                      ContentCrc(request.key, size_bytes).value_or(~crc) == crc;
    if (!ours) return Fail(file.error());
    return there;
  }
  const FileDescriptor& temporary = *TRY(Temporary());
  const FileDescriptor node = TRY(OpenNode(temporary, request.upload.value));
  const struct stat status = TRY(StatNode(node));
  if (static_cast<std::uint64_t>(status.st_size) < size_bytes) {
    return Refuse(ErrorCode::kInvalidArgument, "a part is missing:", request.key);
  }
  TRY_VOID(CheckTarget(request.key, request.conditions));
  if (::ftruncate(file->get(), static_cast<off_t>(size_bytes)) != 0)
    return SystemError("cut", request.key);
  TRY_VOID(WriteLocalAttributes(request.attributes, node));
  TRY_VOID(SyncFile(*file, request.key));
  Draft draft(temporary, request.upload.value);
  Result<ObjectInfo> published = Publish(draft, request.key, request.conditions);
  draft.Keep();  // a failed commit leaves the upload
  return published;
}

Status LocalStore::AbortUpload(const AbortUploadRequest& request, const CallContext& context) {
  TRY_VOID(CheckCall(context));
  const Result<FileDescriptor> file = OpenUpload(request.upload, request.key);
  if (!file) return file.error().code == ErrorCode::kNotFound ? Status() : Fail(file.error());
  const FileDescriptor* temporary = TRY(Temporary());
  if (::unlinkat(temporary->get(), request.upload.value.c_str(), 0) != 0 && errno != ENOENT) {
    return SystemError("abort the upload of", request.key);
  }
  return {};
}

// ---- Attributes, directories, names ----

Result<ObjectInfo> LocalStore::SetAttributes(const SetAttributesRequest& request,
                                             const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(CheckKeyHere(request.key));
  const Result<LocalPlace> place = tree_.Find(request.key);
  if (!place) return Fail(AsMissing(place.error()));
  const FileDescriptor node = TRY(OpenNode(place->directory, place->name));
  MutexLock lock(publish_mutex_);
  const ObjectInfo before = TRY(DescribeLocal(request.key, node));
  if (request.if_match && before.etag != *request.if_match) {
    if (context.retried && HasAttributes(before, request.attributes)) return before;
    return Refuse(ErrorCode::kPreconditionFailed, "set attributes of", request.key);
  }
  // File systems stamp changes with a tick of some milliseconds: write again until it has passed.
  for (;;) {
    TRY_VOID(WriteLocalAttributes(request.attributes, node));
    ObjectInfo after = TRY(DescribeLocal(request.key, node));
    if (after.etag != before.etag) return after;
    TRY_VOID(CheckCall(context));
    ::usleep(1000);
  }
}

Result<ObjectInfo> LocalStore::MakeDirectory(const MakeDirectoryRequest& request,
                                             const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(CheckKeyHere(request.key));
  const LocalPlace place = TRY(tree_.FindOrMakeParents(request.key));
  if (::mkdirat(place.directory.get(), place.name.c_str(), 0777) != 0) {
    const int reason = errno;
    Result<ObjectInfo> there = Describe(request.key);
    const bool ours = context.retried && reason == EEXIST && there &&
                      there->kind == NodeKind::kDirectory &&
                      HasAttributes(*there, request.attributes);
    if (ours) return there;
    errno = reason;
    return SystemError("make the directory", request.key);
  }
  const FileDescriptor node = TRY(OpenNode(place.directory, place.name));
  TRY_VOID(WriteLocalAttributes(request.attributes, node));
  TRY_VOID(SyncDirectory(request.key.parent()));
  return DescribeLocal(request.key, node);
}

Status LocalStore::RemoveDirectory(const ObjectKey& key, const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(CheckKeyHere(key));
  const Result<LocalPlace> place = tree_.Find(key);
  if (place && ::unlinkat(place->directory.get(), place->name.c_str(), AT_REMOVEDIR) == 0) {
    return SyncDirectory(key.parent());
  }
  const Error error =
      place ? ErrorFromErrno(errno, fmt::format("remove '{}'", key.path)) : place.error();
  if (context.retried && error.code == ErrorCode::kNotFound) return {};
  return Fail(error);
}

Result<ObjectInfo> LocalStore::Rename(const RenameRequest& request, const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(CheckKeyHere(request.source));
  TRY_VOID(CheckKeyHere(request.destination));
  const bool directory = request.kind == NodeKind::kDirectory;
  const LocalPlace to = TRY(tree_.Find(request.destination));
  {
    MutexLock lock(publish_mutex_);
    const Result<ObjectInfo> source = Describe(request.source);
    if (!source) {
      Result<ObjectInfo> there = Describe(request.destination);
      const bool ours =
          context.retried && there && (there->kind == NodeKind::kDirectory) == directory &&
          (directory ||
           (request.source_if_match && IsSameContent(there->etag, *request.source_if_match)));
      if (ours) return there;
      return Fail(AsMissing(source.error()));
    }
    if (request.source_if_match && source->etag != *request.source_if_match) {
      return Refuse(ErrorCode::kPreconditionFailed, "rename", request.source);
    }
    if (directory != (source->kind == NodeKind::kDirectory)) {
      return Refuse(directory ? ErrorCode::kNotDirectory : ErrorCode::kIsDirectory, "rename",
                    request.source);
    }
    if (!directory && request.source != request.destination) {
      TRY_VOID(CheckTarget(request.destination, request.destination_conditions));
    }
    const LocalPlace from = TRY(tree_.Find(request.source));
    const bool replace = !request.destination_conditions.must_not_exist;
    if (::renameat2(from.directory.get(), from.name.c_str(), to.directory.get(), to.name.c_str(),
                    replace ? 0 : RENAME_NOREPLACE) != 0) {
      if (errno == EEXIST && replace) errno = ENOTEMPTY;
      return SystemError("rename", request.source);
    }
  }
  TRY_VOID(SyncDirectory(request.destination.parent()));
  TRY_VOID(SyncDirectory(request.source.parent()));
  return Describe(request.destination);
}

Status LocalStore::Delete(const DeleteRequest& request, const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(CheckKeyHere(request.key));
  MutexLock lock(publish_mutex_);
  const Result<ObjectInfo> there = Describe(request.key);
  if (!there) {
    const Error error = AsMissing(there.error());
    if (context.retried && error.code == ErrorCode::kNotFound) return {};
    return Fail(error);
  }
  if (there->kind == NodeKind::kDirectory)
    return Refuse(ErrorCode::kIsDirectory, "delete", request.key);
  if (request.if_match && there->etag != *request.if_match) {
    return Refuse(ErrorCode::kPreconditionFailed, "delete", request.key);
  }
  const LocalPlace place = TRY(tree_.Find(request.key));
  if (::unlinkat(place.directory.get(), place.name.c_str(), 0) != 0)
    return SystemError("delete", request.key);
  return {};
}

std::vector<Status> LocalStore::DeleteMany(std::span<const DeleteRequest> requests,
                                           const CallContext& context) {
  std::vector<Status> statuses;
  for (const DeleteRequest& request : requests) statuses.push_back(Delete(request, context));
  return statuses;
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> OpenLocalStore(const LocalStoreOptions& options,
                                                    Clock& clock) {
  LocalTree tree = TRY(LocalTree::Open(options.directory));
  auto store = std::make_unique<LocalStore>(std::move(tree), options.sync, clock);
  store->RemoveLeftovers();
  return store;
}

}  // namespace skybridge
