#include "backends/azure/nonce.h"

#include <array>
#include <cstddef>
#include <random>

#include "core/encoding.h"

namespace skybridge::azure {
namespace {

template <std::size_t kSize>
std::array<std::byte, kSize> RandomBytes() {
  static_assert(kSize % sizeof(unsigned) == 0);
  std::random_device source;  // the kernel's generator
  std::array<std::byte, kSize> bytes;
  for (std::size_t i = 0; i < kSize; i += sizeof(unsigned)) {
    const unsigned word = source();
    for (std::size_t k = 0; k < sizeof(unsigned); ++k)
      bytes[i + k] = static_cast<std::byte>(word >> (8 * k));
  }
  return bytes;
}

}  // namespace

std::string MakeNonce() { return HexEncode(RandomBytes<8>()); }

std::string MakeUuid() {
  auto bytes = RandomBytes<16>();
  bytes[6] = (bytes[6] & std::byte{0x0F}) | std::byte{0x40};
  bytes[8] = (bytes[8] & std::byte{0x3F}) | std::byte{0x80};
  std::string text = HexEncode(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

}  // namespace skybridge::azure
