// The limits that Azure Storage documents, each at its edge.
#include "tests/localcloud/azure_limits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/encoding.h"
#include "tests/unit/localcloud/azure_caller.h"

namespace skybridge::localcloud::testing {
namespace {

using azure::kMebibyte;
using azure::MaxBodyBytes;
using azure::Operation;

class AzureLimits : public ::testing::Test {
 protected:
  Response Send(const std::string& method, const std::string& target, std::string body = "",
                HeaderList headers = {}) {
    return caller_.Send(
        method, target,
        {.account = kAzureEmulatorAccount, .body = std::move(body), .headers = std::move(headers)});
  }
  Response Put(const std::string& name, std::string body, HeaderList headers = {}) {
    headers.emplace_back("x-ms-blob-type", "BlockBlob");
    return Send("PUT", "/box/" + name, std::move(body), std::move(headers));
  }
  Response PutBlock(const std::string& name, const std::string& id, std::string body) {
    return Send("PUT", "/box/" + name + "?comp=block&blockid=" + PercentEncode(id),
                std::move(body));
  }
  // A block list that names one block many times.
  Response PutBlockList(const std::string& name, const std::string& id, int count) {
    std::string list = "<BlockList>";
    for (int i = 0; i < count; ++i) list += "<Latest>" + id + "</Latest>";
    return Send("PUT", "/box/" + name + "?comp=blocklist", list + "</BlockList>");
  }

