// Owner, group and access control list of a file outlive its versions.
#include "backends/azure/path_access.h"

#include <gtest/gtest.h>

#include "backends/azure/hierarchical_store.h"
#include "tests/unit/backends/azure_store_fixture.h"

namespace skybridge::azure {
namespace {

using testing::FakeClock;
using testing::ScriptedTransport;
using Operations = std::vector<std::string>;

constexpr const char* kPlain = "user::rw-,group::r--,other::---";
constexpr const char* kClosed = "user::rw-,user:u1:r--,group::---,mask::r--,other::---";

struct Fixture {
  FakeClock clock;
  ScriptedTransport http;
  HierarchicalStore store{StoreOptions(), http, clock};

  ScriptedTransport& AnswerAccess(const char* acl, const char* owner = "me") {
    return http.Answer(200, {{"x-ms-owner", owner}, {"x-ms-group", "g"}, {"x-ms-acl", acl}});
  }
  void AnswerPut() { http.Answer(201, {{"ETag", "\"0x2\""}}); }
  void AnswerRename() { http.Answer(201, {{"ETag", "\"0x3\""}}); }
  Result<ObjectInfo> Overwrite() {
    return store.Put({.key = ObjectKey("d/f"),
                      .body = AsBytes("more"),
                      .attributes = {.mode = 0640},
                      .conditions = {.if_match = ETag("0x1")}},
                     {});
  }
  // The requests since the last call.
  Operations NewOperations() {
    Operations all = http.operations();
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(seen));
    seen = http.sent_count();
    return all;
  }
  std::size_t seen = 0;
};

TEST(PathAccess, ANewNameIsOneRequest) {
  Fixture f;
  f.AnswerPut();
  ASSERT_TRUE(f.store.Put({.key = ObjectKey("d/f"),
                           .body = AsBytes("x"),
                           .conditions = {.if_match = {}, .must_not_exist = true}},
                          {}));
  EXPECT_EQ(f.http.operations(), Operations{"azure.put_blob"});
}

// Read last, after it was set, before anybody sees the new version.
TEST(PathAccess, AnOverwriteKeepsAnAclOfItsOwn) {
  Fixture f;
  f.AnswerAccess(kClosed, "somebody");
  f.AnswerPut();
  f.AnswerAccess(kPlain);
  f.http.Answer(200);
  f.AnswerAccess(kClosed, "somebody");
  f.AnswerRename();
  const auto info = f.Overwrite();
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(info->key, ObjectKey("d/f"));
  EXPECT_EQ(info->etag, ETag("0x3"));
  EXPECT_EQ(f.NewOperations(),
            (Operations{"azure.get_access_control", "azure.put_blob", "azure.get_access_control",
                        "azure.set_access_control", "azure.get_access_control", "azure.rename"}));
  const std::string temporary = f.http.sent(1).url;
  EXPECT_NE(temporary.find(kUploadPrefix), std::string::npos);
  EXPECT_EQ(f.http.sent(1).headers.Find("If-Match"), nullptr);
  EXPECT_NE(f.http.sent(3).url.find(kUploadPrefix), std::string::npos);
  EXPECT_EQ(HeaderOf(f.http.sent(3), "x-ms-acl"), kClosed);
  EXPECT_EQ(HeaderOf(f.http.sent(3), "x-ms-owner"), "somebody");
  EXPECT_EQ(f.http.sent(3).headers.Find("x-ms-group"), nullptr) << "it is so already";
  EXPECT_EQ(f.http.sent(4).url.find(kUploadPrefix), std::string::npos);
  EXPECT_EQ(HeaderOf(f.http.sent(5), "If-Match"), "\"0x1\"");

  f.AnswerPut();
  f.http.Answer(200);
  f.AnswerAccess(kClosed, "somebody");
  f.AnswerRename();
  ASSERT_TRUE(f.Overwrite());
  EXPECT_EQ(f.NewOperations(), (Operations{"azure.put_blob", "azure.set_access_control",
                                           "azure.get_access_control", "azure.rename"}))
      << "what was kept before is known";
}

TEST(PathAccess, WhatANewFileIsGivenAnywayIsKeptByAPut) {
  Fixture f;
  f.AnswerAccess(kPlain);
  f.AnswerPut();
  f.AnswerAccess(kPlain);
  f.AnswerAccess(kPlain);
  f.AnswerRename();
  ASSERT_TRUE(f.Overwrite());
  EXPECT_EQ(f.NewOperations(),
            (Operations{"azure.get_access_control", "azure.put_blob", "azure.get_access_control",
                        "azure.get_access_control", "azure.rename"}))
      << "what new files here are given is not known yet";
  f.AnswerAccess(kPlain);
  f.AnswerPut();
  ASSERT_TRUE(f.Overwrite());
  EXPECT_EQ(f.NewOperations(), (Operations{"azure.get_access_control", "azure.put_blob"}));
  f.clock.Advance(PathAccess::kFreshFor + std::chrono::seconds(1));
  f.AnswerAccess(kPlain);
  f.AnswerPut();
  f.AnswerAccess(kPlain);
  f.AnswerAccess(kPlain);
  f.AnswerRename();
  ASSERT_TRUE(f.Overwrite()) << "the directory's default entries may have changed";
}

TEST(PathAccess, AnAclThatMovesMeanwhileIsSetAgain) {
  Fixture f;
  f.AnswerAccess(kClosed);
  f.AnswerPut();
  f.AnswerAccess(kPlain);
  f.http.Answer(200);
  f.AnswerAccess("user::rw-,group::---,other::---");
  f.http.Answer(200);
  f.AnswerAccess("user::rw-,group::---,other::---");
  f.AnswerRename();
  ASSERT_TRUE(f.Overwrite());
  EXPECT_EQ(HeaderOf(f.http.sent(5), "x-ms-acl"), "user::rw-,group::---,other::---");
}

TEST(PathAccess, WhereItCannotBeKeptTheWriteFailsBeforeItIsVisible) {
  Fixture f;
  f.AnswerAccess(kClosed, "somebody");
  f.AnswerPut();
  f.AnswerAccess(kPlain);
  f.http.Answer(403, {{"x-ms-error-code", "AuthorizationPermissionMismatch"}}).Answer(200);
  const auto refused = f.Overwrite();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_NE(refused.error().message.find("Storage Blob Data Owner"), std::string::npos);
  EXPECT_EQ(f.NewOperations(),
            (Operations{"azure.get_access_control", "azure.put_blob", "azure.get_access_control",
                        "azure.set_access_control", "azure.delete"}))
      << "the hidden file goes, and nothing was renamed";
}

TEST(PathAccess, ALargeFileIsHandedOverBeforeItsRename) {
  Fixture f;
  f.http.Answer(201);
  const auto upload = f.store.StartUpload({.key = ObjectKey("d/f")}, {});
  ASSERT_TRUE(upload);
  f.http.Answer(200);
  f.AnswerAccess(kPlain);
  f.AnswerAccess(kClosed);
  f.http.Answer(200);
  f.AnswerAccess(kClosed);
  f.AnswerRename();
  const auto info = f.store.CommitUpload({.upload = *upload,
                                          .key = ObjectKey("d/f"),
                                          .parts = {{.part_number = 1, .size_bytes = 5}},
                                          .conditions = {.if_match = ETag("0x1")}},
                                         {});
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(f.NewOperations(),
            (Operations{"azure.create_path", "azure.flush", "azure.get_access_control",
                        "azure.get_access_control", "azure.set_access_control",
                        "azure.get_access_control", "azure.rename"}));
}

TEST(PathAccess, AnAclThatIsGivenIsSetBeforeTheFileIsVisible) {
  Fixture f;
  const PutRequest put{.key = ObjectKey("d/f"),
                       .body = AsBytes("x"),
                       .attributes = {.access = AccessControl{.acl = kClosed}},
                       .conditions = {.if_match = {}, .must_not_exist = true}};
  f.AnswerPut();
  f.AnswerAccess(kPlain);
  f.http.Answer(200);
  f.AnswerRename();
  ASSERT_TRUE(f.store.Put(put, {}));
  EXPECT_EQ(f.NewOperations(), (Operations{"azure.put_blob", "azure.get_access_control",
                                           "azure.set_access_control", "azure.rename"}));
  EXPECT_EQ(f.http.sent(2).headers.Find("x-ms-owner"), nullptr);
}

}  // namespace
}  // namespace skybridge::azure
