#include "backends/azure/upload.h"

#include <fmt/format.h>

#include "backends/azure/nonce.h"
#include "backends/azure/replies.h"
#include "core/encoding.h"

namespace skybridge::azure {

std::string Fingerprint(const MetadataMap& metadata) {
  return fmt::format("{:016x}", Crc64Nvme(AsBytes(EncodeProperties(metadata))));
}

UploadName NewUploadName(const MetadataMap& metadata) {
  return {.nonce = MakeNonce(), .fingerprint = Fingerprint(metadata)};
}

UploadId ToUploadId(const UploadName& name) {
  return UploadId{name.nonce + "-" + name.fingerprint};
}

Result<UploadName> ParseUploadId(const UploadId& id) {
  constexpr std::size_t kHexDigits = 16;
  const std::string& text = id.value;
  const bool well_formed = text.size() == 2 * kHexDigits + 1 && text[kHexDigits] == '-' &&
                           HexDecode(text.substr(0, kHexDigits)) &&
                           HexDecode(text.substr(kHexDigits + 1));
  if (!well_formed)
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is not an upload of this store", text));
  return UploadName{.nonce = text.substr(0, kHexDigits),
                    .fingerprint = text.substr(kHexDigits + 1)};
}

Status CheckPart(const UploadPartRequest& part, const Capabilities& capabilities) {
  if (part.body.empty() || part.part_number == 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}': a part needs a body and a number", part.key.path));
  }
  if (part.part_number > capabilities.max_parts || part.body.size() > capabilities.max_part_bytes) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("'{}': part {} of {} bytes; {} parts of {} bytes are allowed",
                            part.key.path, part.part_number, part.body.size(),
                            capabilities.max_parts, capabilities.max_part_bytes));
  }
  return {};
}

PartReceipt MakeReceipt(const UploadPartRequest& part, std::string tag) {
  return {.part_number = part.part_number,
          .offset_bytes = part.offset_bytes,
          .size_bytes = part.body.size(),
          .tag = std::move(tag),
          .crc32c = Crc32c(part.body)};
}

Result<std::uint64_t> WholeSize(const CommitUploadRequest& request) {
  std::uint64_t size = 0;
  std::uint32_t previous = 0;
  for (const PartReceipt& part : request.parts) {
    if (part.part_number <= previous || part.offset_bytes != size) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}': the parts leave a gap at byte {}", request.key.path, size));
    }
    previous = part.part_number;
    size += part.size_bytes;
  }
  return size;
}

}  // namespace skybridge::azure
