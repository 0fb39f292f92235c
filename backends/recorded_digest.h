// The digest of a whole object as it is recorded in the object's user metadata. You need it where
// an object arrives in parts and the service keeps no digest of the whole.
//
//   skybridge_crc32c (Azure)  SIZE:CRC:TIME, as "11:yZRlqg==:1767608430": the length of the content
//                             in bytes; the base64 of its CRC-32C, most significant byte first (the
//                             spelling of OCI and of Google's gsutil); and when the service was told
//                             so, in Unix seconds of the service's clock
//   md5chksum (OCI)           base64 of the MD5; rclone writes it for what it uploads in parts
//
// Metadata is no proof of bytes: a tool that uploads a file again may carry the metadata of the
// version before over (blobfuse2 and many scripts do). So skybridge_crc32c is believed of the version
// only that it was recorded with. Three things tell that version:
//   - its length is SIZE;
//   - the service has no digest of its own for it: Put Blob stores Content-MD5, skybridge's uploads
//     in parts do not;
//   - its Last-Modified is TIME, give or take kRecordedTolerance: whoever writes bytes or metadata
//     moves it, and a rename of a hierarchical account does not. Where skybridge itself changes
//     attributes or copies the object, it records the digest again with the new time.
// What remains is an upload in parts by another tool that stores no MD5, carries the metadata over,
// has the same length and comes within kRecordedTolerance after ours.
//
// Nothing binds md5chksum to the version that rclone made, so it is kept with the bytes and believed
// of none.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backends/posix_metadata.h"
#include "core/digest.h"

namespace skybridge {

inline constexpr std::string_view kRecordedCrc32cKey = "skybridge_crc32c";
inline constexpr std::string_view kRecordedMd5Key = "md5chksum";

inline constexpr std::chrono::seconds kRecordedTolerance{30};

// `server_now`: the service's time, at which the metadata is about to be written.
std::string FormatRecordedCrc32c(std::uint64_t size_bytes, std::uint32_t crc32c,
                                 WallTime server_now);

// A version of an object, as its service describes it.
struct DescribedVersion {
  std::uint64_t size_bytes = 0;
  WallTime last_modified{};
  bool has_service_digest = false;
};

// The value of a key, whatever the case it comes back in (services and proxies change it).
std::optional<std::string> FindRecorded(const MetadataMap& metadata, std::string_view key);

// Takes the key out of `metadata`, which is left with what people and other tools have put there.
// Nothing if it is not there, not understood, or was not recorded with this version.
std::optional<std::uint32_t> TakeRecordedCrc32c(MetadataMap& metadata,
                                                const DescribedVersion& version);
void RemoveRecordedMd5(MetadataMap& metadata);

}  // namespace skybridge
