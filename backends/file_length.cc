#include "backends/file_length.h"

#include <charconv>
#include <system_error>

namespace skybridge {

std::optional<std::uint64_t> ParseFileLength(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_length =
      error == std::errc() && end == text.data() + text.size() && value <= kMaxFileBytes;
  return is_length ? std::optional(value) : std::nullopt;
}

}  // namespace skybridge
