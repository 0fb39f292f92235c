// BinaryWriter and BinaryReader: values as bytes, for our own files on this machine. Fixed-size
// numbers lie as in memory (little-endian), lengths are varints, and each value has one spelling:
// the reader refuses every other.
#pragma once

#include <bit>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/clock.h"

namespace skybridge {

static_assert(std::endian::native == std::endian::little,
              "fixed-size numbers are written as they lie in memory");

class BinaryWriter {
 public:
  template <class T>
  void Fixed(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Flag(bool value) { Fixed(static_cast<std::uint8_t>(value)); }
  void Time(WallTime time) { Fixed<std::int64_t>(time.time_since_epoch().count()); }
  // Seven bits a byte, the lowest first; the top bit says that more follow.
  void Varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) out_.push_back(static_cast<char>(value | 128));
    out_.push_back(static_cast<char>(value));
  }
  void Text(std::string_view text) {
    Varint(text.size());
    out_.append(text);
  }
  void Map(const std::map<std::string, std::string>& map) {
    Varint(map.size());
    for (const auto& [name, value] : map) {
      Text(name);
      Text(value);
    }
  }
  template <class T>
  void Optional(const std::optional<T>& value) {
    Flag(value.has_value());
    if (value) Fixed(*value);
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// After running past the end every read gives zero and `good_to_the_end` is false.
class BinaryReader {
 public:
  explicit BinaryReader(std::string_view in) : in_(in) {}

  template <class T>
  T Fixed() {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_same_v<T, bool>);
    T value{};
    if (!Has(sizeof value)) return value;
    std::memcpy(&value, in_.data(), sizeof value);
    in_.remove_prefix(sizeof value);
    return value;
  }
  bool Flag() {
    const auto value = Fixed<std::uint8_t>();
    good_ = good_ && value <= 1;
    return value != 0;
  }
  WallTime Time() { return WallTime(std::chrono::nanoseconds(Fixed<std::int64_t>())); }
  std::uint64_t Varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = Fixed<std::uint8_t>();
      value |= static_cast<std::uint64_t>(byte & 127U) << shift;
      if ((byte & 128U) != 0) continue;
      // The last byte holds bits, or is the only one; of a tenth only one bit fits.
      good_ = good_ && (byte != 0 || shift == 0) && (shift < 63 || byte == 1);
      return value;
    }
    good_ = false;
    return 0;
  }
  std::string Text() {
    const std::uint64_t size = Varint();
    if (!Has(size)) return {};
    std::string text(in_.substr(0, size));
    in_.remove_prefix(size);
    return text;
  }
  std::map<std::string, std::string> Map() {
    std::map<std::string, std::string> map;
    for (std::uint64_t left = Varint(); left > 0 && good_; --left) {
      std::string name = Text();
      good_ = good_ && (map.empty() || map.rbegin()->first < name);
      map[std::move(name)] = Text();
    }
    return map;
  }
  template <class T>
  std::optional<T> Optional() {
    if (!Flag()) return std::nullopt;
    return Fixed<T>();
  }
  // For the caller: a value that no writer makes.
  void Refuse() { good_ = false; }
  bool good_to_the_end() const { return good_ && in_.empty(); }

 private:
  bool Has(std::uint64_t size) {
    good_ = good_ && in_.size() >= size;
    return good_;
  }

  std::string_view in_;
  bool good_ = true;
};

}  // namespace skybridge
