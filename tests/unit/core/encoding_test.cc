#include "core/encoding.h"

#include <gtest/gtest.h>

namespace skybridge {
namespace {

TEST(Encoding, PercentKeepsOnlyUnreservedBytes) {
  EXPECT_EQ(PercentEncode("f+1%.txt"), "f%2B1%25.txt");
  EXPECT_EQ(PercentEncode("dir/file \xC3\xA9"), "dir%2Ffile%20%C3%A9");
  EXPECT_EQ(PercentEncodePath("dir one/a~b"), "dir%20one/a~b");
}

TEST(Encoding, PercentDecodeReversesAndRefusesBadEscapes) {
  EXPECT_EQ(PercentDecode("dir%2Ffile%20%c3%a9+x").value(), "dir/file \xC3\xA9+x");
  EXPECT_FALSE(PercentDecode("a%2"));
  EXPECT_FALSE(PercentDecode("a%"));
  EXPECT_FALSE(PercentDecode("a%zz"));
  EXPECT_EQ(PercentDecode("%41").value(), "A");
}

TEST(Encoding, Base64RoundTripsEveryLength) {
  std::string text;
  for (int i = 0; i < 70; ++i) {
    EXPECT_EQ(Base64Decode(Base64Encode(AsBytes(text))).value(), text);
    EXPECT_EQ(Base64UrlDecode(Base64UrlEncode(AsBytes(text))).value(), text);
    text.push_back(static_cast<char>(i * 37));
  }
  EXPECT_FALSE(Base64Decode("abc"));
  EXPECT_FALSE(Base64Decode("ab\nc"));
  EXPECT_FALSE(Base64Decode("a==="));
}

TEST(Encoding, HexRoundTrips) {
  EXPECT_EQ(HexEncode(AsBytes("\x01\xAB")), "01ab");
  EXPECT_EQ(HexDecode("01AB").value(), "\x01\xAB");
  EXPECT_FALSE(HexDecode("0"));
  EXPECT_FALSE(HexDecode("0g"));
}

TEST(Encoding, Base64HasOneSpelling) {
  EXPECT_EQ(Base64Decode("QQ==").value(), "A");
  EXPECT_FALSE(Base64Decode("QR=="));
  EXPECT_FALSE(Base64Decode("QUF="));
  EXPECT_FALSE(Base64UrlDecode("QR"));
}

}  // namespace
}  // namespace skybridge
