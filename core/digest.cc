#include "core/digest.h"

#include <cstring>
#include <utility>

#include <nmmintrin.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace skybridge {
namespace {

constexpr std::uint32_t kCrc32cPolynomial = 0x82F63B78U;
constexpr std::uint64_t kCrc64NvmePolynomial = 0x9A6C9329AC4BC9B5ULL;

// Tables for "slicing": kSlices bytes a step. table[k][b] is the CRC of byte b followed by k zero
// bytes.
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

const auto& Crc64Tables() {
  static const auto tables = MakeTables<std::uint64_t, 16>(kCrc64NvmePolynomial);
  return tables;
}

const auto& Crc32cTables() {
  static const auto tables = MakeTables<std::uint32_t, 8>(kCrc32cPolynomial);
  return tables;
}

template <class T>
T Load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

__attribute__((target("sse4.2"))) std::uint32_t Crc32cHardware(const std::byte* data,
                                                               std::size_t size,
                                                               std::uint32_t state) {
  std::uint64_t wide = state;
  for (; size >= 8; size -= 8, data += 8) wide = _mm_crc32_u64(wide, Load<std::uint64_t>(data));
  state = static_cast<std::uint32_t>(wide);
  for (; size > 0; --size, ++data)
    state = _mm_crc32_u8(state, std::to_integer<unsigned char>(*data));
  return state;
}

std::uint32_t Crc32cPortable(const std::byte* data, std::size_t size, std::uint32_t state) {
  const auto& t = Crc32cTables();
  for (; size >= 8; size -= 8, data += 8) {
    const std::uint64_t word = Load<std::uint64_t>(data) ^ state;
    state = 0;
    for (std::size_t k = 0; k < 8; ++k) state ^= t[7 - k][(word >> (8 * k)) & 255];
  }
  for (; size > 0; --size, ++data)
    state = (state >> 8) ^ t[0][(state ^ std::to_integer<std::uint32_t>(*data)) & 255];
  return state;
}

// Multiplies two polynomials modulo the CRC-32C polynomial, reflected bit order (bit 31 is x^0).
std::uint32_t MultiplyModulo(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = 0x80000000U; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kCrc32cPolynomial : 0);
  }
  return product;
}

template <class Digest>
Digest OneShot(const EVP_MD* algorithm, ByteSpan bytes) {
  Digest digest{};
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
             algorithm, nullptr);
  return digest;
}

}  // namespace

Md5Digest Md5(ByteSpan bytes) { return OneShot<Md5Digest>(EVP_md5(), bytes); }
Sha256Digest Sha256(ByteSpan bytes) { return OneShot<Sha256Digest>(EVP_sha256(), bytes); }

Sha256Digest HmacSha256(ByteSpan key, ByteSpan message) {
  Sha256Digest digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       reinterpret_cast<unsigned char*>(digest.data()), &size);
  return digest;
}

struct Md5Stream::Context {
  EVP_MD_CTX* handle = EVP_MD_CTX_new();
  Context() { EVP_DigestInit_ex(handle, EVP_md5(), nullptr); }
  ~Context() { EVP_MD_CTX_free(handle); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

Md5Stream::Md5Stream() : context_(std::make_unique<Context>()) {}
Md5Stream::~Md5Stream() = default;
Md5Stream::Md5Stream(Md5Stream&&) noexcept = default;
Md5Stream& Md5Stream::operator=(Md5Stream&&) noexcept = default;

void Md5Stream::Update(ByteSpan bytes) {
  EVP_DigestUpdate(context_->handle, bytes.data(), bytes.size());
}

Md5Digest Md5Stream::Finish() {
  Md5Digest digest{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->handle, reinterpret_cast<unsigned char*>(digest.data()), &size);
  return digest;
}

std::uint32_t Crc32c(ByteSpan bytes, std::uint32_t crc) {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  const auto update = has_instruction ? Crc32cHardware : Crc32cPortable;
  return ~update(bytes.data(), bytes.size(), ~crc);
}

std::uint32_t CombineCrc32c(std::uint32_t crc_a, std::uint32_t crc_b,
                            std::uint64_t length_b_bytes) {
  // x^(8 * length) modulo the polynomial, by squaring.
  std::uint32_t power = 0x80000000U;         // x^0
  std::uint32_t square = 0x80000000U >> 8U;  // x^8
  for (std::uint64_t n = length_b_bytes; n != 0; n >>= 1) {
    if ((n & 1) != 0) power = MultiplyModulo(power, square);
    square = MultiplyModulo(square, square);
  }
  return MultiplyModulo(power, crc_a) ^ crc_b;
}

std::string EncodeCrc32c(std::uint32_t crc) {
  std::array<std::byte, 4> bytes{};
  for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<std::byte>(crc >> (24 - 8 * i));
  return Base64Encode(bytes);
}

std::uint64_t Crc64Nvme(ByteSpan bytes, std::uint64_t crc) {
  const auto& t = Crc64Tables();
  std::uint64_t state = ~crc;
  const std::byte* data = bytes.data();
  std::size_t size = bytes.size();
  for (; size >= 16; size -= 16, data += 16) {
    const std::uint64_t low = Load<std::uint64_t>(data) ^ state;
    const std::uint64_t high = Load<std::uint64_t>(data + 8);
    state = t[15][low & 255] ^ t[14][(low >> 8) & 255] ^ t[13][(low >> 16) & 255] ^
            t[12][(low >> 24) & 255] ^ t[11][(low >> 32) & 255] ^ t[10][(low >> 40) & 255] ^
            t[9][(low >> 48) & 255] ^ t[8][low >> 56] ^ t[7][high & 255] ^ t[6][(high >> 8) & 255] ^
            t[5][(high >> 16) & 255] ^ t[4][(high >> 24) & 255] ^ t[3][(high >> 32) & 255] ^
            t[2][(high >> 40) & 255] ^ t[1][(high >> 48) & 255] ^ t[0][high >> 56];
  }
  for (; size > 0; --size, ++data)
    state = (state >> 8) ^ t[0][(state ^ std::to_integer<std::uint64_t>(*data)) & 255];
  return ~state;
}

std::string EncodeCrc64(std::uint64_t crc) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(crc >> (8 * i));
  return Base64Encode(bytes);
}

}  // namespace skybridge
