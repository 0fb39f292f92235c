#include "backends/recorded_digest.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/encoding.h"

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

std::string FormatRecordedCrc32c(std::uint64_t size_bytes, std::uint32_t crc32c) {
  return fmt::format("{}:{}", size_bytes, EncodeCrc32c(crc32c));
}

std::optional<std::string> FindRecorded(const MetadataMap& metadata, std::string_view key) {
  const auto found = FindKey(metadata, key);
  if (found == metadata.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint32_t> TakeRecordedCrc32c(MetadataMap& metadata, std::uint64_t size_bytes) {
  const auto value = Take(metadata, kRecordedCrc32cKey);
  if (!value) return std::nullopt;
  const std::string of_this_length = fmt::format("{}:", size_bytes);
  if (!value->starts_with(of_this_length)) return std::nullopt;
  return DecodeCrc32c(std::string_view(*value).substr(of_this_length.size()));
}

std::optional<Md5Digest> TakeRecordedMd5(MetadataMap& metadata) {
  const auto value = Take(metadata, kRecordedMd5Key);
  if (!value) return std::nullopt;
  return DecodeMd5(*value);
}

}  // namespace skybridge
