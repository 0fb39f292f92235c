// The length of a file as a service writes it. You need it so that a length that is not told, or
// that no file can have, does not pass for another one (0: the file would look empty).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace skybridge {

inline constexpr std::uint64_t kMaxFileBytes = INT64_MAX;  // what off_t holds

// Nothing for what is no decimal number, and above kMaxFileBytes.
std::optional<std::uint64_t> ParseFileLength(std::string_view text);

}  // namespace skybridge
