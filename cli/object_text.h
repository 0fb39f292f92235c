// An ObjectInfo as `ls` and `stat` print it.
#pragma once

#include <string>
#include <string_view>

#include "backends/object_store.h"

namespace skybridge::cli {

// "-rw-r--r--   1.5 KiB  2026-01-05 10:20:30  NAME"; unknown attributes are shown by the store's
// own facts.
std::string DetailLine(const ObjectInfo& info, std::string_view name);
// One JSON object without a line break; absent facts have no key.
std::string JsonLine(const ObjectInfo& info, std::string_view name);
// "size: 12\n" and the like, one fact a line.
std::string FactLines(const ObjectInfo& info, std::string_view name);

}  // namespace skybridge::cli
