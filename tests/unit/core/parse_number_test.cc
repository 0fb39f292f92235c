#include "core/parse_number.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace skybridge {
namespace {

TEST(ParseNumber, TakesWholeTextsOnly) {
  EXPECT_EQ(ParseNumber<std::uint64_t>("0"), 0U);
  EXPECT_EQ(ParseNumber<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(ParseNumber<std::int64_t>("-5"), -5);
  for (const char* text : {"", " 1", "1 ", "+1", "1.0", "0x1", "-", "one"})
    EXPECT_FALSE(ParseNumber<std::int64_t>(text)) << text;
}

TEST(ParseNumber, RefusesWhatTheTypeDoesNotHold) {
  EXPECT_FALSE(ParseNumber<std::uint64_t>("18446744073709551616"));
  EXPECT_FALSE(ParseNumber<std::uint64_t>("-1"));
  EXPECT_FALSE(ParseNumber<std::uint8_t>("256"));
}

TEST(ParseNumber, KnowsOtherBases) {
  EXPECT_EQ(ParseNumber<std::uint32_t>("0755", 8), 0755U);
  EXPECT_FALSE(ParseNumber<std::uint32_t>("8", 8));
}

}  // namespace
}  // namespace skybridge
