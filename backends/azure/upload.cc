#include "backends/azure/upload.h"

#include <fmt/format.h>

#include "backends/azure/nonce.h"
#include "backends/azure/replies.h"
#include "backends/recorded_digest.h"
#include "core/digest.h"
#include "core/encoding.h"

namespace skybridge::azure {

UploadId NewUploadId(std::uint64_t call_id) {
  return UploadId{call_id == 0 ? MakeNonce() : fmt::format("{:016x}", call_id)};
}

Result<std::string> ParseUploadId(const UploadId& id) {
  constexpr std::size_t kHexDigits = 16;
  if (id.value.size() == kHexDigits && HexDecode(id.value)) return id.value;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is not an upload of this store", id.value));
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

Result<WholeContent> WholeOf(const CommitUploadRequest& request) {
  WholeContent whole;
  std::uint32_t previous = 0;
  for (const PartReceipt& part : request.parts) {
    if (part.part_number <= previous || part.offset_bytes != whole.size_bytes) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}': the parts leave a gap at byte {}",
                                                           request.key.path, whole.size_bytes));
    }
    previous = part.part_number;
    whole.size_bytes += part.size_bytes;
    whole.crc32c = CombineCrc32c(whole.crc32c, part.crc32c, part.size_bytes);
  }
  return whole;
}

MetadataMap CommitMetadata(MetadataMap attributes, const std::string& nonce,
                           const WholeContent& whole, WallTime server_now) {
  attributes.emplace(kUploadKey, nonce);
  attributes.emplace(kRecordedCrc32cKey,
                     FormatRecordedCrc32c(whole.size_bytes, whole.crc32c, server_now));
  return attributes;
}

}  // namespace skybridge::azure