  AzureCaller caller_;
};

TEST_F(AzureLimits, OfOneBodyDependOnOperationAndVersion) {
  EXPECT_EQ(MaxBodyBytes(Operation::kPutBlob, "2023-11-03"), 5000 * kMebibyte);
  EXPECT_EQ(MaxBodyBytes(Operation::kPutBlob, "2019-07-07"), 256 * kMebibyte);
  EXPECT_EQ(MaxBodyBytes(Operation::kPutBlob, "2015-12-11"), 64 * kMebibyte);
  for (const Operation operation : {Operation::kPutBlock, Operation::kAppend}) {
    EXPECT_EQ(MaxBodyBytes(operation, "2019-12-12"), 4000 * kMebibyte);
    EXPECT_EQ(MaxBodyBytes(operation, "2019-07-07"), 100 * kMebibyte);
    EXPECT_EQ(MaxBodyBytes(operation, "2015-12-11"), 4 * kMebibyte);
  }
}

TEST_F(AzureLimits, OfABodyAreJudgedByWhatTheRequestSaysItSends) {
  caller_.CreateFile("f", "");
  const auto code = [&](const std::string& target, std::uint64_t size, const std::string& version) {
    Request request =
        caller_.MakeRequest("PATCH", target, {.headers = {{"x-ms-version", version}}});
    request.headers.Set("Content-Length", std::to_string(size));
    caller_.Sign(request, "lake");
    const Response response = caller_.SendRequest(request);
    return fmt::format("{} {}", response.status, CodeOf(response));
  };
  const std::string append = "/fs/f?action=append&position=0";
  EXPECT_EQ(code(append, 4000 * kMebibyte + 1, "2023-11-03"), "413 RequestBodyTooLarge");
  EXPECT_EQ(code(append, 100 * kMebibyte + 1, "2019-07-07"), "413 RequestBodyTooLarge");
  EXPECT_NE(code(append, 4000 * kMebibyte, "2023-11-03"), "413 RequestBodyTooLarge");
}

TEST_F(AzureLimits, OfBlockIdsAreSixtyFourBytes) {
  const auto id = [](std::size_t size) { return Base64Encode(AsBytes(std::string(size, 'i'))); };
  EXPECT_EQ(PutBlock("b", id(64), "x").status, 201);
  EXPECT_EQ(CodeOf(PutBlock("c", id(65), "x")), "InvalidQueryParameterValue");
  EXPECT_EQ(CodeOf(PutBlock("c", "", "x")), "InvalidQueryParameterValue");
  EXPECT_EQ(CodeOf(PutBlock("c", "not base64", "x")), "InvalidQueryParameterValue");
}

TEST_F(AzureLimits, OfABlobAreFiftyThousandBlocks) {
  PutBlock("b", "QQ==", "x");
  const Response refused = PutBlockList("b", "QQ==", 50'001);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(CodeOf(refused), "BlockCountExceedsLimit");
  EXPECT_EQ(PutBlockList("b", "QQ==", 50'000).status, 201);
  EXPECT_EQ(Send("HEAD", "/box/b").headers.Get("Content-Length"), "");
  EXPECT_EQ(BodyOf(Send("GET", "/box/b")).size(), 50'000U);
}

TEST(AzureLimitOptions, BoundTheBlocksThatWaitForTheirList) {
  EXPECT_EQ(azure::LimitOptions().uncommitted_blocks, 100'000U);
  AzureCaller caller(azure::LimitOptions{.uncommitted_blocks = 3});
  const auto put = [&](const std::string& name, int number) {
    return caller.Send("PUT",
                       fmt::format("/box/{}?comp=block&blockid={}", name,
                                   PercentEncode(Base64Encode(AsBytes(std::to_string(number))))),
                       {.account = kAzureEmulatorAccount, .body = "x"});
  };
  for (const int number : {1, 2, 3}) EXPECT_EQ(put("b", number).status, 201);
  const Response refused = put("b", 4);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(CodeOf(refused), "BlockCountExceedsLimit");
  EXPECT_EQ(put("b", 3).status, 201) << "one of them, sent again";
  EXPECT_EQ(put("other", 4).status, 201);
}

TEST_F(AzureLimits, OfMetadataAreEightKibibytesEverywhere) {
  // "k" and its value.
  const HeaderList fits{{"x-ms-meta-k", std::string(8191, 'v')}};
  const HeaderList over{{"x-ms-meta-k", std::string(8192, 'v')}};
  EXPECT_EQ(Put("b", "x", fits).status, 201);
  EXPECT_EQ(CodeOf(Put("b", "x", over)), "MetadataTooLarge");
  EXPECT_EQ(Send("PUT", "/box/b?comp=metadata", "", fits).status, 200);
  EXPECT_EQ(CodeOf(Send("PUT", "/box/b?comp=metadata", "", over)), "MetadataTooLarge");
  EXPECT_EQ(CodeOf(Send("PUT", "/new?restype=container", "", over)), "MetadataTooLarge");
  const auto properties = [](std::size_t size) {
    return HeaderList{{"x-ms-properties", "k=" + Base64Encode(AsBytes(std::string(size, 'v')))}};
  };
  const std::string file = "/fs/f?resource=file";
  EXPECT_EQ(caller_.Send("PUT", file, {.headers = properties(8191)}).status, 201);
  EXPECT_EQ(CodeOf(caller_.Send("PUT", file, {.headers = properties(8192)})), "MetadataTooLarge");
  EXPECT_EQ(CodeOf(caller_.Send("PUT", "/jobs", {.headers = over, .queue = true})),
            "MetadataTooLarge");
}

TEST_F(AzureLimits, OfMetadataNamesAreThoseOfIdentifiers) {
  for (const char* name : {"1a", "a-b", "a.b", "a b"}) {
    EXPECT_EQ(CodeOf(Put("b", "x", {{std::string("x-ms-meta-") + name, "v"}})), "InvalidMetadata")
        << name;
  }
  EXPECT_EQ(Put("b", "x", {{"x-ms-meta-_A1", "v"}}).status, 201);
}

TEST_F(AzureLimits, OfARangeWithADigestAreFourMebibytes) {
  Put("b", std::string(5 * kMebibyte, 'x'));
  for (const char* digest : {"x-ms-range-get-content-md5", "x-ms-range-get-content-crc64"}) {
    const auto get = [&](std::uint64_t size) {
      return Send("GET", "/box/b", "",
                  {{"x-ms-range", fmt::format("bytes=0-{}", size - 1)}, {digest, "true"}});
    };
    EXPECT_EQ(get(4 * kMebibyte).status, 206) << digest;
    EXPECT_EQ(CodeOf(get(4 * kMebibyte + 1)), "OutOfRangeInput") << digest;
    EXPECT_EQ(CodeOf(Send("GET", "/box/b", "", {{digest, "true"}})), "InvalidHeaderValue");
  }
}

TEST_F(AzureLimits, OfPagesAreFiveThousand) {
  const std::string blobs = "/box?restype=container&comp=list&maxresults=";
  EXPECT_EQ(Send("GET", blobs + "5000").status, 200);
  EXPECT_EQ(Send("GET", blobs + "5001").status, 200) << "cut to 5000";
  EXPECT_EQ(CodeOf(Send("GET", blobs + "0")), "OutOfRangeQueryParameterValue");
  EXPECT_EQ(CodeOf(Send("GET", blobs + "many")), "InvalidQueryParameterValue");
  const std::string paths = "/fs?resource=filesystem&recursive=true&maxResults=";
  EXPECT_EQ(caller_.Send("GET", paths + "5000").status, 200);
  EXPECT_EQ(caller_.Send("GET", paths + "5001").status, 200);
  for (const char* size : {"0", "-1"})
    EXPECT_EQ(CodeOf(caller_.Send("GET", paths + size)), "OutOfRangeQueryParameterValue") << size;
}

TEST_F(AzureLimits, OfContainerNames) {
  const auto code = [&](const std::string& name) {
    return CodeOf(Send("PUT", "/" + name + "?restype=container"));
  };
  EXPECT_EQ(code("abc"), "");
  EXPECT_EQ(code(std::string(63, 'a')), "");
  EXPECT_EQ(code("$web"), "");
  EXPECT_EQ(code("0-9"), "");
  EXPECT_EQ(code("ab"), "OutOfRangeInput");
  EXPECT_EQ(code(std::string(64, 'a')), "OutOfRangeInput");
  for (const char* name : {"Abc", "a_c", "-bc", "ab-", "a--c", "a.c", "$abc"}) {
    EXPECT_EQ(code(name), "InvalidResourceName") << name;
  }
}

TEST_F(AzureLimits, OfNamesAreCountedInUtf16Units) {
  const auto of = [](const std::string& unit, int count) {
    std::string name;
    for (int i = 0; i < count; ++i) name += unit;
    return PercentEncode(name);
  };
  EXPECT_EQ(Put(of("n", 1024), "x").status, 201);
  EXPECT_EQ(CodeOf(Put(of("n", 1025), "x")), "InvalidResourceName");
  EXPECT_EQ(Put(of("\xE2\x98\x82", 1024), "x").status, 201) << "one unit, three bytes";
  EXPECT_EQ(Put(of("\xF0\x9F\x8C\x82", 512), "x").status, 201) << "a surrogate pair";
  EXPECT_EQ(CodeOf(Put(of("\xF0\x9F\x8C\x82", 513), "x")), "InvalidResourceName");
  EXPECT_EQ(CodeOf(Put("a%7Fb", "x")), "InvalidUri");
}

TEST_F(AzureLimits, OfDepthDependOnTheKindOfAccount) {
  const auto deep = [](int segments) {
    std::string path = "d";
    for (int i = 1; i < segments; ++i) path += "/d";
    return path;
  };
  EXPECT_EQ(caller_.Send("PUT", "/fs/" + deep(61) + "?resource=directory").status, 201);
  EXPECT_EQ(CodeOf(caller_.Send("PUT", "/fs/" + deep(62) + "?resource=directory")),
            "PathIsTooDeep");
  EXPECT_EQ(Put(deep(254), "x").status, 201);
  EXPECT_EQ(CodeOf(Put(deep(255), "x")), "InvalidUri");
}

// `part` with a %d for its number.
Response Batch(AzureCaller& caller, int parts, const std::string& first, const std::string& rest) {
  std::string body;
  for (int i = 0; i < parts; ++i) {
    body += fmt::format(
        "--b\r\nContent-Type: application/http\r\nContent-ID: {}\r\n\r\n{} HTTP/1.1\r\n\r\n", i,
        i == 0 ? first : rest);
  }
  return caller.Send("POST", "/box?restype=container&comp=batch",
                     {.account = kAzureEmulatorAccount,
                      .body = body + "--b--\r\n",
                      .headers = {{"Content-Type", "multipart/mixed; boundary=b"}}});
}

TEST_F(AzureLimits, OfABatchAre256PartsOfOneKind) {
  const std::string remove = "DELETE /devstoreaccount1/box/x";
  const std::string tier = "PUT /devstoreaccount1/box/x?comp=tier";
  EXPECT_EQ(Batch(caller_, 256, remove, remove).status, 202);
  EXPECT_EQ(CodeOf(Batch(caller_, 257, remove, remove)), "InvalidInput");
  EXPECT_EQ(Batch(caller_, 2, tier, tier).status, 202);
  EXPECT_EQ(CodeOf(Batch(caller_, 2, remove, tier)), "InvalidInput");
  EXPECT_EQ(CodeOf(Batch(caller_, 1, "GET /devstoreaccount1/box/x", remove)), "InvalidInput");
  EXPECT_EQ(CodeOf(Send("POST", "/box?restype=container&comp=batch",
                        std::string(4 * kMebibyte + 1, 'x'))),
            "RequestBodyTooLarge");
}

TEST_F(AzureLimits, OfASynchronousCopyAre256Mebibytes) {
  PutBlock("from", "QQ==", std::string(8 * kMebibyte, 'x'));
  const auto copy = [&] {
    return Send("PUT", "/box/to", "",
                {{"x-ms-copy-source", "http://127.0.0.1:10000/devstoreaccount1/box/from"},
                 {"x-ms-requires-sync", "true"}});
  };
  EXPECT_EQ(PutBlockList("from", "QQ==", 33).status, 201);
  EXPECT_EQ(CodeOf(copy()), "CannotVerifyCopySource");
  PutBlock("from", "QQ==", std::string(8 * kMebibyte, 'x'));
  EXPECT_EQ(PutBlockList("from", "QQ==", 32).status, 201);
  EXPECT_EQ(copy().status, 202);
}

}  // namespace
}  // namespace skybridge::localcloud::testing
