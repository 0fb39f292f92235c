// Listings of both protocols: order, pages, what an entry shows.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "core/encoding.h"
#include "tests/unit/localcloud/azure_caller.h"

namespace skybridge::localcloud::testing {
namespace {

using Names = std::vector<std::string>;

class AzureListing : public ::testing::Test {
 protected:
  void PutBlob(const std::string& target, const std::string& account, HeaderList headers = {}) {
    headers.emplace_back("x-ms-blob-type", "BlockBlob");
    EXPECT_EQ(
        caller_.Send("PUT", target, {.account = account, .body = "x", .headers = headers}).status,
        201);
  }
  // Names of blobs and prefixes of a Blob listing, all its pages.
  Names ListBlobs(const std::string& container, const std::string& account,
                  const std::string& query, int page = 5000) {
    Names names;
    std::string marker;
    do {
      std::string target =
          container + "?restype=container&comp=list&maxresults=" + std::to_string(page) + query;
      if (!marker.empty()) target += "&marker=" + PercentEncode(marker);
      const Response response = caller_.Send("GET", target, {.account = account});
      EXPECT_EQ(response.status, 200) << response.body;
      pugi::xml_document document;
      if (!document.load_buffer(response.body.data(), response.body.size())) return {"not XML"};
      const pugi::xml_node root = document.child("EnumerationResults");
      int count = 0;
      for (const pugi::xml_node& entry : root.child("Blobs").children()) {
        names.emplace_back(entry.child_value("Name"));
        ++count;
      }
      EXPECT_LE(count, page);
      marker = root.child_value("NextMarker");
    } while (!marker.empty());
    return names;
  }

