#include "core/uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skybridge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

AzureUri Azure(std::string_view text) {
  const auto uri = ParseUri(text);
  EXPECT_TRUE(uri) << uri.error().message;
  return uri ? std::get<AzureUri>(*uri) : AzureUri{};
}

std::string ErrorOf(std::string_view text) {
  const auto location = ParseLocation(text);
  EXPECT_FALSE(location) << text << " was accepted";
  if (location) return {};
  EXPECT_EQ(location.error().code, ErrorCode::kInvalidArgument);
  return location.error().message;
}

TEST(Uri, ReadsAbfssWithBothEndpoints) {
  const AzureUri uri = Azure("abfss://raw@contoso.dfs.core.windows.net/a/b c/");
  EXPECT_EQ(uri.account, "contoso");
  EXPECT_EQ(uri.container, "raw");
  EXPECT_EQ(uri.path.path, "a/b c");
  EXPECT_EQ(uri.dfs_endpoint, "https://contoso.dfs.core.windows.net");
  EXPECT_EQ(uri.blob_endpoint, "https://contoso.blob.core.windows.net");
}

TEST(Uri, ReadsEveryAzureSpellingAsTheSamePlace) {
  const AzureUri expected = Azure("abfss://raw@contoso.dfs.core.windows.net/a/b");
  EXPECT_EQ(Azure("abfs://raw@contoso.dfs.core.windows.net/a/b"), expected);
  EXPECT_EQ(Azure("wasbs://raw@contoso.blob.core.windows.net/a/b"), expected);
  EXPECT_EQ(Azure("wasb://raw@contoso.blob.core.windows.net/a/b/"), expected);
  EXPECT_EQ(Azure("https://contoso.dfs.core.windows.net/raw/a/b"), expected);
  EXPECT_EQ(Azure("https://contoso.blob.core.windows.net/raw/a/b"), expected);
}

TEST(Uri, KeepsSovereignSuffixesAndDnsZones) {
  EXPECT_EQ(Azure("abfss://raw@contoso.dfs.core.chinacloudapi.cn/").blob_endpoint,
            "https://contoso.blob.core.chinacloudapi.cn");
  const AzureUri zone = Azure("https://contoso.z01.blob.storage.azure.net/raw");
  EXPECT_EQ(zone.account, "contoso");
  EXPECT_EQ(zone.dfs_endpoint, "https://contoso.z01.dfs.storage.azure.net");
}

TEST(Uri, PercentDecodesHttpsPathsOnly) {
  EXPECT_EQ(Azure("https://contoso.dfs.core.windows.net/raw/a%20b").path.path, "a b");
  EXPECT_EQ(Azure("abfss://raw@contoso.dfs.core.windows.net/a%20b").path.path, "a%20b");
}

TEST(Uri, ReadsPathStyleEmulator) {
  const AzureUri uri = Azure("http://127.0.0.1:10000/devstoreaccount1/data/x");
  EXPECT_EQ(uri.account, "devstoreaccount1");
  EXPECT_EQ(uri.container, "data");
  EXPECT_EQ(uri.path.path, "x");
  EXPECT_EQ(uri.dfs_endpoint, "http://127.0.0.1:10000/devstoreaccount1");
  EXPECT_EQ(uri.blob_endpoint, uri.dfs_endpoint);
  EXPECT_EQ(ToString(uri), "http://127.0.0.1:10000/devstoreaccount1/data/x");
}

TEST(Uri, ReadsOciWithAndWithoutRegion) {
  const auto plain = ParseUri("oci://lake@mynamespace/a/b");
  ASSERT_TRUE(plain);
  EXPECT_EQ(std::get<OciUri>(*plain), (OciUri{"lake", "mynamespace", "", ObjectKey("a/b")}));
  const auto region = ParseUri("oci://lake@mynamespace.us-ashburn-1");
  ASSERT_TRUE(region);
  EXPECT_EQ(std::get<OciUri>(*region),
            (OciUri{"lake", "mynamespace", "us-ashburn-1", ObjectKey()}));
}

TEST(Uri, ReadsFileUris) {
  const auto uri = ParseUri("file:///srv/my%20data");
  ASSERT_TRUE(uri);
  EXPECT_EQ(std::get<LocalDirectory>(*uri).path, "/srv/my data");
}

TEST(Uri, TextOfAUriReadsBackAsTheSameUri) {
  for (const char* text :
       {"abfss://raw@contoso.dfs.core.windows.net/a/b", "oci://lake@ns.us-ashburn-1/x",
        "oci://lake@ns/", "http://127.0.0.1:10000/devstoreaccount1/data/x"}) {
    const auto uri = ParseUri(text);
    ASSERT_TRUE(uri);
    EXPECT_EQ(ToString(*uri), text);
  }
}

