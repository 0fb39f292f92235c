// CRC-64/NVME. Every byte that goes to Azure or comes from it passes through here once, so where
// the processor multiplies polynomials (PCLMULQDQ: all of x86-64 since 2010), it is used.
//
// Folding, after Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction" (Intel, 2009): a 128-bit block stands for H*x^64 + L. Moved on by D bits it is
// congruent to H*(x^(D+64) mod P) + L*(x^D mod P), which is again of 128 bits and is added to the
// block that lies D bits further. Four blocks are under way at a time, since one multiplication
// takes longer than it takes to start the next.
#include <bit>

#include <immintrin.h>

#include "core/crc_tables.h"
#include "core/digest.h"

namespace skybridge {
namespace {

constexpr std::uint64_t kPolynomial = 0x9A6C9329AC4BC9B5ULL;  // reflected: bit 63 is x^0
constexpr std::size_t kBlockBytes = 16;
constexpr std::size_t kLanes = 4;

static_assert(std::endian::native == std::endian::little,
              "the first byte of a block has the highest powers of x");

const auto& Tables() {
  static const auto kTables = crc::MakeTables<std::uint64_t, kBlockBytes>(kPolynomial);
  return kTables;
}

std::uint64_t UpdatePortable(const std::byte* data, std::size_t size, std::uint64_t state) {
  const auto& t = Tables();
  for (; size >= kBlockBytes; size -= kBlockBytes, data += kBlockBytes) {
    const std::uint64_t low = crc::Load<std::uint64_t>(data) ^ state;
    const std::uint64_t high = crc::Load<std::uint64_t>(data + 8);
    state = t[15][low & 255] ^ t[14][(low >> 8) & 255] ^ t[13][(low >> 16) & 255] ^
            t[12][(low >> 24) & 255] ^ t[11][(low >> 32) & 255] ^ t[10][(low >> 40) & 255] ^
            t[9][(low >> 48) & 255] ^ t[8][low >> 56] ^ t[7][high & 255] ^ t[6][(high >> 8) & 255] ^
            t[5][(high >> 16) & 255] ^ t[4][(high >> 24) & 255] ^ t[3][(high >> 32) & 255] ^
            t[2][(high >> 40) & 255] ^ t[1][(high >> 48) & 255] ^ t[0][high >> 56];
  }
  for (; size > 0; --size, ++data)
    state = (state >> 8) ^ t[0][(state ^ std::to_integer<std::uint64_t>(*data)) & 255];
  return state;
}

// x^n modulo the polynomial, reflected.
constexpr std::uint64_t PowerOfX(unsigned n) {
  std::uint64_t power = std::uint64_t{1} << 63;
  for (; n > 0; --n) power = (power >> 1) ^ ((power & 1) != 0 ? kPolynomial : 0);
  return power;
}

// The factors that move a block on by kBits. The product of two reflected numbers is too large by a
// factor of x; the exponents correct that.
template <unsigned kBits>
struct FoldBy {
  static constexpr std::uint64_t kHigh = PowerOfX(kBits + 63);
  static constexpr std::uint64_t kLow = PowerOfX(kBits - 1);
};

template <unsigned kBits>
__attribute__((target("pclmul"))) inline __m128i Fold(__m128i block, __m128i onto) {
  const __m128i powers = _mm_set_epi64x(static_cast<long long>(FoldBy<kBits>::kLow),
                                        static_cast<long long>(FoldBy<kBits>::kHigh));
  const __m128i high = _mm_clmulepi64_si128(block, powers, 0x00);
  const __m128i low = _mm_clmulepi64_si128(block, powers, 0x11);
  return _mm_xor_si128(_mm_xor_si128(high, low), onto);
}

inline __m128i LoadBlock(const std::byte* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

__attribute__((target("pclmul"))) std::uint64_t UpdateFolding(const std::byte* data,
                                                              std::size_t size,
                                                              std::uint64_t state) {
  constexpr std::size_t kStride = kLanes * kBlockBytes;
  if (size < 2 * kStride) return UpdatePortable(data, size, state);
  __m128i a = _mm_xor_si128(LoadBlock(data), _mm_set_epi64x(0, static_cast<long long>(state)));
  __m128i b = LoadBlock(data + kBlockBytes);
  __m128i c = LoadBlock(data + 2 * kBlockBytes);
  __m128i d = LoadBlock(data + 3 * kBlockBytes);
  for (data += kStride, size -= kStride; size >= kStride; data += kStride, size -= kStride) {
    a = Fold<8 * kStride>(a, LoadBlock(data));
    b = Fold<8 * kStride>(b, LoadBlock(data + kBlockBytes));
    c = Fold<8 * kStride>(c, LoadBlock(data + 2 * kBlockBytes));
    d = Fold<8 * kStride>(d, LoadBlock(data + 3 * kBlockBytes));
  }
  const __m128i whole =
      Fold<8 * kBlockBytes>(Fold<8 * kBlockBytes>(Fold<8 * kBlockBytes>(a, b), c), d);
  std::array<std::byte, kBlockBytes> last{};
  std::memcpy(last.data(), &whole, sizeof whole);
  return UpdatePortable(data, size, UpdatePortable(last.data(), last.size(), 0));
}

}  // namespace

std::uint64_t Crc64Nvme(ByteSpan bytes, std::uint64_t crc) {
  static const bool kHasInstruction = __builtin_cpu_supports("pclmul") != 0;
  const auto update = kHasInstruction ? UpdateFolding : UpdatePortable;
  return ~update(bytes.data(), bytes.size(), ~crc);
}

std::string EncodeCrc64(std::uint64_t crc) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(crc >> (8 * i));
  return Base64Encode(bytes);
}

}  // namespace skybridge
