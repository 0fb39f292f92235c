#include "backends/recorded_digest.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/encoding.h"
#include "core/time_text.h"

namespace skybridge {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

MetadataMap::const_iterator FindKey(const MetadataMap& metadata, std::string_view lower_key) {
  return std::find_if(metadata.begin(), metadata.end(), [&](const auto& field) {
    return std::equal(field.first.begin(), field.first.end(), lower_key.begin(), lower_key.end(),
                      [](char a, char b) { return Lower(a) == b; });
  });
}

std::optional<std::string> Take(MetadataMap& metadata, std::string_view lower_key) {
  const auto found = FindKey(metadata, lower_key);
  if (found == metadata.end()) return std::nullopt;
  std::string value = found->second;
  metadata.erase(found);
  return value;
}

}  // namespace

std::string FormatRecordedCrc32c(std::uint64_t size_bytes, std::uint32_t crc32c,
                                 WallTime server_now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(server_now.time_since_epoch());
  return fmt::format("{}:{}:{}", size_bytes, EncodeCrc32c(crc32c), seconds.count());
}

std::optional<std::string> FindRecorded(const MetadataMap& metadata, std::string_view key) {
  const auto found = FindKey(metadata, key);
  if (found == metadata.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint32_t> TakeRecordedCrc32c(MetadataMap& metadata,
                                                const DescribedVersion& version) {
  const auto value = Take(metadata, kRecordedCrc32cKey);
  if (!value || version.has_service_digest) return std::nullopt;
  const std::string of_this_length = fmt::format("{}:", version.size_bytes);
  const std::size_t colon = value->rfind(':');
  if (!value->starts_with(of_this_length) || colon < of_this_length.size()) return std::nullopt;
  const auto recorded_at = ParseUnixSeconds(value->substr(colon + 1));
  if (!recorded_at) return std::nullopt;
  const auto apart = *recorded_at > version.last_modified ? *recorded_at - version.last_modified
                                                          : version.last_modified - *recorded_at;
  if (apart > kRecordedTolerance) return std::nullopt;
  return DecodeCrc32c(
      std::string_view(*value).substr(of_this_length.size(), colon - of_this_length.size()));
}

void RemoveRecordedMd5(MetadataMap& metadata) { Take(metadata, kRecordedMd5Key); }

}  // namespace skybridge
