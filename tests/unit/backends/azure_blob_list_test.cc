#include "backends/azure/blob_list.h"

#include <gtest/gtest.h>

#include "core/encoding.h"
#include "core/time_text.h"

namespace skybridge::azure {
namespace {

constexpr std::string_view kHead =
    "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults "
    "ServiceEndpoint=\"https://a.blob.core.windows.net/\" "
    "ContainerName=\"c\"><Prefix>dir/</Prefix><Blobs>";

BlobListPage Parse(std::string_view entries,
                   std::string_view tail = "</Blobs><NextMarker /></EnumerationResults>") {
  auto page = ParseBlobList(std::string(kHead) + std::string(entries) + std::string(tail));
  EXPECT_TRUE(page) << page.error().message;
  return page.value_or(BlobListPage{});
}

TEST(BlobList, RefusesNulWhichWouldCutANameOff) {
  using std::string_literals::operator""s;
  const auto parse = [](const std::string& name) {
    return ParseBlobList(
        std::string(kHead) + "<Blob><Name>" + name +
        "</Name><Properties><Content-Length>1</Content-Length></Properties></Blob></Blobs>"
        "</EnumerationResults>");
  };
  for (const std::string& nul :
       {"\0"s, "&#0;"s, "&#000;"s, "&#x0;"s, "&#x000;"s, "&#4294967296;"s, "&#x100000000;"s}) {
    const auto page = parse("a" + nul + "b");
    ASSERT_FALSE(page) << nul;
    EXPECT_EQ(page.error().code, ErrorCode::kCorrupt);
  }
  for (const std::string& other :
       {"&#48;"s, "&#x30;"s, "&#10;"s, "&#x0A;"s, "&amp;#0;"s, "&#;"s, "&#x;"s, "&#0"s, "&#0x;"s}) {
    const auto page = parse("a" + other + "b");
    ASSERT_TRUE(page) << other;
    EXPECT_TRUE(page->entries[0].name.ends_with('b')) << other;
  }
}

TEST(BlobList, ReadsABlobAsTheServiceWritesIt) {
  const BlobListPage page = Parse(
      "<Blob><Name>dir/a &amp; "
      "b.txt</Name><VersionId>2021-12-16T22:32:07.3412801Z</VersionId><Properties>"
      "<Creation-Time>Thu, 16 Dec 2021 22:32:07 GMT</Creation-Time><Last-Modified>Thu, 16 Dec 2021 "
      "22:32:07 "
      "GMT</Last-Modified>"
      "<Etag>0x8D9C0E3E480F9B1</Etag><Content-Length>6</Content-Length><Content-Encoding "
      "/><Content-CRC64 />"
      "<Content-MD5>sZRqySSS0jR8YjW00mERhA==</Content-MD5><BlobType>BlockBlob</BlobType></"
      "Properties>"
      "<Metadata><mtime>2026-01-05T10:20:30.000000000Z</mtime><Owner>7</Owner></"
      "Metadata><OrMetadata /></Blob>");
  ASSERT_EQ(page.entries.size(), 1U);
  const ListedBlob& blob = page.entries[0];
  EXPECT_EQ(blob.name, "dir/a & b.txt");
  EXPECT_FALSE(blob.is_prefix);
  EXPECT_FALSE(blob.is_directory);
  EXPECT_EQ(blob.size_bytes, 6U);
  EXPECT_EQ(blob.etag, ETag("0x8D9C0E3E480F9B1"));
  EXPECT_EQ(blob.last_modified, *ParseRfc3339("2021-12-16T22:32:07Z"));
  ASSERT_TRUE(blob.md5);
  EXPECT_EQ(HexEncode(*blob.md5), "b1946ac92492d2347c6235b4d2611184");
  EXPECT_EQ(blob.metadata,
            (MetadataMap{{"mtime", "2026-01-05T10:20:30.000000000Z"}, {"Owner", "7"}}));
  EXPECT_TRUE(page.next_marker.empty());
}

TEST(BlobList, ReadsAPrefixOfAFlatAccountThatHasOnlyAName) {
  const BlobListPage page = Parse("<BlobPrefix><Name>dir/sub/</Name></BlobPrefix>");
  ASSERT_EQ(page.entries.size(), 1U);
  EXPECT_TRUE(page.entries[0].is_prefix);
  EXPECT_EQ(page.entries[0].name, "dir/sub/");
  EXPECT_TRUE(page.entries[0].etag.empty());
  EXPECT_EQ(page.entries[0].metadata, std::nullopt);
}

TEST(BlobList, ReadsAPrefixOfAHierarchicalAccountWithItsProperties) {
  const BlobListPage page = Parse(
      "<BlobPrefix><Name>dir/sub/</Name><Properties><Last-Modified>Mon, 05 Jan 2026 10:20:30 "
      "GMT</Last-Modified>"
      "<Etag>\"0x8DE4C440D91F5CE\"</Etag><ResourceType>directory</ResourceType><Content-Length>0</"
      "Content-Length>"
      "</Properties></BlobPrefix>");
  ASSERT_EQ(page.entries.size(), 1U);
  EXPECT_TRUE(page.entries[0].is_directory);
  EXPECT_EQ(page.entries[0].etag, ETag("0x8DE4C440D91F5CE"));
  EXPECT_EQ(page.entries[0].metadata, std::nullopt);
}

TEST(BlobList, DecodesNamesThatXmlCannotHold) {
  const BlobListPage page = Parse(
      "<Blob><Name Encoded=\"true\">a%EF%BF%BE%2F100%25</Name>"
      "<Properties><Content-Length>1</Content-Length></Properties></Blob>");
  ASSERT_EQ(page.entries.size(), 1U);
  EXPECT_EQ(page.entries[0].name, "a\xEF\xBF\xBE/100%");
}

TEST(BlobList, KeepsANameThatIsASpace) {
  const BlobListPage page = Parse(
      "<Blob><Name> </Name><Properties><Content-Length>1</Content-Length></Properties></Blob>");
  ASSERT_EQ(page.entries.size(), 1U);
  EXPECT_EQ(page.entries[0].name, " ");
}

TEST(BlobList, ABlobWithoutMetadataElementHasNoneRatherThanUnknownMetadata) {
  const BlobListPage page = Parse(
      "<Blob><Name>a</Name><Properties><Content-Length>1</Content-Length></Properties></Blob>");
  EXPECT_EQ(page.entries.at(0).metadata, MetadataMap{});
}

TEST(BlobList, AnEmptyPageMayGoOn) {
  const BlobListPage page =
      Parse("", "</Blobs><NextMarker>2!72!MDAw+/=</NextMarker></EnumerationResults>");
  EXPECT_TRUE(page.entries.empty());
  EXPECT_EQ(page.next_marker, "2!72!MDAw+/=");
}

TEST(BlobList, RefusesWhatIsNotAListing) {
  for (const char* text :
       {"", "{\"paths\":[]}", "<html><body>proxy</body></html>", "<EnumerationResults><Blobs>"}) {
    const auto page = ParseBlobList(text);
    ASSERT_FALSE(page) << text;
    EXPECT_EQ(page.error().code, ErrorCode::kCorrupt) << text;
  }
}

TEST(BlobList, AFileWhoseLengthIsNotToldIsNotEmpty) {
  for (const char* length : {"", "<Content-Length/>", "<Content-Length>-1</Content-Length>",
                             "<Content-Length>9223372036854775808</Content-Length>",
                             "<Content-Length>18446744073709551616</Content-Length>"}) {
    const auto page = ParseBlobList(std::string(kHead) + "<Blob><Name>a</Name><Properties>" +
                                    length + "</Properties></Blob></Blobs></EnumerationResults>");
    ASSERT_FALSE(page) << length;
    EXPECT_EQ(page.error().code, ErrorCode::kCorrupt) << length;
  }
}

TEST(BlobList, RefusesAnEntryWithoutAName) {
  EXPECT_FALSE(ParseBlobList(std::string(kHead) + "<Blob></Blob></Blobs></EnumerationResults>"));
}

}  // namespace
}  // namespace skybridge::azure
