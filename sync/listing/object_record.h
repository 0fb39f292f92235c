// ObjectInfo as bytes, for temporary files of this process only: no version, no byte order.
#pragma once

#include <string>
#include <string_view>

#include "backends/object_store.h"

namespace skybridge {

std::string EncodeObjectRecord(const ObjectInfo& info);
// Errors: kCorrupt.
Result<ObjectInfo> DecodeObjectRecord(std::string_view record);

}  // namespace skybridge
