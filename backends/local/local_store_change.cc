// Attributes, directories, renaming and deleting.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "backends/local/local_attributes.h"
#include "backends/local/local_store_impl.h"

namespace skybridge::local {

Result<ObjectInfo> LocalStoreImpl::SetAttributes(const SetAttributesRequest& request,
                                                 const CallContext& context) {
  TRY_VOID(CheckCall(context));
  if (!request.key.is_root()) TRY_VOID(CheckKeyHere(request.key));
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

Result<ObjectInfo> LocalStoreImpl::MakeDirectory(const MakeDirectoryRequest& request,
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

Status LocalStoreImpl::RemoveDirectory(const ObjectKey& key, const CallContext& context) {
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

Result<ObjectInfo> LocalStoreImpl::Rename(const RenameRequest& request,
                                          const CallContext& context) {
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

Status LocalStoreImpl::Delete(const DeleteRequest& request, const CallContext& context) {
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

std::vector<Status> LocalStoreImpl::DeleteMany(std::span<const DeleteRequest> requests,
                                               const CallContext& context) {
  std::vector<Status> statuses;
  for (const DeleteRequest& request : requests) statuses.push_back(Delete(request, context));
  return statuses;
}

}  // namespace skybridge::local
