// Listings of the OCI double: order, bounds, delimiters, pages, fields.
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "tests/unit/localcloud/oci_caller.h"

namespace skybridge::localcloud {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kList[] = "/n/localnamespace/b/lake/o";

class OciListing : public ::testing::Test {
 protected:
  void Put(const std::string& name, const OciCaller::Headers& headers = {}) {
    ASSERT_EQ(
        caller_.Call("PUT", std::string(kList) + "/" + PercentEncode(name), name, headers).status,
        200);
  }
  json List(const std::string& query) {
    const Response response = caller_.Call("GET", std::string(kList) + query);
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body);
  }
  std::string FailureOf(const std::string& query) {
    return CodeOf(caller_.Call("GET", std::string(kList) + query));
  }

  static std::vector<std::string> Names(const json& page) {
    std::vector<std::string> names;
    for (const json& object : page.at("objects")) names.push_back(object.at("name"));
    return names;
  }

  OciCaller caller_{OciServiceOptions{.buckets = {"lake"}}};
};

TEST_F(OciListing, IsInByteOrder) {
  for (const char* name : {"b", "a/1", "a", "\xC3\xA9", "B", "a.txt"}) Put(name);
  EXPECT_THAT(Names(List("")), ElementsAre("B", "a", "a.txt", "a/1", "b", "\xC3\xA9"));
}

TEST_F(OciListing, GivesNamesOnlyUnlessFieldsAsksForMore) {
  Put("a");
  EXPECT_EQ(List("").at("objects").at(0), json::object({{"name", "a"}}));
  const json object =
      List("?fields=name%2CSIZE,etag,md5,timeCreated,timeModified,storageTier,archivalState")
          .at("objects")
          .at(0);
  EXPECT_EQ(object.at("size"), 1);
  EXPECT_EQ(object.at("md5"), "DMF1ucDxtqgxw5niaXcmYQ==");
  EXPECT_EQ(object.at("timeModified"), "2026-01-05T10:20:30.000Z");
  EXPECT_EQ(object.at("storageTier"), "Standard");
  EXPECT_EQ(object.at("etag").get<std::string>().size(), 36U);
  EXPECT_FALSE(object.contains("archivalState"));
  EXPECT_EQ(FailureOf("?fields=name,colour"), "InvalidParameter");
}

TEST_F(OciListing, KeepsTimeCreatedAndMovesTimeModifiedOnAnOverwrite) {
  Put("a");
  caller_.clock().Advance(std::chrono::milliseconds(1500));
  Put("a");
  const json object = List("?fields=timeCreated,timeModified").at("objects").at(0);
  EXPECT_EQ(object.at("timeCreated"), "2026-01-05T10:20:30.000Z");
  EXPECT_EQ(object.at("timeModified"), "2026-01-05T10:20:31.500Z");
}

TEST_F(OciListing, HonoursItsBounds) {
  for (const char* name : {"a", "b1", "b2", "b3", "c"}) Put(name);
  EXPECT_THAT(Names(List("?prefix=b")), ElementsAre("b1", "b2", "b3"));
  EXPECT_THAT(Names(List("?start=b2")), ElementsAre("b2", "b3", "c"));
  EXPECT_THAT(Names(List("?startAfter=b2")), ElementsAre("b3", "c"));
  EXPECT_THAT(Names(List("?start=b1&end=b3")), ElementsAre("b1", "b2"));
  EXPECT_THAT(Names(List("?prefix=b&start=a")), ElementsAre("b1", "b2", "b3"));
  EXPECT_THAT(Names(List("?prefix=b&startAfter=b1&end=b3")), ElementsAre("b2"));
  EXPECT_EQ(FailureOf("?start=a&startAfter=a"), "InvalidParameter");
}

