#include "core/units.h"

#include <gtest/gtest.h>

namespace skybridge {
namespace {

using std::chrono::milliseconds;

TEST(ParseSize, ReadsDecimalAndBinaryUnits) {
  EXPECT_EQ(*ParseSize("0"), 0u);
  EXPECT_EQ(*ParseSize("1000"), 1000u);
  EXPECT_EQ(*ParseSize("10GB"), 10'000'000'000u);
  EXPECT_EQ(*ParseSize("64MiB"), std::uint64_t{64} << 20);
  EXPECT_EQ(*ParseSize("50 gib"), std::uint64_t{50} << 30);
  EXPECT_EQ(*ParseSize("2k"), 2048u);
  EXPECT_EQ(*ParseSize("1.5KiB"), 1536u);
  EXPECT_EQ(*ParseSize("18446744073709551615"), ~std::uint64_t{0});
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const char* text : {"", "GiB", "-1", "+1", "1e3", "1.GiB", "10 MiB/s", "1Mi", "0x10",
                           "18446744073709551616", "20000PiB", " 1", "1  MiB"}) {
    const auto size = ParseSize(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(ParseDuration, ReadsUnitsAndSums) {
  EXPECT_EQ(*ParseDuration("0"), milliseconds(0));
  EXPECT_EQ(*ParseDuration("250ms"), milliseconds(250));
  EXPECT_EQ(*ParseDuration("1s"), milliseconds(1000));
  EXPECT_EQ(*ParseDuration("1.5s"), milliseconds(1500));
  EXPECT_EQ(*ParseDuration("5m"), milliseconds(300'000));
  EXPECT_EQ(*ParseDuration("1h30m"), milliseconds(5'400'000));
  EXPECT_EQ(*ParseDuration("2d"), milliseconds(172'800'000));
}

TEST(ParseDuration, RefusesANumberWithoutUnit) {
  for (const char* text : {"", "5", "s", "1 s", "-1s", "1y", "99999999d", "1h30"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

TEST(Format, BytesStayShort) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(FormatBytes(~std::uint64_t{0}), "16.0 EiB");
  EXPECT_EQ(FormatRate(0), "0 B/s");
  EXPECT_EQ(FormatRate(64.0 * (1 << 20)), "64.0 MiB/s");
}

TEST(Format, DurationsKeepTwoFields) {
  EXPECT_EQ(FormatDuration(milliseconds(0)), "0ms");
  EXPECT_EQ(FormatDuration(milliseconds(4250)), "4.2s");
  EXPECT_EQ(FormatDuration(milliseconds(59'999)), "59.9s");
  EXPECT_EQ(FormatDuration(milliseconds(185'000)), "3m05s");
  EXPECT_EQ(FormatDuration(milliseconds(7'620'000)), "2h07m");
  EXPECT_EQ(FormatDuration(milliseconds(273'600'000)), "3d04h");
}

TEST(Format, CountsAreGrouped) {
  EXPECT_EQ(FormatCount(7), "7");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1'234'567), "1,234,567");
}

}  // namespace
}  // namespace skybridge
