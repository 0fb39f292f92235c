// Whole files and links, and uploads in parts: written in the temporary directory, then renamed to
// their place.
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "backends/local/local_attributes.h"
#include "backends/local/local_store_impl.h"

namespace skybridge::local {
namespace {

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

}  // namespace

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

Result<FileDescriptor> LocalStoreImpl::MakeDraft(const std::string& name,
                                                 const ObjectKey& key) const {
  // The mode that a program's new file would have; the directory around it is private until then.
  const FileDescriptor* temporary = TRY(Temporary());
  FileDescriptor file(::openat(temporary->get(), name.c_str(),
                               O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!file) return SystemError("create", key);
  return file;
}

Result<ObjectInfo> LocalStoreImpl::Publish(Draft& draft, const ObjectKey& key,
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

bool LocalStoreImpl::HoldsPut(const ObjectInfo& there, const PutRequest& request) const {
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

Result<ObjectInfo> LocalStoreImpl::Put(const PutRequest& request, const CallContext& context) {
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

Result<UploadId> LocalStoreImpl::StartUpload(const StartUploadRequest& request,
                                             const CallContext& context) {
  TRY_VOID(CheckCall(context));
  TRY_VOID(CheckKeyHere(request.key));
  if (request.append_to) return Refuse(ErrorCode::kNotSupported, "append to", request.key);
  TRY_VOID(CheckTarget(request.key, request.conditions));
  UploadId upload{RandomName(kUploadName)};
  TRY_VOID(MakeDraft(upload.value, request.key));
  return upload;
}

Result<FileDescriptor> LocalStoreImpl::OpenUpload(const UploadId& upload,
                                                  const ObjectKey& key) const {
  if (!upload.value.starts_with(kUploadName) || upload.value.find('/') != std::string::npos) {
    return Refuse(ErrorCode::kNotFound, "no such upload of", key);
  }
  const FileDescriptor* temporary = TRY(Temporary());
  FileDescriptor file(
      ::openat(temporary->get(), upload.value.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return SystemError("open the upload of", key);
  return file;
}

Result<PartReceipt> LocalStoreImpl::UploadPart(const UploadPartRequest& request,
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
Result<std::uint32_t> LocalStoreImpl::ContentCrc(const ObjectKey& key,
                                                 std::uint64_t size_bytes) const {
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

Result<ObjectInfo> LocalStoreImpl::CommitUpload(const CommitUploadRequest& request,
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

Status LocalStoreImpl::AbortUpload(const AbortUploadRequest& request, const CallContext& context) {
  TRY_VOID(CheckCall(context));
  const Result<FileDescriptor> file = OpenUpload(request.upload, request.key);
  if (!file) return file.error().code == ErrorCode::kNotFound ? Status() : Fail(file.error());
  const FileDescriptor* temporary = TRY(Temporary());
  if (::unlinkat(temporary->get(), request.upload.value.c_str(), 0) != 0 && errno != ENOENT) {
    return SystemError("abort the upload of", request.key);
  }
  return {};
}

}  // namespace skybridge::local
