#include "core/binary_codec.h"

#include <limits>

#include <gtest/gtest.h>

namespace skybridge {
namespace {

TEST(BinaryCodec, EveryKindOfValueComesBack) {
  const std::map<std::string, std::string> map = {{"a", "1"}, {"b", std::string("\0x", 2)}};
  BinaryWriter out;
  out.Fixed<std::uint32_t>(7);
  out.Flag(true);
  out.Time(WallTime(std::chrono::nanoseconds(-5)));
  for (const std::uint64_t n :
       {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, UINT64_MAX})
    out.Varint(n);
  out.Text("text");
  out.Map(map);
  out.Optional<std::uint16_t>(std::nullopt);
  out.Optional<std::uint16_t>(9);
  const std::string bytes = out.Take();
  BinaryReader in(bytes);
  EXPECT_EQ(in.Fixed<std::uint32_t>(), 7U);
  EXPECT_TRUE(in.Flag());
  EXPECT_EQ(in.Time(), WallTime(std::chrono::nanoseconds(-5)));
  for (const std::uint64_t n :
       {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, UINT64_MAX})
    EXPECT_EQ(in.Varint(), n);
  EXPECT_EQ(in.Text(), "text");
  EXPECT_EQ(in.Map(), map);
  EXPECT_EQ(in.Optional<std::uint16_t>(), std::nullopt);
  EXPECT_EQ(in.Optional<std::uint16_t>(), 9);
  EXPECT_TRUE(in.good_to_the_end());
}

TEST(BinaryCodec, RefusesWhatEndsTooSoonOrGoesOn) {
  BinaryReader shorter("abc");
  EXPECT_EQ(shorter.Fixed<std::uint32_t>(), 0U);
  EXPECT_FALSE(shorter.good_to_the_end());
  BinaryReader longer("abcde");
  longer.Fixed<std::uint32_t>();
  EXPECT_FALSE(longer.good_to_the_end());
  BinaryReader text("\x7f");  // says that 127 bytes follow
  EXPECT_EQ(text.Text(), "");
  EXPECT_FALSE(text.good_to_the_end());
}

TEST(BinaryCodec, EachValueHasOneSpelling) {
  const auto is_refused = [](std::string_view bytes, auto read) {
    BinaryReader in(bytes);
    read(in);
    return !in.good_to_the_end();
  };
  EXPECT_TRUE(is_refused("\x02", [](BinaryReader& in) { in.Flag(); }));
  EXPECT_TRUE(is_refused(std::string_view("\x81\0", 2), [](BinaryReader& in) { in.Varint(); }));
  EXPECT_TRUE(is_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
                         [](BinaryReader& in) { in.Varint(); }));
  EXPECT_TRUE(is_refused(std::string_view("\x02\x01"
                                          "b\0\x01"
                                          "a\0",
                                          7),
                         [](BinaryReader& in) { in.Map(); }));
}

}  // namespace
}  // namespace skybridge
