// A half-open range of bytes of an object or file.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>

namespace skybridge {

struct ByteRange {
  std::uint64_t offset_bytes = 0;
  std::uint64_t length_bytes = 0;

  std::uint64_t end_bytes() const { return offset_bytes + length_bytes; }
  bool empty() const { return length_bytes == 0; }
  bool contains(std::uint64_t offset) const {
    return offset >= offset_bytes && offset < end_bytes();
  }

  auto operator<=>(const ByteRange&) const = default;
};

inline ByteRange Intersect(ByteRange a, ByteRange b) {
  const std::uint64_t begin = std::max(a.offset_bytes, b.offset_bytes);
  const std::uint64_t end = std::min(a.end_bytes(), b.end_bytes());
  return end > begin ? ByteRange{begin, end - begin} : ByteRange{begin, 0};
}

}  // namespace skybridge
