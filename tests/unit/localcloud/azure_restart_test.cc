// What a restart on the same directory brings back: everything that was acknowledged.
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "core/encoding.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/localcloud/azure_caller.h"

namespace skybridge::localcloud::testing {
namespace {

class AzureRestart : public ::testing::Test {
 protected:
  void SetUp() override { caller_ = std::make_unique<AzureCaller>(directory_.path()); }

  skybridge::testing::TempDirectory directory_;
  std::unique_ptr<AzureCaller> caller_;
};

TEST_F(AzureRestart, BringsBackFilesWithTheirProperties) {
  caller_->CreateFile("d/f", "hello");
  caller_->Send("PATCH", "/fs/d/f?action=setProperties",
                {.headers = {{"x-ms-properties", "k=dg=="}}});
  caller_->Send("PATCH", "/fs/d/f?action=setAccessControl",
                {.headers = {{"x-ms-acl", "user::rwx,user:alice:r--,group::r-x,other::---"}}});
  const Response before = caller_->Send("HEAD", "/fs/d/f");
  caller_->Restart();
  const Response after = caller_->Send("HEAD", "/fs/d/f");
  for (const char* header : {"ETag", "Last-Modified", "x-ms-properties", "x-ms-acl", "x-ms-owner",
                             "x-ms-creation-time"}) {
    EXPECT_EQ(after.headers.Get(header), before.headers.Get(header)) << header;
  }
  EXPECT_EQ(caller_->Read("d/f"), "hello");
}

TEST_F(AzureRestart, BringsBackRenamedDirectories) {
  caller_->CreateFile("a/b/f", "x");
  caller_->Send("PUT", "/fs/c?mode=legacy", {.headers = {{"x-ms-rename-source", "/lake/fs/a"}}});
  caller_->Restart();
  EXPECT_EQ(caller_->List("", true), (std::vector<std::string>{"c", "c/b", "c/b/f"}));
  EXPECT_EQ(caller_->Read("c/b/f"), "x");
}

TEST_F(AzureRestart, ForgetsWhatWasDeletedOrReplaced) {
  caller_->CreateFile("gone", "x");
  caller_->CreateFile("kept", "old");
  caller_->CreateFile("kept", "new");
  caller_->Send("DELETE", "/fs/gone?recursive=false");
  caller_->Restart();
  EXPECT_EQ(caller_->List("", true), (std::vector<std::string>{"kept"}));
  EXPECT_EQ(caller_->Read("kept"), "new");
}

TEST_F(AzureRestart, BringsBackAppendedBytesThatWereNotFlushed) {
  caller_->CreateFile("f", "hello");
  caller_->Send("PATCH", "/fs/f?action=append&position=5", {.body = " world"});
  caller_->Restart();
  EXPECT_EQ(caller_->Read("f"), "hello");
  EXPECT_EQ(caller_->Send("PATCH", "/fs/f?action=flush&position=11").status, 200);
  caller_->Restart();
  EXPECT_EQ(caller_->Read("f"), "hello world");
}

TEST_F(AzureRestart, BringsBackBlocksCommittedAndNot) {
  const CallOptions flat{.account = kAzureEmulatorAccount};
  const auto send = [&](const std::string& target, const std::string& body) {
    return caller_->Send("PUT", target, {.account = kAzureEmulatorAccount, .body = body}).status;
  };
  EXPECT_EQ(send("/box/b?comp=block&blockid=MQ%3D%3D", "one "), 201);
  EXPECT_EQ(send("/box/b?comp=block&blockid=Mg%3D%3D", "two "), 201);
  EXPECT_EQ(send("/box/b?comp=blocklist", "<BlockList><Latest>MQ==</Latest></BlockList>"), 201);
  EXPECT_EQ(send("/box/b?comp=block&blockid=Mw%3D%3D", "three"), 201);
  caller_->Restart();
  EXPECT_EQ(BodyOf(caller_->Send("GET", "/box/b", flat)), "one ");
  EXPECT_EQ(send("/box/b?comp=blocklist",
                 "<BlockList><Latest>MQ==</Latest><Latest>Mw==</Latest></BlockList>"),
            201);
  caller_->Restart();
  EXPECT_EQ(BodyOf(caller_->Send("GET", "/box/b", flat)), "one three");
}

TEST_F(AzureRestart, KeepsACopyWhenItsSourceIsDeleted) {
  const CallOptions flat{.account = kAzureEmulatorAccount};
  caller_->Send("PUT", "/box/a",
                {.account = kAzureEmulatorAccount,
                 .body = std::string(9000, 'a'),
                 .headers = {{"x-ms-blob-type", "BlockBlob"}}});
  const HeaderList from{{"x-ms-copy-source", "http://127.0.0.1:10000/devstoreaccount1/box/a"}};
  EXPECT_EQ(
      caller_->Send("PUT", "/box/b", {.account = kAzureEmulatorAccount, .headers = from}).status,
      202);
  EXPECT_EQ(caller_->Send("DELETE", "/box/a", flat).status, 202);
  caller_->Restart();
  EXPECT_EQ(BodyOf(caller_->Send("GET", "/box/b", flat)), std::string(9000, 'a'));
}

TEST_F(AzureRestart, NeverGivesAnEtagTwice) {
  caller_->CreateFile("f", "");
  const std::string before = caller_->Etag("f");
  caller_->Restart();
  caller_->CreateFile("f", "");
  EXPECT_GT(caller_->Etag("f"), before);
}

// The process that is killed runs this test again from its start, and is told the directory by this
// variable.
constexpr char kCrashDirectory[] = "LOCALCLOUD_CRASH_DIRECTORY";

void WriteAndDie(const std::string& directory) {
  AzureCaller caller(directory);
  caller.CreateFile("d/flushed", "hello");
  caller.CreateFile("d/appended", "");
  caller.Send("PATCH", "/fs/d/appended?action=append&position=0", {.body = "world"});
  caller.Send("PUT", "/fs/e?mode=legacy", {.headers = {{"x-ms-rename-source", "/lake/fs/d"}}});
  raise(SIGKILL);
}

TEST(AzureCrash, LosesNothingAcknowledgedWhenKilled) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const char* inherited = std::getenv(kCrashDirectory);
  std::string directory = std::filesystem::temp_directory_path() / "localcloud-XXXXXX";
  if (inherited != nullptr) {
    directory = inherited;
  } else {
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    setenv(kCrashDirectory, directory.c_str(), 1);
  }
  EXPECT_EXIT(WriteAndDie(directory), ::testing::KilledBySignal(SIGKILL), "");
  unsetenv(kCrashDirectory);
  {
    AzureCaller caller(directory);
    EXPECT_EQ(caller.Read("e/flushed"), "hello");
    EXPECT_EQ(caller.Read("e/appended"), "");
    EXPECT_EQ(caller.Send("PATCH", "/fs/e/appended?action=flush&position=5").status, 200);
    EXPECT_EQ(caller.Read("e/appended"), "world");
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace skybridge::localcloud::testing
