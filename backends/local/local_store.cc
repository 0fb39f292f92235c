#include "backends/local/local_store.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "backends/key_check.h"
#include "backends/local/local_attributes.h"
#include "backends/local/local_store_impl.h"

namespace skybridge {
namespace local {
namespace {

constexpr std::chrono::hours kLeftoverAge{24};
constexpr std::size_t kMaxOpenListings = 8;

// Whether this process may give files to others.
bool MayGiveAway() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return ::geteuid() == 0;
  return (data[CAP_TO_INDEX(CAP_CHOWN)].effective & CAP_TO_MASK(CAP_CHOWN)) != 0;
}

std::optional<OwnerLimits> LimitsOfOwners() {
  if (MayGiveAway()) return std::nullopt;
  OwnerLimits limits{.uid = ::geteuid(), .gids = {::getegid()}};
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<std::size_t>(std::max(count, 0)));
  limits.gids.insert(limits.gids.end(), groups.begin(), groups.end());
  return limits;
}

// Asks for one that nobody has.
bool HasXattrs(const LocalTree& tree) {
  const Result<LocalPlace> root = tree.Find(ObjectKey());
  if (!root) return true;
  const std::string path = fmt::format("/proc/self/fd/{}", root->directory.get());
  return ::getxattr(path.c_str(), "user.skybridge.none", nullptr, 0) >= 0 || errno != ENOTSUP;
}

}  // namespace

Capabilities LocalCapabilities(const LocalTree& tree) {
  Capabilities c;
  c.name = "file";
  c.real_directories = true;
  c.atomic_directory_rename = true;
  c.list_has_attributes = true;
  c.list_is_sorted = true;
  c.keeps_content_headers = false;
  c.keeps_digests = false;
  c.links_keep_attributes = false;
  c.root_keeps_attributes = true;
  c.directory_times_move = true;
  c.max_put_bytes = std::uint64_t{1} << 30;
  c.max_part_bytes = std::uint64_t{1} << 30;
  c.max_parts = 1'000'000;
  c.max_key_bytes = 4095;
  c.max_name_bytes = 255;
  c.keeps_xattrs = HasXattrs(tree);
  c.owner_limits = LimitsOfOwners();
  return c;
}

tl::unexpected<Error> Refuse(ErrorCode code, const char* operation, const ObjectKey& key) {
  return Fail(code, fmt::format("{} '{}'", operation, key.path));
}

tl::unexpected<Error> SystemError(const char* operation, const ObjectKey& key) {
  return Fail(ErrorFromErrno(errno, fmt::format("{} '{}'", operation, key.path)));
}

