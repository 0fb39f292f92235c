// Tables for computing reflected CRCs a whole word at a time ("slicing"). Only for core's own CRCs.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>

namespace skybridge::crc {

// kSlices bytes a step. table[k][b] is the CRC of byte b followed by k zero bytes.
template <class Word, std::size_t kSlices>
constexpr std::array<std::array<Word, 256>, kSlices> MakeTables(Word polynomial) {
  std::array<std::array<Word, 256>, kSlices> tables{};
  for (std::size_t b = 0; b < 256; ++b) {
    Word value = b;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
    tables[0][b] = value;
  }
  for (std::size_t k = 1; k < kSlices; ++k) {
    for (std::size_t b = 0; b < 256; ++b) {
      const Word before = tables[k - 1][b];
      tables[k][b] = (before >> 8) ^ tables[0][before & 255];
    }
  }
  return tables;
}

template <class T>
T Load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace skybridge::crc
