#include "core/utf8.h"

#include <gtest/gtest.h>

namespace skybridge {
namespace {

TEST(Utf8, TextOfEveryLengthIsAccepted) {
  for (const char* text : {"", "plain", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80 x"})
    EXPECT_TRUE(IsUtf8(text)) << text;
}

TEST(Utf8, OtherBytesAreNot) {
  for (const char* bytes : {"\xFF", "\xE9t\xE9", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80",
                            "\xF4\x90\x80\x80"})
    EXPECT_FALSE(IsUtf8(bytes));
}

}  // namespace
}  // namespace skybridge
