#include "core/utf8.h"

#include <cstddef>

namespace skybridge {

bool IsUtf8(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned first = byte(i);
    const unsigned second = byte(i + 1);
    std::size_t length = 0;
    if (first < 0x80) {
      length = 1;
    } else if (first >= 0xC2 && first <= 0xDF) {
      length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
      if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return false;
      length = 3;
    } else if (first >= 0xF0 && first <= 0xF4) {
      if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return false;
      length = 4;
    } else {
      return false;
    }
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace skybridge
