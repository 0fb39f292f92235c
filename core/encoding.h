// Text encodings of the wire: percent, base64, hex. All pure and safe from many threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace skybridge {

using ByteSpan = std::span<const std::byte>;
inline ByteSpan AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Percent-encodes every byte but A-Z a-z 0-9 - . _ ~ (RFC 3986 unreserved), upper-case hex. '/' is
// encoded too.
std::string PercentEncode(std::string_view text);
// The same, but '/' is kept: for a path whose parts are joined by '/'.
std::string PercentEncodePath(std::string_view path);
// Decodes %XX; '+' stays '+'. kInvalidArgument on a bad escape.
Result<std::string> PercentDecode(std::string_view text);

// Standard alphabet, padded, no line breaks.
std::string Base64Encode(ByteSpan bytes);
// kInvalidArgument on anything but a well-formed padded text; line breaks are not tolerated.
Result<std::string> Base64Decode(std::string_view text);
// URL-safe alphabet without padding (JWT).
std::string Base64UrlEncode(ByteSpan bytes);
Result<std::string> Base64UrlDecode(std::string_view text);

std::string HexEncode(ByteSpan bytes);  // lower case
Result<std::string> HexDecode(std::string_view text);

}  // namespace skybridge
