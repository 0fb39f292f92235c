// Digests of the data path: MD5 and SHA-256 (OpenSSL), CRC32C and CRC-64/NVME, and how CRCs of
// parts combine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/encoding.h"

namespace skybridge {

using Md5Digest = std::array<std::byte, 16>;
using Sha256Digest = std::array<std::byte, 32>;

Md5Digest Md5(ByteSpan bytes);
Sha256Digest Sha256(ByteSpan bytes);
Sha256Digest HmacSha256(ByteSpan key, ByteSpan message);

// base64 of the 16 bytes, as Content-MD5 has it. Nothing for any other text.
std::optional<Md5Digest> DecodeMd5(std::string_view base64);

// MD5 of a stream. Not safe from many threads.
class Md5Stream {
 public:
  Md5Stream();
  ~Md5Stream();
  Md5Stream(Md5Stream&&) noexcept;
  Md5Stream& operator=(Md5Stream&&) noexcept;
  void Update(ByteSpan bytes);
  Md5Digest Finish();  // once

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// CRC-32C (Castagnoli, reflected 0x82F63B78, init and xorout all ones): what OCI calls CRC32C.
// `crc` continues an earlier value; 0 starts.
std::uint32_t Crc32c(ByteSpan bytes, std::uint32_t crc = 0);
// The CRC of A followed by B, from their CRCs and the length of B in bytes.
std::uint32_t CombineCrc32c(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t length_b_bytes);
// base64 of the four bytes, most significant first, as OCI's opc-content-crc32c wants it.
std::string EncodeCrc32c(std::uint32_t crc);
std::optional<std::uint32_t> DecodeCrc32c(std::string_view base64);

// CRC-64/NVME (reflected 0x9A6C9329AC4BC9B5, init and xorout all ones): Azure's x-ms-content-crc64.
std::uint64_t Crc64Nvme(ByteSpan bytes, std::uint64_t crc = 0);
// base64 of the eight bytes, least significant first, as Azure wants it.
std::string EncodeCrc64(std::uint64_t crc);

}  // namespace skybridge