TEST_F(OciListing, PagesByTheFirstNameOfTheNextPage) {
  for (const char* name : {"a", "b", "c"}) Put(name);
  const json first = List("?limit=2");
  EXPECT_THAT(Names(first), ElementsAre("a", "b"));
  EXPECT_EQ(first.at("nextStartWith"), "c");
  const json second = List("?limit=2&start=c");
  EXPECT_THAT(Names(second), ElementsAre("c"));
  EXPECT_FALSE(second.contains("nextStartWith"));
  EXPECT_FALSE(List("?limit=3").contains("nextStartWith"));
}

TEST_F(OciListing, RefusesLimitsOutOfRange) {
  for (const char* limit : {"0", "1001", "-1", "many"}) {
    EXPECT_EQ(FailureOf(std::string("?limit=") + limit), "InvalidLimit") << limit;
  }
}

TEST_F(OciListing, FoldsNamesBelowADelimiterIntoPrefixes) {
  for (const char* name : {"d/", "d/a", "d/s/1", "d/s/2", "d/z", "e"}) Put(name);
  const json page = List("?prefix=d%2F&delimiter=%2F");
  EXPECT_THAT(Names(page), ElementsAre("d/", "d/a", "d/z"));
  EXPECT_EQ(page.at("prefixes"), json::array({"d/s/"}));
  EXPECT_EQ(List("?delimiter=/").at("prefixes"), json::array({"d/"}));
}

TEST_F(OciListing, GivesAnEmptyArrayOfPrefixesWithADelimiterAndNoneWithout) {
  Put("a");
  EXPECT_EQ(List("?delimiter=%2F").at("prefixes"), json::array());
  EXPECT_FALSE(List("").contains("prefixes"));
  EXPECT_EQ(List("?prefix=none").at("objects"), json::array());
}

TEST_F(OciListing, RefusesAnyDelimiterButTheSlash) {
  EXPECT_EQ(FailureOf("?delimiter="), "InvalidObjectName");
  EXPECT_EQ(FailureOf("?delimiter=-"), "InvalidObjectName");
}

TEST_F(OciListing, MayContinueInsideAPrefixThatWasReported) {
  for (const char* name : {"a", "d/1", "d/2", "z"}) Put(name);
  const json first = List("?delimiter=%2F&limit=2");
  EXPECT_EQ(first.at("prefixes"), json::array({"d/"}));
  EXPECT_EQ(first.at("nextStartWith"), "d/2");
  const json second = List("?delimiter=%2F&limit=2&start=d%2F2");
  EXPECT_EQ(second.at("prefixes"), json::array({"d/"}));
  EXPECT_THAT(Names(second), ElementsAre("z"));
}

TEST_F(OciListing, ReadsARawPlusInTheQueryAsAPlus) {
  Put("a+b");
  EXPECT_THAT(Names(List("?prefix=a+b")), ElementsAre("a+b"));
  EXPECT_THAT(Names(List("?prefix=a%2Bb")), ElementsAre("a+b"));
  EXPECT_THAT(Names(List("?prefix=a%20b")), IsEmpty());
}

TEST_F(OciListing, EscapesNamesInItsJson) {
  Put("quote\"back\\slash\ttab");
  EXPECT_THAT(Names(List("")), ElementsAre("quote\"back\\slash\ttab"));
}

TEST_F(OciListing, ListsTheOneVersionOfEachObject) {
  Put("a");
  Put("b");
  const Response first =
      caller_.Call("GET", "/n/localnamespace/b/lake/objectversions?limit=1&fields=name");
  const json item = json::parse(first.body).at("items").at(0);
  EXPECT_EQ(item.at("name"), "a");
  EXPECT_EQ(item.at("isDeleteMarker"), false);
  EXPECT_TRUE(item.contains("versionId"));
  EXPECT_TRUE(item.contains("timeModified"));
  const std::string page = PercentEncode(first.headers.Get("opc-next-page"));
  const Response second = caller_.Call(
      "GET", "/n/localnamespace/b/lake/objectversions?limit=1&fields=name&page=" + page);
  EXPECT_EQ(json::parse(second.body).at("items").at(0).at("name"), "b");
  EXPECT_EQ(second.headers.Find("opc-next-page"), nullptr);
}

}  // namespace
}  // namespace skybridge::localcloud
