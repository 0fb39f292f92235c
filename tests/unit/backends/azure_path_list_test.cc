#include "backends/azure/path_list.h"

#include <gtest/gtest.h>

#include "core/time_text.h"

namespace skybridge::azure {
namespace {

// In the form of "Azure Data Lake REST: Path - List": all values are texts.
TEST(AzurePathList, ReadsFilesAndDirectories) {
  const auto page = ParsePathList(
      R"({"paths":[
        {"name":"d1","isDirectory":"true","contentLength":"0","etag":"0x8DE4C440D810187",
         "lastModified":"Mon, 05 Jan 2026 10:20:30 GMT","owner":"$superuser"},
        {"name":"d1/f ü.bin","contentLength":"5","etag":"\"0x8DE\"",
         "lastModified":"Mon, 05 Jan 2026 10:20:30 GMT","permissions":"rw-r-----+"}]})",
      "next+/=");
  ASSERT_TRUE(page) << page.error().ToString();
  ASSERT_EQ(page->entries.size(), 2U);
  EXPECT_TRUE(page->entries[0].is_directory);
  EXPECT_EQ(page->entries[0].etag, ETag("0x8DE4C440D810187"));
  EXPECT_EQ(page->entries[1].name, "d1/f ü.bin");
  EXPECT_FALSE(page->entries[1].is_directory);
  EXPECT_EQ(page->entries[1].size_bytes, 5U);
  EXPECT_EQ(page->entries[1].etag, ETag("0x8DE")) << "quoted or not";
  EXPECT_EQ(page->entries[1].last_modified, *ParseRfc3339("2026-01-05T10:20:30Z"));
  EXPECT_EQ(page->entries[1].metadata, std::nullopt);
  EXPECT_EQ(page->next_marker, "next+/=");
}

TEST(AzurePathList, TakesTrueValuesAndNumbersAndDoesWithoutMost) {
  const auto page = ParsePathList(
      R"({"paths":[{"name":"d","isDirectory":true},{"name":"f","contentLength":7,"etag":null}]})",
      "");
  ASSERT_TRUE(page) << page.error().ToString();
  EXPECT_TRUE(page->entries[0].is_directory);
  EXPECT_EQ(page->entries[1].size_bytes, 7U);
}

TEST(AzurePathList, WhatIsNoListingIsCorrupt) {
  for (const char* text : {"", "null", "[]", "{}", R"({"paths":{}})", R"({"paths":[1]})",
                           R"({"paths":[{"contentLength":"1"}]})", R"({"paths":[{"name":"f"}]})",
                           R"({"paths":[{"name":"f","contentLength":"-1"}]})",
                           R"({"paths":[{"name":"f","contentLength":"9223372036854775808"}]})",
                           "<html>sign in</html>"}) {
    const auto page = ParsePathList(text, "");
    ASSERT_FALSE(page) << text;
    EXPECT_EQ(page.error().code, ErrorCode::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace skybridge::azure
