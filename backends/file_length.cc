#include "backends/file_length.h"

#include "core/parse_number.h"

namespace skybridge {

std::optional<std::uint64_t> ParseFileLength(std::string_view text) {
  const auto value = ParseNumber<std::uint64_t>(text);
  return value && *value <= kMaxFileBytes ? value : std::nullopt;
}

}  // namespace skybridge