Error AsMissing(Error error) {
  if (error.code == ErrorCode::kNotDirectory) error.code = ErrorCode::kNotFound;
  return error;
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

bool HasAttributes(const ObjectInfo& info, const Attributes& wanted) {
  const Attributes& there = *info.attributes;
  const auto holds = [](const auto& want, const auto& have) { return !want || want == have; };
  return holds(wanted.mtime, there.mtime) && holds(wanted.uid, there.uid) &&
         holds(wanted.gid, there.gid) &&
         (holds(wanted.mode, there.mode) || info.kind == NodeKind::kSymlink) &&
         wanted.xattrs == there.xattrs && wanted.foreign == there.foreign;
}

Status LocalStoreImpl::CheckCall(const CallContext& context) const {
  if (context.stop.stop_requested()) return Fail(ErrorCode::kCancelled, "the call was stopped");
  if (clock_.Now() >= context.deadline) {
    return Fail(Error{
        .code = ErrorCode::kTimedOut, .message = "the call's deadline passed", .retryable = true});
  }
  return {};
}

Status LocalStoreImpl::CheckKeyHere(const ObjectKey& key) const {
  TRY_VOID(CheckKey(key, capabilities_));
  const std::string path = "/" + key.path + "/";
  if (path.find(fmt::format("/{}/", kTemporary)) != std::string::npos) {
    return Refuse(ErrorCode::kInvalidName, "the name is taken for unfinished files:", key);
  }
  return {};
}

// What no living store can still want: while one lives, it holds the lock of OpenTemporary. An
// upload may be gone on with after a restart (its id is durable), so it is kept for a day; one that
// has no parts yet is not worth it, and may be on nobody's list (backends/upload_list.h).
void LocalStoreImpl::RemoveLeftovers() const {
  const Result<FileDescriptor> temporary = tree_.OpenDirectory(ObjectKey(kTemporary));
  if (!temporary) return;  // most often there is none
  if (::flock(temporary->get(), LOCK_EX | LOCK_NB) != 0) return;
  const Result<LocalNames> names = ReadNames(*temporary);
  if (!names) return;  // nothing depends on it
  const WallTime oldest = clock_.WallNow() - kLeftoverAge;
  for (const LocalName& entry : names->names) {
    struct stat status {};
    if (::fstatat(temporary->get(), entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    const bool may_go_on = entry.name.starts_with(kUploadName) && status.st_size > 0 &&
                           WallTime(std::chrono::seconds(status.st_ctim.tv_sec)) >= oldest;
    if (!may_go_on) ::unlinkat(temporary->get(), entry.name.c_str(), 0);
  }
  const Result<FileDescriptor> root = tree_.OpenDirectory(ObjectKey());
  if (root) ::unlinkat(root->get(), kTemporary, AT_REMOVEDIR);
}

Result<const FileDescriptor*> LocalStoreImpl::Temporary() const {
  MutexLock lock(temporary_mutex_);
  // Another store may remove it between our making and our locking it.
  while (!temporary_) temporary_ = TRY(OpenTemporary());
  return &temporary_;
}

Result<FileDescriptor> LocalStoreImpl::OpenTemporary() const {
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

void LocalStoreImpl::RemoveTemporary() const {
  MutexLock lock(temporary_mutex_);
  if (!temporary_ || ::flock(temporary_.get(), LOCK_EX | LOCK_NB) != 0) return;
  const Result<FileDescriptor> root = tree_.OpenDirectory(ObjectKey());
  if (!root) return;
  // The directory's time is that of its content, and a pass may just have set it.
  struct stat before {};
  const bool timed = ::fstat(root->get(), &before) == 0;
  const bool removed = ::unlinkat(root->get(), kTemporary, AT_REMOVEDIR) == 0;
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, before.st_mtim};
  if (timed && removed) (void)::futimens(root->get(), times);
}

Result<ObjectInfo> LocalStoreImpl::Describe(const ObjectKey& key) const {
  const LocalPlace place = TRY(tree_.Find(key));
  const FileDescriptor node = TRY(OpenNode(place.directory, place.name));
  return DescribeLocal(key, node);
}

// Whether a file or link may be written at `key` just now.
Status LocalStoreImpl::CheckTarget(const ObjectKey& key, const Conditions& conditions) const {
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

Status LocalStoreImpl::SyncFile(const FileDescriptor& file, const ObjectKey& key) const {
  if (sync_ && ::fsync(file.get()) != 0) return SystemError("sync", key);
  return {};
}

Status LocalStoreImpl::SyncDirectory(const ObjectKey& directory) const {
  if (!sync_) return {};
  const FileDescriptor handle = TRY(tree_.OpenDirectory(directory));
  return SyncFile(handle, directory);
}

Result<ProbeReply> LocalStoreImpl::Probe(const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(tree_.OpenDirectory(ObjectKey()));
  return ProbeReply{.server_time = clock_.WallNow(), .detail = "a local directory"};
}

// ---- Listings ----

Result<std::unique_ptr<LocalListing>> LocalStoreImpl::TakeListing(const ListRequest& request) {
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

void LocalStoreImpl::KeepListing(ListRequest next, std::unique_ptr<LocalListing> listing) {
  MutexLock lock(listings_mutex_);
  listings_.push_back({.next = std::move(next), .listing = std::move(listing)});
  if (listings_.size() > kMaxOpenListings) listings_.pop_front();
}

Result<ListPage> LocalStoreImpl::List(const ListRequest& request, const CallContext& context) {
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

Result<ObjectInfo> LocalStoreImpl::Head(const ObjectKey& key, const CallContext& context) {
  TRY_VOID(CheckCall(context));
  if (!key.is_root()) TRY_VOID(CheckKeyHere(key));
  Result<ObjectInfo> info = Describe(key);
  if (!info) return Fail(AsMissing(info.error()));
  return info;
}

Result<std::string> LocalStoreImpl::ReadLink(const ObjectKey& key) const {
  const LocalPlace place = TRY(tree_.Find(key));
  std::string target(4096, '\0');  // PATH_MAX: no target is longer
  const ssize_t size =
      ::readlinkat(place.directory.get(), place.name.c_str(), target.data(), target.size());
  if (size < 0) return SystemError("read the link", key);
  target.resize(static_cast<std::size_t>(size));
  return target;
}

Result<GetReply> LocalStoreImpl::Get(const GetRequest& request, std::span<std::byte> into,
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

}  // namespace local

Result<std::unique_ptr<ObjectStore>> OpenLocalStore(const LocalStoreOptions& options,
                                                    Clock& clock) {
  LocalTree tree = TRY(LocalTree::Open(options.directory));
  auto store = std::make_unique<local::LocalStoreImpl>(std::move(tree), options.sync, clock);
  store->RemoveLeftovers();
  return store;
}

}  // namespace skybridge
