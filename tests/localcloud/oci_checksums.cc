#include "tests/localcloud/oci_checksums.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "core/digest.h"

namespace skybridge::localcloud::oci {
namespace {

constexpr std::array<std::string_view, 3> kAlgorithms = {"CRC32C", "SHA256", "SHA384"};

std::string Hash(const EVP_MD* algorithm, ByteSpan bytes) {
  std::string digest(static_cast<std::size_t>(EVP_MD_get_size(algorithm)), '\0');
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
             algorithm, nullptr);
  return digest;
}

std::string Compute(std::string_view algorithm, ByteSpan bytes) {
  if (algorithm == "CRC32C") return EncodeCrc32c(Crc32c(bytes));
  return Base64Encode(AsBytes(Hash(algorithm == "SHA256" ? EVP_sha256() : EVP_sha384(), bytes)));
}

// The CRC that a base64 text of four bytes, most significant first, stands for.
std::uint32_t DecodeCrc32c(std::string_view base64) {
  const auto bytes = Base64Decode(base64);
  std::uint32_t crc = 0;
  if (!bytes) return crc;
  for (const char byte : *bytes) crc = (crc << 8) | static_cast<unsigned char>(byte);
  return crc;
}

std::string DigestOfDigests(const EVP_MD* algorithm, const std::vector<const Part*>& parts,
                            std::string Part::*digest) {
  std::string joined;
  for (const Part* part : parts) joined += Base64Decode(part->*digest).value_or(std::string());
  return fmt::format("{}-{}", Base64Encode(AsBytes(Hash(algorithm, AsBytes(joined)))),
                     parts.size());
}

std::optional<OciFailure> CheckMd5(const HttpHeaders& headers, std::string_view actual) {
  const std::string* stated = headers.Find("content-md5");
  if (stated == nullptr) return std::nullopt;
  const auto bytes = Base64Decode(*stated);
  if (!bytes || bytes->size() != sizeof(Md5Digest)) {
    return OciFailure{400, "InvalidContentMD5",
                      fmt::format("Content-MD5 '{}' is not a base64 MD5", *stated)};
  }
  if (*stated == actual) return std::nullopt;
  return OciFailure{
      400, "UnmatchedContentMD5",
      fmt::format(
          "The computed MD5 of the request body ({}) does not match the Content-MD5 header ({})",
          actual, *stated)};
}

std::optional<OciFailure> CheckStatedDigests(const HttpHeaders& headers,
                                             const BodyDigests& digests) {
  for (const std::string_view algorithm : kAlgorithms) {
    const std::string name = ChecksumHeader(algorithm);
    const std::string* stated = headers.Find(name);
    if (stated == nullptr) continue;
    if (algorithm != headers.Get("opc-checksum-algorithm")) {
      return OciFailure{400, "InvalidParameter",
                        fmt::format("{} needs opc-checksum-algorithm: {}", name, algorithm)};
    }
    if (*stated != digests.digest) {
      return OciFailure{
          400, fmt::format("UnmatchedContent{}", algorithm),
          fmt::format("The computed {} of the request body ({}) does not match the header {} ({})",
                      algorithm, digests.digest, name, *stated)};
    }
  }
  return std::nullopt;
}

}  // namespace

void BodyDigests::AddTo(HttpHeaders& headers) const {
  headers.Add("opc-content-md5", md5);
  if (!algorithm.empty()) headers.Add(ChecksumHeader(algorithm), digest);
}

std::string ChecksumHeader(std::string_view algorithm) {
  return "opc-content-" + LowerCase(algorithm);
}

Outcome<std::string> ReadChecksumAlgorithm(const HttpHeaders& headers) {
  const std::string algorithm(headers.Get("opc-checksum-algorithm"));
  if (algorithm.empty() ||
      std::find(kAlgorithms.begin(), kAlgorithms.end(), algorithm) != kAlgorithms.end()) {
    return algorithm;
  }
  return Refuse(400, "InvalidParameter",
                fmt::format("opc-checksum-algorithm '{}' is not known", algorithm));
}

Outcome<BodyDigests> CheckBody(const HttpHeaders& headers, ByteSpan body,
                               std::string_view algorithm) {
  BodyDigests digests{.algorithm = OCI_TRY(ReadChecksumAlgorithm(headers))};
  if (!algorithm.empty()) {
    if (!digests.algorithm.empty() && digests.algorithm != algorithm) {
      return Refuse(400, "InvalidParameter",
                    fmt::format("The upload was created with {}", algorithm));
    }
    digests.algorithm = algorithm;
  }
  digests.md5 = Base64Encode(Md5(body));
  if (!digests.algorithm.empty()) digests.digest = Compute(digests.algorithm, body);
  OCI_CHECK(CheckMd5(headers, digests.md5));
  OCI_CHECK(CheckStatedDigests(headers, digests));
  return digests;
}

std::map<std::string, std::string> MultipartDigests(const std::vector<const Part*>& parts,
                                                    std::string_view algorithm) {
  std::map<std::string, std::string> digests{
      {"opc-multipart-md5", DigestOfDigests(EVP_md5(), parts, &Part::md5)}};
  if (algorithm == "CRC32C") {
    std::uint32_t whole = 0;
    for (const Part* part : parts) {
      whole = CombineCrc32c(whole, DecodeCrc32c(part->digest), part->blob->slice.bytes.size());
    }
    digests[ChecksumHeader(algorithm)] = EncodeCrc32c(whole);
  } else if (!algorithm.empty()) {
    const EVP_MD* hash = algorithm == "SHA256" ? EVP_sha256() : EVP_sha384();
    digests["opc-multipart-" + LowerCase(algorithm)] = DigestOfDigests(hash, parts, &Part::digest);
  }
  return digests;
}

}  // namespace skybridge::localcloud::oci
