#include "core/encoding.h"

#include <array>

namespace skybridge {
namespace {

constexpr std::string_view kUpperHex = "0123456789ABCDEF";
constexpr std::string_view kLowerHex = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr bool IsUnreserved(unsigned char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Encode(std::string_view text, bool keep_slash) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsUnreserved(byte) || (keep_slash && c == '/')) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kUpperHex[byte >> 4]);
      out.push_back(kUpperHex[byte & 15]);
    }
  }
  return out;
}

std::string EncodeBase64(ByteSpan bytes, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = (group << 8) | (k < n ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      if (k <= n) {
        out.push_back(alphabet[(group >> (18 - 6 * k)) & 63]);
      } else if (pad) {
        out.push_back('=');
      }
    }
  }
  return out;
}

std::array<int, 256> ReverseAlphabet(std::string_view alphabet) {
  std::array<int, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<int>(i);
  }
  return table;
}

// `text` without padding.
Result<std::string> DecodeBase64(std::string_view text, std::string_view alphabet) {
  const auto table = ReverseAlphabet(alphabet);
  if (text.size() % 4 == 1) return Fail(ErrorCode::kInvalidArgument, "base64: bad length");
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = table[static_cast<unsigned char>(c)];
    if (value < 0) return Fail(ErrorCode::kInvalidArgument, "base64: bad character");
    group = (group << 6) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>((group >> bits) & 255));
    }
  }
  // RFC 4648, section 3.5: with other bits than zeros here, many texts would stand for the same
  // bytes.
  if ((group & ((1U << bits) - 1)) != 0) {
    return Fail(ErrorCode::kInvalidArgument, "base64: bits behind the end");
  }
  return out;
}

}  // namespace

std::string PercentEncode(std::string_view text) { return Encode(text, false); }
std::string PercentEncodePath(std::string_view path) { return Encode(path, true); }

Result<std::string> PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) return Fail(ErrorCode::kInvalidArgument, "bad percent escape");
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

std::string Base64Encode(ByteSpan bytes) { return EncodeBase64(bytes, kBase64, true); }
std::string Base64UrlEncode(ByteSpan bytes) { return EncodeBase64(bytes, kBase64Url, false); }

Result<std::string> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) return Fail(ErrorCode::kInvalidArgument, "base64: bad length");
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  return DecodeBase64(text, kBase64);
}

Result<std::string> Base64UrlDecode(std::string_view text) {
  return DecodeBase64(text, kBase64Url);
}

std::string HexEncode(ByteSpan bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    const auto value = std::to_integer<unsigned>(b);
    out.push_back(kLowerHex[value >> 4]);
    out.push_back(kLowerHex[value & 15]);
  }
  return out;
}

Result<std::string> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0) return Fail(ErrorCode::kInvalidArgument, "hex: odd length");
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = HexValue(text[i]);
    const int low = HexValue(text[i + 1]);
    if (high < 0 || low < 0) return Fail(ErrorCode::kInvalidArgument, "hex: bad character");
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

}  // namespace skybridge
