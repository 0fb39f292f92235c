// Digests of a body as OCI checks and reports them.
// Source: OCI API reference, PutObject and UploadPart (Content-MD5, opc-checksum-algorithm,
// opc-content-*).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/encoding.h"
#include "tests/localcloud/oci_message.h"
#include "tests/localcloud/oci_state.h"

namespace skybridge::localcloud::oci {

struct BodyDigests {
  std::string md5;        // base64
  std::string algorithm;  // "" or the additional one: "CRC32C", "SHA256", "SHA384"
  std::string digest;     // base64, by that algorithm

  // "opc-content-md5", and "opc-content-crc32c" or the like: what a write answers.
  void AddTo(HttpHeaders& headers) const;
};

// Computes the digests that the headers ask for and compares those that the headers state.
// 400 UnmatchedContentMD5, UnmatchedContentCRC32C (-SHA256, -SHA384), InvalidContentMD5 or
// InvalidParameter. `algorithm` is computed even if the headers do not ask for it; they may not ask
// for another one.
Outcome<BodyDigests> CheckBody(const HttpHeaders& headers, ByteSpan body,
                               std::string_view algorithm);

// The header opc-checksum-algorithm, "" if it is absent; 400 if its value is not known.
Outcome<std::string> ReadChecksumAlgorithm(const HttpHeaders& headers);

// "opc-content-crc32c" for "CRC32C".
std::string ChecksumHeader(std::string_view algorithm);

// Response headers of an object made of these parts: opc-multipart-md5 (base64 of the MD5 of the
// parts' MD5s, "-", their number), and by the algorithm either opc-content-crc32c of the whole or
// opc-multipart-sha256 (-sha384).
std::map<std::string, std::string> MultipartDigests(const std::vector<const Part*>& parts,
                                                    std::string_view algorithm);

}  // namespace skybridge::localcloud::oci
