// Access control lists of paths, as "Path - Update" and "Path - Get Properties" document them.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "tests/unit/localcloud/azure_caller.h"

namespace skybridge::localcloud::testing {
namespace {

class AzureAccess : public ::testing::Test {
 protected:
  Response Send(const std::string& method, const std::string& target, HeaderList headers = {}) {
    return caller_.Send(method, target, {.headers = std::move(headers)});
  }
  Response Get(const std::string& path) {
    return Send("HEAD", "/fs/" + path + "?action=getAccessControl");
  }
  std::string AclOf(const std::string& path) {
    return std::string(Get(path).headers.Get("x-ms-acl"));
  }
  Response Set(const std::string& path, HeaderList headers) {
    return Send("PATCH", "/fs/" + path + "?action=setAccessControl", std::move(headers));
  }
  Response SetAll(const std::string& path, const std::string& query, const std::string& acl) {
    return Send("PATCH", "/fs/" + path + "?action=setAccessControlRecursive&" + query,
                {{"x-ms-acl", acl}});
  }

  AzureCaller caller_;
};

constexpr char kBase[] = "user::rwx,group::r-x,other::---";

TEST_F(AzureAccess, KeepsOwnerGroupAndAnExtendedList) {
  caller_.CreateFile("f", "");
  EXPECT_EQ(Set("f", {{"x-ms-owner", "alice"}, {"x-ms-group", "staff"}}).status, 200);
  EXPECT_EQ(Set("f", {{"x-ms-acl", std::string(kBase) + ",user:bob:rw-"}}).status, 200);
  const Response access = Get("f");
  EXPECT_EQ(access.headers.Get("x-ms-owner"), "alice");
  EXPECT_EQ(access.headers.Get("x-ms-group"), "staff");
  EXPECT_EQ(access.headers.Get("x-ms-acl"),
            "user::rwx,user:bob:rw-,group::r-x,mask::rwx,other::---");
  EXPECT_EQ(access.headers.Get("x-ms-permissions"), "rwxrwx---+");
}

TEST_F(AzureAccess, ActsOnTheMaskWhenAListIsExtended) {
  caller_.CreateFile("f", "");
  Set("f", {{"x-ms-acl", std::string(kBase) + ",user:bob:rwx"}});
  EXPECT_EQ(Set("f", {{"x-ms-permissions", "0640"}}).status, 200);
  EXPECT_EQ(AclOf("f"), "user::rw-,user:bob:rwx,group::r-x,mask::r--,other::---");
}

TEST_F(AzureAccess, RefusesListsThatSayNothingOrTooMuch) {
  caller_.CreateFile("f", "");
  for (const char* acl : {"user::rwx,group::r-x,other::--", "nobody::rwx",
                          "user::rwx,user::rwx,group::r-x,other::---",
                          "user::rwx,group::r-x,other::---,default:user::rwx"}) {
    EXPECT_EQ(CodeOf(Set("f", {{"x-ms-acl", acl}})), "InvalidHeaderValue") << acl;
  }
  EXPECT_EQ(CodeOf(Set("f", {{"x-ms-acl", kBase}, {"x-ms-permissions", "0600"}})),
            "InvalidHeaderValue");
  EXPECT_EQ(CodeOf(Set("f", {})), "MissingRequiredHeader");
}

TEST_F(AzureAccess, CompletesAListThatSaysOnlyAPart) {
  caller_.CreateDirectory("d");
  ASSERT_EQ(Set("d", {{"x-ms-acl", std::string(kBase) + ",user:bob:rw-"}}).status, 200);
  EXPECT_EQ(Set("d", {{"x-ms-acl", "default:user:eve:rwx"}}).status, 200);
  EXPECT_EQ(AclOf("d"),
            "user::rwx,user:bob:rw-,group::r-x,mask::rwx,other::---,default:user::rwx,"
            "default:user:eve:rwx,default:group::r-x,default:mask::rwx,default:other::---");
  EXPECT_EQ(Set("d", {{"x-ms-acl", "user:eve:r--,other::r--"}}).status, 200);
  EXPECT_EQ(AclOf("d"), "user::rwx,user:eve:r--,group::r-x,mask::r-x,other::r--")
      << "the defaults are gone: a list replaces all of another";
  EXPECT_EQ(Set("d", {{"x-ms-acl", "default:other::r-x"}}).status, 200);
  EXPECT_EQ(AclOf("d"),
            "user::rwx,user:eve:r--,group::r-x,mask::r-x,other::r--,default:user::rwx,"
            "default:group::r-x,default:other::r-x")
      << "no mask without a named entry";
}

std::string NamedUsers(int count, const std::string& prefix = "") {
  std::string acl;
  for (int i = 0; i < count; ++i) acl += "," + prefix + "user:u" + std::to_string(i) + ":r--";
  return acl;
}

TEST_F(AzureAccess, HoldsThirtyTwoEntriesOfEachKindAndNoMore) {
  caller_.CreateDirectory("d");
  // Owner, group, other and the mask that named entries bring count, too.
  EXPECT_EQ(Set("d", {{"x-ms-acl", kBase + NamedUsers(28)}}).status, 200);
  EXPECT_EQ(Set("d", {{"x-ms-acl", kBase + NamedUsers(29)}}).status, 400);
  EXPECT_EQ(Set("d", {{"x-ms-acl", kBase + NamedUsers(28) + NamedUsers(28, "default:")}}).status,
            200);
  EXPECT_EQ(Set("d", {{"x-ms-acl", kBase + NamedUsers(32, "default:")}}).status, 400);
}

TEST_F(AzureAccess, ChangesATreeAndCountsItsKinds) {
  caller_.CreateFile("d/e/f", "");
  caller_.CreateFile("d/g", "");
  const Response changed = SetAll("d", "mode=modify", "user:bob:rw-,default:user:bob:rwx");
  ASSERT_EQ(changed.status, 200) << BodyOf(changed);
  EXPECT_EQ(changed.headers.Get("x-ms-namespace-enabled"), "true");
  EXPECT_EQ(changed.headers.Find("x-ms-continuation"), nullptr);
  const auto json = nlohmann::json::parse(BodyOf(changed));
  EXPECT_EQ(json["directoriesSuccessful"], 2);
  EXPECT_EQ(json["filesSuccessful"], 2);
  EXPECT_EQ(json["failureCount"], 0);
  EXPECT_TRUE(json["failedEntries"].empty());
  EXPECT_NE(AclOf("d/e").find("default:user:bob:rwx"), std::string::npos);
  EXPECT_NE(AclOf("d/e/f").find("user:bob:rw-"), std::string::npos) << "its access entries alone";
  EXPECT_EQ(AclOf("d/e/f").find("default"), std::string::npos);
  EXPECT_EQ(SetAll("d", "mode=remove", "user:bob,default:user:bob").status, 200);
  EXPECT_EQ(AclOf("d/g").find("bob"), std::string::npos);
  EXPECT_EQ(SetAll("d", "mode=set", kBase).status, 200);
  EXPECT_EQ(AclOf("d/g"), kBase);
}

TEST_F(AzureAccess, ChangesATreeInBatchesOfAnySize) {
  for (const char* file : {"d/a", "d/a b", "d/a/x", "d/b/c/y", "d/z"}) {
    if (std::string(file) != "d/a") caller_.CreateFile(file, "");
  }
  for (const std::string top : {"d", ""}) {
    for (int size = 1; size <= 4; ++size) {
      const std::string acl = "user:s" + std::to_string(size) + ":r--";
      int changed = 0;
      std::string continuation;
      do {
        const Response response =
            SetAll(top,
                   "mode=modify&maxRecords=" + std::to_string(size) +
                       (continuation.empty() ? "" : "&continuation=" + PercentEncode(continuation)),
                   acl);
        ASSERT_EQ(response.status, 200) << BodyOf(response);
        const auto json = nlohmann::json::parse(BodyOf(response));
        const int batch =
            json["directoriesSuccessful"].get<int>() + json["filesSuccessful"].get<int>();
        EXPECT_LE(batch, size);
        changed += batch;
        continuation = response.headers.Get("x-ms-continuation");
      } while (!continuation.empty());
      EXPECT_EQ(changed, top.empty() ? 9 : 8) << size;
      for (const char* path : {"d/a/x", "d/b/c", "d/b/c/y", "d/z"}) {
        EXPECT_NE(AclOf(path).find(acl), std::string::npos) << path;
      }
    }
  }
}

TEST_F(AzureAccess, StopsATreeAtTheFirstFailureUnlessForced) {
  caller_.CreateFile("d/a", "");
  caller_.CreateFile("d/b", "");
  Set("d/a", {{"x-ms-acl", kBase + NamedUsers(28)}});
  const Response stopped = SetAll("d", "mode=modify", "user:new:r--");
  EXPECT_EQ(stopped.status, 200);
  const auto json = nlohmann::json::parse(BodyOf(stopped));
  EXPECT_EQ(json["failureCount"], 1);
  EXPECT_EQ(json["failedEntries"][0]["name"], "d/a");
  EXPECT_EQ(json["failedEntries"][0]["type"], "FILE");
  EXPECT_EQ(AclOf("d/b").find("user:new"), std::string::npos);
  const auto forced =
      nlohmann::json::parse(BodyOf(SetAll("d", "mode=modify&forceFlag=true", "user:new:r--")));
  EXPECT_EQ(forced["failureCount"], 1);
  EXPECT_EQ(forced["filesSuccessful"], 1);
  EXPECT_NE(AclOf("d/b").find("user:new"), std::string::npos);
}

TEST_F(AzureAccess, RefusesBatchesOverTwoThousandAndUnknownModes) {
  caller_.CreateDirectory("d");
  EXPECT_EQ(SetAll("d", "mode=set&maxRecords=2000", kBase).status, 200);
  EXPECT_EQ(CodeOf(SetAll("d", "mode=set&maxRecords=2001", kBase)), "InvalidQueryParameterValue");
  EXPECT_EQ(CodeOf(SetAll("d", "mode=set&maxRecords=0", kBase)), "InvalidQueryParameterValue");
  EXPECT_EQ(CodeOf(SetAll("d", "mode=add", kBase)), "InvalidQueryParameterValue");
  EXPECT_EQ(CodeOf(SetAll("d", "mode=set", "nonsense")), "InvalidHeaderValue");
  EXPECT_EQ(CodeOf(SetAll("d", "mode=remove", "user:")), "InvalidHeaderValue");
}

TEST_F(AzureAccess, ChecksAnActionThatIsWellFormed) {
  caller_.CreateFile("f", "");
  EXPECT_EQ(Send("HEAD", "/fs/f?action=checkAccess&fsAction=r-x").status, 200);
  EXPECT_EQ(Send("HEAD", "/fs/f?action=checkAccess&fsAction=xwr").status, 400);
  EXPECT_EQ(Send("HEAD", "/fs/missing?action=checkAccess&fsAction=r--").status, 404);
}

}  // namespace
}  // namespace skybridge::localcloud::testing
