#include "sync/look.h"

#include <utility>

namespace skybridge {
namespace {

Result<ObjectInfo> Ask(ObjectStore& store, const ObjectKey& key, NodeKind expected,
                       const CallContext& context) {
  if (expected == NodeKind::kDirectory) {
    auto directory = store.HeadDirectory(key, context);
    if (directory || directory.error().code != ErrorCode::kNotFound) return directory;
  }
  return store.Head(key, context);
}

}  // namespace

Result<ObjectInfo> LookAt(const SyncSide& side, const ObjectKey& path, NodeKind expected,
                          const CallPolicy& policy) {
  ObjectInfo info = TRY(Ask(side.store, side.At(path), expected, policy.Context()));
  info.key = path;
  return info;
}

Status Complete(ObjectInfo& info, const SyncSide& side, const CallPolicy& policy) {
  if (info.attributes) return {};
  info = TRY(LookAt(side, ObjectKey(info.key), info.kind, policy));
  return {};
}

Status CheckIsGone(const SyncSide& side, const ObjectKey& path, const Error& not_found,
                   const CallPolicy& policy) {
  std::byte first{};
  const auto read = side.store.Get({.key = side.At(path), .range = {0, 1}}, std::span(&first, 1),
                                   policy.Context());
  if (read) {
    Error error = not_found;
    error.message += ": not found, and yet it can be read";
    return Fail(std::move(error));
  }
  if (read.error().code != ErrorCode::kNotFound) return Fail(read.error());
  return {};
}

}  // namespace skybridge