  AzureCaller caller_;
};

TEST_F(AzureListing, ShowsParentsBeforeChildrenInPagesOfAnySize) {
  for (const char* path : {"a", "a.txt", "b/1", "b/sub/2", "b/sub.x", "b!", "c/d/e/f"})
    caller_.CreateFile(path, "");
  const Names all{"a",       "a.txt", "b", "b/1", "b/sub", "b/sub/2",
                  "b/sub.x", "b!",    "c", "c/d", "c/d/e", "c/d/e/f"};
  for (const int page : {1, 2, 3, 5, 12, 5000})
    EXPECT_EQ(caller_.List("", true, page), all) << page;
  for (const int page : {1, 2, 5000})
    EXPECT_EQ(caller_.List("", false, page), (Names{"a", "a.txt", "b", "b!", "c"}));
  for (const int page : {1, 5000})
    EXPECT_EQ(caller_.List("b", false, page), (Names{"b/1", "b/sub", "b/sub.x"}));
  EXPECT_EQ(caller_.List("c/d", true, 1), (Names{"c/d/e", "c/d/e/f"}));
}

TEST_F(AzureListing, ContinuesBehindAnEntryThatIsGone) {
  for (const char* path : {"d/a", "d/b", "d/c"}) caller_.CreateFile(path, "");
  const std::string target = "/fs?resource=filesystem&recursive=true&maxResults=3";
  const Response first = caller_.Send("GET", target);
  const std::string continuation(first.headers.Get("x-ms-continuation"));
  ASSERT_NE(continuation, "");
  caller_.Send("DELETE", "/fs/d/b?recursive=false");
  const Response second =
      caller_.Send("GET", target + "&continuation=" + PercentEncode(continuation));
  EXPECT_EQ(nlohmann::json::parse(second.body)["paths"].at(0)["name"], "d/c");
}

TEST_F(AzureListing, GivesTokensThatMustBeEncoded) {
  for (const char* path : {"a", "b"}) caller_.CreateFile(path, "");
  const Response response =
      caller_.Send("GET", "/fs?resource=filesystem&recursive=true&maxResults=1");
  const std::string_view token = response.headers.Get("x-ms-continuation");
  EXPECT_NE(token.find('+'), std::string_view::npos);
  EXPECT_TRUE(token.ends_with('='));
  EXPECT_EQ(
      caller_.Send("GET", "/fs?resource=filesystem&recursive=true&continuation=nonsense").status,
      400);
}

TEST_F(AzureListing, WritesAllValuesAsStrings) {
  caller_.CreateFile("d/f", "hello");
  const auto json =
      nlohmann::json::parse(caller_.Send("GET", "/fs?resource=filesystem&recursive=true").body)
          .at("paths");
  const nlohmann::json directory = json.at(0);
  const nlohmann::json file = json.at(1);
  EXPECT_EQ(directory.at("isDirectory"), "true");
  EXPECT_FALSE(file.contains("isDirectory"));
  EXPECT_EQ(file.at("contentLength"), "5");
  EXPECT_EQ('"' + file.at("etag").get<std::string>() + '"', caller_.Etag("d/f"));
  EXPECT_EQ(file.at("creationTime").get<std::string>().substr(0, 11),
            "13412082030");  // 2026-01-05T10:20:30Z
  EXPECT_EQ(file.at("permissions"), "rw-r-----");
  EXPECT_EQ(file.at("owner"), "$superuser");
}

TEST_F(AzureListing, RefusesWhatCannotBeListed) {
  caller_.CreateFile("f", "x");
  const std::string base = "/fs?resource=filesystem&recursive=";
  EXPECT_EQ(CodeOf(caller_.Send("GET", base + "true&directory=none")), "PathNotFound");
  EXPECT_EQ(caller_.Send("GET", base + "maybe").status, 400);
  EXPECT_EQ(CodeOf(caller_.Send("GET", base + "true&directory=none&maxResults=0")),
            "OutOfRangeQueryParameterValue");
  EXPECT_EQ(CodeOf(caller_.Send("GET", "/none?resource=filesystem&recursive=true")),
            "FilesystemNotFound");
}

TEST_F(AzureListing, ShowsAFileThatIsListedAsItself) {
  caller_.CreateFile("d/f", "hello");
  for (const bool recursive : {false, true})
    EXPECT_EQ(caller_.List("d/f", recursive), Names{"d/f"});
  const Response response =
      caller_.Send("GET", "/fs?resource=filesystem&recursive=false&directory=d%2Ff");
  EXPECT_EQ(nlohmann::json::parse(response.body)["paths"].at(0)["contentLength"], "5");
}

TEST_F(AzureListing, TellsTypeTierAndLeaseOfDirectoriesToo) {
  caller_.CreateDirectory("d");
  for (const char* query : {"", "&delimiter=%2F"}) {
    const std::string body =
        caller_.Send("GET", "/fs?restype=container&comp=list" + std::string(query)).body;
    for (const char* element :
         {"<ResourceType>directory</ResourceType>", "<BlobType>BlockBlob</BlobType>",
          "<AccessTier>Hot</AccessTier>", "<LeaseState>available</LeaseState>"}) {
      EXPECT_NE(body.find(element), std::string::npos) << element << query;
    }
  }
}

TEST_F(AzureListing, FoldsPrefixesOfAFlatAccountInPagesOfAnySize) {
  for (const char* name : {"a", "b/1", "b/2", "b.txt", "c/", "c/d/e", "z"}) {
    PutBlob("/box/" + std::string(name), kAzureEmulatorAccount);
  }
  const Names all{"a", "b.txt", "b/1", "b/2", "c/", "c/d/e", "z"};
  const Names folded{"a", "b.txt", "b/", "c/", "z"};
  for (const int page : {1, 2, 3, 5000}) {
    EXPECT_EQ(ListBlobs("/box", kAzureEmulatorAccount, "", page), all) << page;
    EXPECT_EQ(ListBlobs("/box", kAzureEmulatorAccount, "&delimiter=%2F", page), folded) << page;
    EXPECT_EQ(ListBlobs("/box", kAzureEmulatorAccount, "&delimiter=%2F&prefix=c%2F", page),
              (Names{"c/", "c/d/"}));
  }
}

TEST_F(AzureListing, ListsByPartOfANameInAnAccountWithDirectories) {
  for (const char* path : {"dir/abc", "dir/abd/x", "dir/b"}) caller_.CreateFile(path, "");
  EXPECT_EQ(ListBlobs("/fs", "lake", "&prefix=dir%2Fab"),
            (Names{"dir/abc", "dir/abd", "dir/abd/x"}));
  EXPECT_EQ(ListBlobs("/fs", "lake", "&prefix=dir%2Fab&delimiter=%2F"),
            (Names{"dir/abc", "dir/abd/"}));
  EXPECT_EQ(ListBlobs("/fs", "lake", "&prefix=di&delimiter=%2F"), (Names{"dir/"}));
  EXPECT_EQ(ListBlobs("/fs", "lake", "&prefix=none%2F&delimiter=%2F"), Names{});
}

TEST_F(AzureListing, TakesAPlusInAQueryForABlank) {
  caller_.CreateFile("a b/f", "");
  caller_.CreateFile("a+b/f", "");
  EXPECT_EQ(ListBlobs("/fs", "lake", "&prefix=a+b%2F"), Names{"a b/f"});
  EXPECT_EQ(ListBlobs("/fs", "lake", "&prefix=a%2Bb%2F"), Names{"a+b/f"});
}

TEST_F(AzureListing, TellsMetadataAndPermissionsWhereThereAreSome) {
  PutBlob("/fs/f", "lake", {{"x-ms-meta-mtime", "2026-01-05T10:20:30.5Z"}});
  const Response response = caller_.Send(
      "GET", "/fs?restype=container&comp=list&include=metadata%2Cpermissions", {.account = "lake"});
  EXPECT_NE(response.body.find("<Permissions>rw-r-----</Permissions>"), std::string::npos);
  EXPECT_NE(response.body.find("<Metadata><mtime>2026-01-05T10:20:30.5Z</mtime></Metadata>"),
            std::string::npos);
  EXPECT_NE(response.body.find("<ResourceType>file</ResourceType>"), std::string::npos);
  const Response flat = caller_.Send("GET", "/box?restype=container&comp=list&include=permissions",
                                     {.account = kAzureEmulatorAccount});
  EXPECT_EQ(flat.status, 400);
  EXPECT_EQ(CodeOf(flat), "InvalidQueryParameterValue");
}

TEST(AzureListingOptions, CutPagesShortAndBeginWithAnEmptyOne) {
  AzureCaller caller(azure::ListingOptions{.largest_page = 2, .empty_first_page = true});
  for (const char* path : {"a", "b", "c"}) caller.CreateFile(path, "");
  const Response first = caller.Send("GET", "/fs?resource=filesystem&recursive=true");
  EXPECT_EQ(first.body, R"({"paths":[]})");
  EXPECT_NE(first.headers.Get("x-ms-continuation"), "");
  EXPECT_EQ(caller.List("", true), (Names{"a", "b", "c"}));
  const Response blobs = caller.Send("GET", "/fs?restype=container&comp=list");
  EXPECT_NE(blobs.body.find("<Blobs></Blobs><NextMarker>2!"), std::string::npos);
}

TEST_F(AzureListing, LosesAndRepeatsNothingOverManyPages) {
  for (int i = 0; i < 2000; ++i)
    caller_.Send("PUT",
                 "/fs/d" + std::to_string(i % 40) + "/f" + std::to_string(i) + "?resource=file");
  EXPECT_EQ(caller_.List("", true, 700).size(), 2040U);
  EXPECT_EQ(caller_.List("d7", true, 13).size(), 50U);
}

}  // namespace
}  // namespace skybridge::localcloud::testing
