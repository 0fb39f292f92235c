// What a caller tells a store of a version that it has written itself, so that the store need not
// look first (SetAttributesRequest::info, RenameRequest::source_info).
#pragma once

#include <optional>

#include "backends/object_store.h"
#include "core/call_context.h"

namespace skybridge {

// `info` where it may be believed, else null. An attempt that comes after another one must look:
// the version may be what that one has made.
inline const ObjectInfo* KnownVersion(const std::optional<ObjectInfo>& info,
                                      const std::optional<ETag>& version,
                                      const CallContext& context) {
  if (context.retried || !info || !info->attributes || info->etag.empty()) return nullptr;
  return version == info->etag ? &*info : nullptr;
}

}  // namespace skybridge