TEST(Uri, SaysWhatIsWrong) {
  EXPECT_THAT(ErrorOf("s3://bucket/x"), HasSubstr("'s3' is not a scheme that skybridge knows"));
  EXPECT_THAT(ErrorOf("s3://bucket/x"), HasSubstr("abfss://FILESYSTEM@ACCOUNT"));
  EXPECT_THAT(ErrorOf("abfss://contoso.dfs.core.windows.net/x"),
              HasSubstr("lacks the file system before '@'"));
  EXPECT_THAT(ErrorOf("abfss://raw@contoso/x"), HasSubstr("'contoso' is not ACCOUNT.dfs.SUFFIX"));
  EXPECT_THAT(ErrorOf("abfss://raw@contoso.dfs.core.windows.ne#t/x"),
              HasSubstr("no query or fragment"));
  EXPECT_THAT(ErrorOf("abfss://raw@contoso.dfs.core.win dows.net/x"),
              HasSubstr("'contoso.dfs.core.win dows.net' is not ACCOUNT.dfs.SUFFIX"));
  EXPECT_THAT(ErrorOf("abfss://raw@Contoso.dfs.core.windows.net/x"),
              HasSubstr("is not a storage account name"));
  EXPECT_THAT(ErrorOf("abfss://a--b@contoso.dfs.core.windows.net/"),
              HasSubstr("is not a file system"));
  EXPECT_THAT(ErrorOf("https://contoso.dfs.core.windows.net/"), HasSubstr("lacks the file system"));
  EXPECT_THAT(ErrorOf("http://contoso.dfs.core.windows.net/raw"), HasSubstr("plain http"));
  EXPECT_THAT(ErrorOf("oci://lake/x"), HasSubstr("lacks the namespace"));
  EXPECT_THAT(ErrorOf("oci://@ns/x"), HasSubstr("is not a bucket name"));
  EXPECT_THAT(ErrorOf("oci://lake@/x"), HasSubstr("is not an Object Storage namespace"));
  EXPECT_THAT(ErrorOf("file://host/x"), HasSubstr("file:///DIR"));
  EXPECT_THAT(ErrorOf("oci://lake@ns/a/../b"), HasSubstr("part '..'"));
  EXPECT_THAT(ErrorOf("oci://lake@ns/a//b"), HasSubstr("empty part"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("is empty"));
}

TEST(Uri, NeverRepeatsASasToken) {
  for (const std::string place :
       {"https://contoso.dfs.core.windows.net/raw/x", "https://contoso.dfs.core.windows.net",
        "abfss://raw@contoso.dfs.core.windows.net", "abfss://contoso.dfs.core.windows.net",
        "oci://lake@ns", "oci://lake"}) {
    const std::string message = ErrorOf(place + "?sv=2023&sig=SECRET");
    EXPECT_THAT(message, Not(HasSubstr("SECRET")));
    EXPECT_THAT(message, HasSubstr("AZURE_STORAGE_SAS_TOKEN"));
  }
}

TEST(Location, TellsRemotesFromDirectories) {
  EXPECT_EQ(*ParseLocation("azure:a/b/"), Location(RemotePath{"azure", ObjectKey("a/b")}));
  EXPECT_EQ(*ParseLocation("azure:/a"), Location(RemotePath{"azure", ObjectKey("a")}));
  EXPECT_EQ(*ParseLocation("azure:"), Location(RemotePath{"azure", ObjectKey()}));
  EXPECT_EQ(*ParseLocation("data"), Location(LocalDirectory{"data"}));
  EXPECT_EQ(*ParseLocation("./a:b"), Location(LocalDirectory{"./a:b"}));
  EXPECT_EQ(*ParseLocation("/srv/x"), Location(LocalDirectory{"/srv/x"}));
  EXPECT_THAT(ErrorOf("a b:c"), HasSubstr("for a directory write ./a b:c"));
}

TEST(Location, ABareWordIsARemoteWhereDirectoriesMakeNoSense) {
  EXPECT_EQ(*ParseRemoteLocation("azure"), Location(RemotePath{"azure", ObjectKey()}));
  EXPECT_EQ(*ParseRemoteLocation("./azure"), Location(LocalDirectory{"./azure"}));
}

TEST(ParseKey, DropsSlashesAtBothEndsAndRefusesControlBytes) {
  EXPECT_EQ(ParseKey("/a/b/")->path, "a/b");
  EXPECT_EQ(ParseKey("/")->path, "");
  EXPECT_FALSE(ParseKey("a\nb"));
}

TEST(Uri, AnEmulatorsPathIsWrittenAsItIsRead) {
  const AzureUri uri = Azure("http://127.0.0.1:10000/devstoreaccount1/raw/a%2541%20b/c");
  EXPECT_EQ(uri.path.path, "a%41 b/c");
  EXPECT_EQ(ToString(uri), "http://127.0.0.1:10000/devstoreaccount1/raw/a%2541%20b/c");
  EXPECT_EQ(Azure(ToString(uri)), uri);
}

TEST(Uri, APreAuthenticatedRequestIsASecretAndNotRepeated) {
  const auto uri =
      ParseLocation("https://objectstorage.us-ashburn-1.oraclecloud.com/p/S3cret/n/ns/b/lake/o/");
  ASSERT_FALSE(uri);
  EXPECT_EQ(uri.error().message.find("S3cret"), std::string::npos);
  EXPECT_NE(uri.error().message.find("auth.url"), std::string::npos) << uri.error().message;
}

}  // namespace
}  // namespace skybridge
