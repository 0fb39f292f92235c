// Signatures at a fixed instant: each agrees with the official JavaScript client's policy.
#include "backends/azure/shared_key.h"

#include <gtest/gtest.h>

#include "core/encoding.h"

namespace skybridge::azure {
namespace {

constexpr std::string_view kAccount = "devstoreaccount1";
// The key that the storage emulator documents for its one account.
constexpr std::string_view kEmulatorKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
constexpr std::string_view kDfsFile =
    "https://devstoreaccount1.dfs.core.windows.net/fs1/dir%20one/f.bin";
constexpr std::string_view kCommonHeaders = "x-ms-date:Mon, 05 Jan 2026 10:20:30 GMT\n";

struct Vector {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

HttpRequest MakeRequest(const Vector& vector) {
  HttpRequest request{.method = vector.method, .url = vector.url, .body = AsBytes(vector.body)};
  request.headers.Add("x-ms-version", "2023-11-03");
  request.headers.Add("x-ms-date", "Mon, 05 Jan 2026 10:20:30 GMT");
  for (const auto& [name, value] : vector.headers) request.headers.Add(name, value);
  return request;
}

void ExpectSigned(const Vector& vector, std::string_view string_to_sign,
                  std::string_view signature) {
  HttpRequest request = MakeRequest(vector);
  EXPECT_EQ(StringToSign(request, kAccount), string_to_sign);
  const auto credential = SharedKeyCredential::Make(std::string(kAccount), kEmulatorKey);
  ASSERT_TRUE(credential);
  ASSERT_TRUE((*credential)->Authorize(request, {}));
  EXPECT_EQ(request.headers.Get("Authorization"),
            "SharedKey devstoreaccount1:" + std::string(signature));
}

TEST(SharedKey, SignsContainerCreationOnPathStyleUrl) {
  const Vector vector{
      "PUT", "http://127.0.0.1:10000/devstoreaccount1/demo?restype=container", {}, ""};
  ExpectSigned(
      vector,
      "PUT\n\n\n\n\n\n\n\n\n\n\n\n" + std::string(kCommonHeaders) +
          "x-ms-version:2023-11-03\n/devstoreaccount1/devstoreaccount1/demo\nrestype:container",
      "jKvBzPO+0qKJrrQF91EEHARFO27R9Tpl6zu44+bhZ5g=");
}

TEST(SharedKey, SignsBodyLengthContentTypeAndEncodedPath) {
  const Vector vector{"PUT",
                      "http://127.0.0.1:10000/devstoreaccount1/demo/dir%20one/a%2Bb.txt",
                      {{"Content-Type", "text/plain"},
                       {"x-ms-blob-type", "BlockBlob"},
                       {"x-ms-meta-mtime", "2026-01-05T10:20:30.000000000Z"}},
                      "hello\n"};
  ExpectSigned(vector,
               "PUT\n\n\n6\n\ntext/plain\n\n\n\n\n\n\nx-ms-blob-type:BlockBlob\n" +
                   std::string(kCommonHeaders) +
                   "x-ms-meta-mtime:2026-01-05T10:20:30.000000000Z\nx-ms-version:2023-11-03\n"
                   "/devstoreaccount1/devstoreaccount1/demo/dir%20one/a%2Bb.txt",
               "VNWUBfxy16AYcI4keaY7oOjBDpln3B2QWGYpq4kBfZw=");
}

TEST(SharedKey, SignsDecodedQuerySortedByName) {
  const Vector vector{
      "GET",
      "https://devstoreaccount1.blob.core.windows.net/"
      "demo?restype=container&comp=list&prefix=dir%20one%2F&include=metadata&delimiter=%2F",
      {},
      ""};
  ExpectSigned(vector,
               "GET\n\n\n\n\n\n\n\n\n\n\n\n" + std::string(kCommonHeaders) +
                   "x-ms-version:2023-11-03\n/devstoreaccount1/demo\ncomp:list\ndelimiter:/\n"
                   "include:metadata\nprefix:dir one/\nrestype:container",
               "4oiPd8Apknvy0YloFgpqJsxmMeT8q/70Dm/pxx2tknk=");
}

TEST(SharedKey, SignsIfNoneMatchOfAPathCreation) {
  const Vector vector{
      "PUT",
      std::string(kDfsFile) + "?resource=file",
      {{"If-None-Match", "*"}, {"x-ms-permissions", "0640"}, {"x-ms-umask", "0022"}},
      ""};
  ExpectSigned(vector,
               "PUT\n\n\n\n\n\n\n\n\n*\n\n\n" + std::string(kCommonHeaders) +
                   "x-ms-permissions:0640\nx-ms-umask:0022\nx-ms-version:2023-11-03\n"
                   "/devstoreaccount1/fs1/dir%20one/f.bin\nresource:file",
               "kkdb6pYiWst5T7ZU7IjHpmGBR/meSG4UmN9aXY2PQRE=");
}

TEST(SharedKey, SignsContentMd5OfAnAppend) {
  const Vector vector{
      "PATCH",
      std::string(kDfsFile) + "?action=append&position=0",
      {{"Content-Type", "application/octet-stream"}, {"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}},
      "hello"};
  ExpectSigned(vector,
               "PATCH\n\n\n5\nXUFAKrxLKna5cZ2REBfFkg==\napplication/octet-stream\n\n\n\n\n\n\n" +
                   std::string(kCommonHeaders) +
                   "x-ms-version:2023-11-03\n/devstoreaccount1/fs1/dir%20one/"
                   "f.bin\naction:append\nposition:0",
               "P4nmWxyEV2Vx8cWXspu72VuE/0SoQlVr4G4+9Y1t0qs=");
}

TEST(SharedKey, SignsIfMatchWithItsQuotes) {
  const Vector vector{
      "PATCH",
      std::string(kDfsFile) + "?action=flush&position=5&close=true&retainUncommittedData=false",
      {{"If-Match", "\"0x8DE4C46D2A9E3F0\""}},
      ""};
  ExpectSigned(vector,
               "PATCH\n\n\n\n\n\n\n\n\"0x8DE4C46D2A9E3F0\"\n\n\n\n" + std::string(kCommonHeaders) +
                   "x-ms-version:2023-11-03\n/devstoreaccount1/fs1/dir%20one/"
                   "f.bin\naction:flush\nclose:true\n"
                   "position:5\nretainuncommitteddata:false",
               "ftI7Rp1KAw+19MhGB9SjqqBkQK2C4rkHuqRLjlQ9lZc=");
}

TEST(SharedKey, SignsRenameSource) {
  const Vector vector{"PUT",
                      "https://devstoreaccount1.dfs.core.windows.net/fs1/new.bin?mode=legacy",
                      {{"x-ms-rename-source", "/fs1/dir%20one/f.bin"}},
                      ""};
  ExpectSigned(vector,
               "PUT\n\n\n\n\n\n\n\n\n\n\n\n" + std::string(kCommonHeaders) +
                   "x-ms-rename-source:/fs1/dir%20one/f.bin\nx-ms-version:2023-11-03\n"
                   "/devstoreaccount1/fs1/new.bin\nmode:legacy",
               "jCh4Eg723K1s8utRVKo9rt+RfOVTIclbEIWCyP7soUQ=");
}

TEST(SharedKey, SignsLowerCaseParameterNamesAndDecodedContinuation) {
  const Vector vector{
      "GET",
      "https://devstoreaccount1.dfs.core.windows.net/fs1?resource=filesystem&recursive=false"
      "&directory=dir%20one&maxResults=5000&continuation=AbC%2Bd%3D%3D",
      {},
      ""};
  ExpectSigned(vector,
               "GET\n\n\n\n\n\n\n\n\n\n\n\n" + std::string(kCommonHeaders) +
                   "x-ms-version:2023-11-03\n/devstoreaccount1/"
                   "fs1\ncontinuation:AbC+d==\ndirectory:dir one\n"
                   "maxresults:5000\nrecursive:false\nresource:filesystem",
               "NLLQPniGaIrl+8kOw4ssNQ9yUswiBKeGfVmvg7uBSNg=");
}

TEST(SharedKey, SortsUnderscoreBeforeDigitsInMetadataNames) {
  const Vector vector{"PUT",
                      "https://devstoreaccount1.blob.core.windows.net/demo/x?comp=metadata",
                      {{"x-ms-meta-a1", "2"}, {"x-ms-meta-a_b", "1"}},
                      ""};
  ExpectSigned(vector,
               "PUT\n\n\n\n\n\n\n\n\n\n\n\n" + std::string(kCommonHeaders) +
                   "x-ms-meta-a_b:1\nx-ms-meta-a1:2\nx-ms-version:2023-11-03\n/devstoreaccount1/"
                   "demo/x\ncomp:metadata",
               "6muDECnh9NHGBe6AZ0qPxUDTluOyC3EYtVnioGg5kzs=");
}

TEST(SharedKey, SignsRangeHeader) {
  const Vector vector{"GET",
                      std::string(kDfsFile),
                      {{"Range", "bytes=0-4194303"}, {"x-ms-range-get-content-md5", "true"}},
                      ""};
  ExpectSigned(vector,
               "GET\n\n\n\n\n\n\n\n\n\n\nbytes=0-4194303\n" + std::string(kCommonHeaders) +
                   "x-ms-range-get-content-md5:true\nx-ms-version:2023-11-03\n"
                   "/devstoreaccount1/fs1/dir%20one/f.bin",
               "FA5popcreC25Dh8awcZodn1MZt+m5BQ1Jncs23+fZbM=");
}

TEST(SharedKey, SortsNamesThatDifferOnlyInHyphensByHyphenPosition) {
  EXPECT_TRUE(SortsBefore("x-ms-meta-ab", "x-ms-meta-a-b"));
  EXPECT_FALSE(SortsBefore("x-ms-meta-a-b", "x-ms-meta-ab"));
  EXPECT_TRUE(SortsBefore("x-ms-meta-ab-c", "x-ms-meta-a-bc"));
  EXPECT_FALSE(SortsBefore("x-ms-meta-a", "x-ms-meta-a"));
}

TEST(SharedKey, JoinsRepeatedParametersInOrder) {
  const HttpRequest request =
      MakeRequest({"GET", "https://h/c?include=tags&include=copy&flag", {}, ""});
  EXPECT_TRUE(StringToSign(request, "acct").ends_with("/acct/c\nflag:\ninclude:copy,tags"));
}

TEST(SharedKey, RefusesAKeyThatIsNotBase64) {
  const auto credential = SharedKeyCredential::Make("acct", "not base64!");
  ASSERT_FALSE(credential);
  EXPECT_EQ(credential.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(credential.error().message.find("not base64!"), std::string::npos);
}

}  // namespace
}  // namespace skybridge::azure
