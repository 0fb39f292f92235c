// ParseNumber: a whole text as one number, or nothing. Pure.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace skybridge {

// Digits of `base`, after a '-' where T has a sign; no blanks, no '+'. Nothing for an empty text,
// for any other character, and for what T does not hold.
template <std::integral T>
std::optional<T> ParseNumber(std::string_view text, int base = 10) {
  T value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  return error == std::errc() && stop == end ? std::optional<T>(value) : std::nullopt;
}

}  // namespace skybridge
