#include "core/digest.h"

#include <cstring>
#include <utility>

#include <nmmintrin.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/crc_tables.h"
#include "core/deleter.h"

namespace skybridge {
namespace {

constexpr std::uint32_t kCrc32cPolynomial = 0x82F63B78U;

const auto& Crc32cTables() {
  static const auto kTables = crc::MakeTables<std::uint32_t, 8>(kCrc32cPolynomial);
  return kTables;
}

__attribute__((target("sse4.2"))) std::uint32_t Crc32cHardware(const std::byte* data,
                                                               std::size_t size,
                                                               std::uint32_t state) {
  std::uint64_t wide = state;
  for (; size >= 8; size -= 8, data += 8)
    wide = _mm_crc32_u64(wide, crc::Load<std::uint64_t>(data));
  state = static_cast<std::uint32_t>(wide);
  for (; size > 0; --size, ++data)
    state = _mm_crc32_u8(state, std::to_integer<unsigned char>(*data));
  return state;
}

std::uint32_t Crc32cPortable(const std::byte* data, std::size_t size, std::uint32_t state) {
  const auto& t = Crc32cTables();
  for (; size >= 8; size -= 8, data += 8) {
    const std::uint64_t word = crc::Load<std::uint64_t>(data) ^ state;
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

std::optional<Md5Digest> DecodeMd5(std::string_view base64) {
  const auto bytes = Base64Decode(base64);
  Md5Digest digest;
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::memcpy(digest.data(), bytes->data(), digest.size());
  return digest;
}

struct Md5Stream::Context {
  Context() { EVP_DigestInit_ex(handle.get(), EVP_md5(), nullptr); }
  const std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>> handle{EVP_MD_CTX_new()};
};

Md5Stream::Md5Stream() : context_(std::make_unique<Context>()) {}
Md5Stream::~Md5Stream() = default;
Md5Stream::Md5Stream(Md5Stream&&) noexcept = default;
Md5Stream& Md5Stream::operator=(Md5Stream&&) noexcept = default;

void Md5Stream::Update(ByteSpan bytes) {
  EVP_DigestUpdate(context_->handle.get(), bytes.data(), bytes.size());
}

Md5Digest Md5Stream::Finish() {
  Md5Digest digest{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->handle.get(), reinterpret_cast<unsigned char*>(digest.data()),
                     &size);
  return digest;
}

std::uint32_t Crc32c(ByteSpan bytes, std::uint32_t crc) {
  static const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
  const auto update = kHasInstruction ? Crc32cHardware : Crc32cPortable;
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

std::optional<std::uint32_t> DecodeCrc32c(std::string_view base64) {
  const auto bytes = Base64Decode(base64);
  if (!bytes || bytes->size() != sizeof(std::uint32_t)) return std::nullopt;
  std::uint32_t crc = 0;
  for (const char c : *bytes) crc = (crc << 8) | static_cast<unsigned char>(c);
  return crc;
}

}  // namespace skybridge
