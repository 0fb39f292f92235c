#include "fuse/write/written_ranges.h"

#include <string_view>

#include <fmt/format.h>

namespace skybridge::fuse {
namespace {

constexpr std::string_view kExplanation =
    "# Another client replaced this file before what was written here could be published, and the\n"
    "# bytes that were not written here had never been read. Each \"range: OFFSET LENGTH\" stands\n"
    "# for LENGTH bytes after this header, in the order of the lines; they belong at OFFSET.\n";

std::string InOneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '%') {
      line += fmt::format("%{:02X}", byte);
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace

std::string EncodeHeader(const WrittenRanges& written) {
  std::string header = fmt::format(
      "skybridge-written-ranges 1\n{}file: {}\nbase-etag: {}\nbase-size: {}\n"
      "base-shown-until: {}\nsize: {}\n",
      kExplanation, InOneLine(written.name), InOneLine(written.base_etag), written.base_size_bytes,
      written.base_shown_until_bytes, written.size_bytes);
  for (const ByteRange& range : written.ranges)
    header += fmt::format("range: {} {}\n", range.offset_bytes, range.length_bytes);
  return header + "\n";
}

}  // namespace skybridge::fuse
