#include "core/digest.h"

#include <gtest/gtest.h>

namespace skybridge {
namespace {

std::string Repeat(std::size_t n) {
  std::string text(n, '\0');
  for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>(i * 131 + 7);
  return text;
}

// The published check values for "123456789", and the encodings the two services document.
TEST(Digest, Crc32cMatchesPublishedValues) {
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xE3069283U);
  EXPECT_EQ(Crc32c(AsBytes("hello world")), 0xC99465AAU);
  EXPECT_EQ(EncodeCrc32c(0xC99465AAU), "yZRlqg==");
  EXPECT_EQ(Crc32c({}), 0U);
}

TEST(Digest, Crc64NvmeMatchesPublishedValues) {
  EXPECT_EQ(Crc64Nvme(AsBytes("123456789")), 0xAE8B14860A799888ULL);
  EXPECT_EQ(EncodeCrc64(Crc64Nvme(AsBytes("123456789"))), "iJh5CoYUi64=");
  EXPECT_EQ(EncodeCrc64(Crc64Nvme(AsBytes("hello\n"))), "B1ZarUv7Q2o=");
  EXPECT_EQ(EncodeCrc64(Crc64Nvme({})), "AAAAAAAAAAA=");
}

TEST(Digest, CrcsContinueOverAnySplit) {
  const std::string text = Repeat(1000);
  for (const std::size_t cut : {0U, 1U, 7U, 16U, 333U, 999U, 1000U}) {
    const auto a = AsBytes(text).subspan(0, cut);
    const auto b = AsBytes(text).subspan(cut);
    EXPECT_EQ(Crc32c(b, Crc32c(a)), Crc32c(AsBytes(text)));
    EXPECT_EQ(Crc64Nvme(b, Crc64Nvme(a)), Crc64Nvme(AsBytes(text)));
  }
}

// Long inputs take the fast way, short ones and single bytes do not: they must agree.
TEST(Digest, Crc64NvmeOfLongInputsEqualsThatOfItsBytes) {
  const std::string text = Repeat(1025);
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto bytes = AsBytes(text).first(size);
    std::uint64_t crc = 0;
    for (std::size_t i = 0; i < size; ++i) crc = Crc64Nvme(bytes.subspan(i, 1), crc);
    ASSERT_EQ(Crc64Nvme(bytes), crc) << size;
  }
}

TEST(Digest, CombinedCrc32cEqualsCrcOfTheWhole) {
  const std::string text = Repeat(5000);
  for (const std::size_t cut : {0U, 1U, 8U, 4096U, 5000U}) {
    const auto a = AsBytes(text).subspan(0, cut);
    const auto b = AsBytes(text).subspan(cut);
    EXPECT_EQ(CombineCrc32c(Crc32c(a), Crc32c(b), b.size()), Crc32c(AsBytes(text)));
  }
}

TEST(Digest, Md5AndSha256MatchTheServicesExamples) {
  EXPECT_EQ(Base64Encode(Md5(AsBytes("hello world"))), "XrY7u+Ae7tCTyyK7j1rNww==");
  EXPECT_EQ(Base64Encode(Sha256(AsBytes("hello world"))),
            "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=");
  EXPECT_EQ(Base64Encode(Sha256({})), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  Md5Stream stream;
  stream.Update(AsBytes("hello "));
  stream.Update(AsBytes("world"));
  EXPECT_EQ(stream.Finish(), Md5(AsBytes("hello world")));
}

}  // namespace
}  // namespace skybridge
