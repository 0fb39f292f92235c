// The digest of a whole object as it is recorded in the object's user metadata. You need it where
// an object arrives in parts and the service keeps no digest of the whole.
//
//   skybridge_crc32c (Azure)  SIZE:CRC, as "11:yZRlqg==": the length of the content in bytes, and
//                             the base64 of its CRC-32C, most significant byte first (the spelling
//                             of OCI and of Google's gsutil)
//   md5chksum (OCI)           base64 of the MD5; rclone writes it for what it uploads in parts
//
// The length binds skybridge_crc32c to the content it was taken of. Every write of whole content
// replaces the metadata, too; only an append by the Data Lake protocol leaves it, and that changes
// the length. Then the digest is no longer believed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backends/posix_metadata.h"
#include "core/digest.h"

namespace skybridge {

inline constexpr std::string_view kRecordedCrc32cKey = "skybridge_crc32c";
inline constexpr std::string_view kRecordedMd5Key = "md5chksum";

std::string FormatRecordedCrc32c(std::uint64_t size_bytes, std::uint32_t crc32c);

// The value of a key, whatever the case it comes back in (services and proxies change it).
std::optional<std::string> FindRecorded(const MetadataMap& metadata, std::string_view key);

// Take the key out of `metadata`, which is left with what people and other tools have put there.
// Nothing if it is not there, not understood, or of content of another length.
std::optional<std::uint32_t> TakeRecordedCrc32c(MetadataMap& metadata, std::uint64_t size_bytes);
std::optional<Md5Digest> TakeRecordedMd5(MetadataMap& metadata);

}  // namespace skybridge
