// Extended attributes: those of users are kept with the object. The others belong to the local
// system (capabilities, ACLs, SELinux), are asked for all the time, and are answered from memory.
#include <algorithm>
#include <utility>

#include "fuse/filesystem/filesystem_impl.h"

namespace skybridge::fuse {
namespace {

bool IsKept(std::string_view name) { return name.starts_with("user."); }

tl::unexpected<Error> NotKept(std::string_view name) {
  return Fail(ErrorCode::kNotSupported,
              "extended attributes but those of users are not kept: '" + std::string(name) + "'");
}

// The store's limit on an object's metadata is to a program what a full disk is.
template <class T>
Result<T> AsNoSpace(Result<T> result) {
  if (!result && result.error().code == ErrorCode::kTooLarge)
    result.error().code = ErrorCode::kNoSpace;
  return result;
}

}  // namespace

Result<std::optional<std::string>> FilesystemImpl::GetXattr(InodeNumber ino, std::string_view name,
                                                            const Call& call) {
  if (!IsKept(name)) return std::optional<std::string>();
  const cache::InodeRecord record = TRY(RecordOf(ino, call.context));
  const auto found = record.xattrs.find(std::string(name));
  if (found == record.xattrs.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

Result<std::vector<std::string>> FilesystemImpl::ListXattrs(InodeNumber ino, const Call& call) {
  const cache::InodeRecord record = TRY(RecordOf(ino, call.context));
  std::vector<std::string> names;
  for (const auto& [name, value] : record.xattrs) names.push_back(name);
  return names;
}

Result<bool> FilesystemImpl::SetXattr(InodeNumber ino, std::string_view name,
                                      std::string_view value, XattrWrite how, const Call& call) {
  TRY_VOID(CheckWritable());
  if (!IsKept(name)) return NotKept(name);
  if (!TRY(RemoteHolding(ino))->store->capabilities().keeps_xattrs) return NotKept(name);
  const bool exists = TRY(RecordOf(ino, call.context)).xattrs.contains(std::string(name));
  if (how == XattrWrite::kMustExist && !exists) return false;
  if (how == XattrWrite::kMustNotExist && exists)
    return Fail(ErrorCode::kAlreadyExists, "the attribute exists");
  TRY(AsNoSpace(Change(
      ino,
      [&](cache::InodeRecord& record) { record.xattrs[std::string(name)] = std::string(value); },
      call.context)));
  return true;
}

Result<bool> FilesystemImpl::RemoveXattr(InodeNumber ino, std::string_view name, const Call& call) {
  TRY_VOID(CheckWritable());
  if (!IsKept(name)) return false;
  if (!TRY(RecordOf(ino, call.context)).xattrs.contains(std::string(name))) return false;
  TRY(Change(
      ino, [&](cache::InodeRecord& record) { record.xattrs.erase(std::string(name)); },
      call.context));
  return true;
}

}  // namespace skybridge::fuse
