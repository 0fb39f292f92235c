// Percent, base64 and hex: what decodes encodes to the same meaning, and what was encoded decodes.
#include <string>

#include "core/encoding.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge {

FUZZ_TARGET(encodings) {
  const auto bytes = AsBytes(input);
  fuzz::Require(PercentDecode(PercentEncode(input)) == std::string(input), "percent round trip");
  fuzz::Require(PercentDecode(PercentEncodePath(input)) == std::string(input), "path round trip");
  fuzz::Require(Base64Decode(Base64Encode(bytes)) == std::string(input), "base64 round trip");
  fuzz::Require(Base64UrlDecode(Base64UrlEncode(bytes)) == std::string(input), "base64url");
  fuzz::Require(HexDecode(HexEncode(bytes)) == std::string(input), "hex round trip");

  if (const auto decoded = PercentDecode(input)) {
    fuzz::Require(decoded->size() <= input.size(), "percent-decoding does not grow");
  }
  // A digest has one spelling: two texts for the same bytes would make two names of one thing.
  if (const auto decoded = Base64Decode(input)) {
    fuzz::Require(Base64Encode(AsBytes(*decoded)) == input, "base64 has one spelling");
  }
  if (const auto decoded = Base64UrlDecode(input)) {
    fuzz::Require(Base64UrlEncode(AsBytes(*decoded)) == input, "base64url has one spelling");
  }
  if (const auto decoded = HexDecode(input)) {
    fuzz::Require(decoded->size() * 2 == input.size(), "hex halves");
  }
}

}  // namespace skybridge
