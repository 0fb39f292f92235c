#include "cli/sync_command.h"

#include <filesystem>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/progress_text.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/cli/fake_stores.h"

namespace skybridge::cli {
namespace {

using ::testing::AllOf;
using testing::FakeObjectStore;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::StoreOp;

const std::string kSource = "abfss://raw@contoso.dfs.core.windows.net/";
const std::string kDestination = "oci://lake@ns/";

class SyncCommand : public ::testing::Test {
 protected:
  CommandBench bench_;
  FakeObjectStore& source_ = bench_.stores.Add(kSource);
  FakeObjectStore& destination_ =
      bench_.stores.Add(kDestination, {.capabilities = testing::OciLikeCapabilities()});
};

TEST_F(SyncCommand, CopiesAndSaysWhatItDid) {
  source_.PutText("a/b", "text");
  EXPECT_EQ(RunSync({.source = kSource, .destination = kDestination}, bench_.context),
            ExitCode::kOk);
  EXPECT_EQ(destination_.ContentOf("a/b"), "text");
  EXPECT_THAT(bench_.out.str(), HasSubstr("copied 1 files, 4 B"));
  EXPECT_THAT(bench_.err.str(), HasSubstr("objects, 4 B of 4 B"));
}

TEST_F(SyncCommand, ADryRunChangesNothing) {
  source_.PutText("a", "text");
  EXPECT_EQ(
      RunSync({.source = kSource, .destination = kDestination, .dry_run = true}, bench_.context),
      ExitCode::kOk);
  EXPECT_THAT(destination_.Paths(), IsEmpty());
  EXPECT_THAT(bench_.out.str(), HasSubstr("would copy 1 files"));
}

TEST_F(SyncCommand, ADryRunNamesEachStepInOrder) {
  source_.PutText("a", "text");
  source_.PutText("d/b", "longer");
  source_.PutText("e", "text");
  destination_.PutText("d/b", "text");
  ASSERT_TRUE(
      RunSync({.source = kSource, .destination = kDestination, .dry_run = true}, bench_.context));
  EXPECT_THAT(bench_.out.str(),
              HasSubstr("copy a, 4 B (new)\ncopy d/b, 6 B (other size)\ncopy e, 4 B (new)\n"));
}

TEST_F(SyncCommand, TheStepsOfADryRunAreInItsJson) {
  source_.PutText("a", "text");
  const SyncArguments dry{
      .source = kSource, .destination = kDestination, .dry_run = true, .json = true};
  ASSERT_TRUE(RunSync(dry, bench_.context));
  const auto json = nlohmann::json::parse(bench_.out.str());
  ASSERT_EQ(json["steps"].size(), 1U);
  EXPECT_EQ(json["steps"][0]["step"], "copy");
  EXPECT_EQ(json["steps"][0]["path"], "a");
  EXPECT_EQ(json["files_copied"], 1);
  bench_.out.str("");
  ASSERT_TRUE(
      RunSync({.source = kSource, .destination = kDestination, .json = true}, bench_.context));
  bench_.out.str("");
  ASSERT_TRUE(RunSync(dry, bench_.context));
  EXPECT_EQ(nlohmann::json::parse(bench_.out.str())["steps"].size(), 0U);
}

TEST_F(SyncCommand, WhatNoFileCouldKeepIsOneLine) {
  Capabilities bare = testing::HierarchicalCapabilities();
  bare.keeps_xattrs = false;
  bare.owner_limits = OwnerLimits{.uid = 1, .gids = {1}};
  bench_.stores.Add(kDestination, {.capabilities = bare});
  for (const char* name : {"a", "b", "c"})
    source_.PutText(name, "text", {.uid = 5U, .xattrs = {{"user.colour", "red"}}});
  EXPECT_EQ(RunSync({.source = kSource, .destination = kDestination}, bench_.context),
            ExitCode::kOk);
  EXPECT_THAT(bench_.err.str(),
              AllOf(HasSubstr("the owner or group of 3 objects is left out"),
                    HasSubstr("the extended attributes of 3 objects are left out")));
}

TEST_F(SyncCommand, NamesEachFileThatFailedAndEndsWithOne) {
  source_.PutText("a", "text");
  source_.PutText("b", "text");
  destination_.script().FailNext(
      StoreOp::kPut, Error{.code = ErrorCode::kPermissionDenied, .message = "not allowed"});
  EXPECT_EQ(RunSync({.source = kSource, .destination = kDestination, .jobs = 1}, bench_.context),
            ExitCode::kIncomplete);
  EXPECT_THAT(bench_.err.str(), HasSubstr("not allowed"));
  EXPECT_THAT(bench_.out.str(), AllOf(HasSubstr("copied 1 files"), HasSubstr("1 failed")));
}

TEST_F(SyncCommand, JsonIsTheWholeOutput) {
  source_.PutText("a", "text");
  EXPECT_EQ(RunSync({.source = kSource, .destination = kDestination, .json = true}, bench_.context),
            ExitCode::kOk);
  EXPECT_THAT(bench_.out.str(),
              AllOf(HasSubstr(R"({"complete":true,"dry_run":false,"files_copied":1,)")));
  EXPECT_EQ(bench_.err.str(), "");
}

TEST_F(SyncCommand, AListingThatFailsEndsThePass) {
  source_.script().FailNext(StoreOp::kList,
                            Error{.code = ErrorCode::kUnavailable, .message = "cut off"});
  const auto outcome = RunSync({.source = kSource, .destination = kDestination}, bench_.context);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().exit_code, ExitCode::kNetwork);
}

TEST_F(SyncCommand, ASourceThatIsNotThereIsNeverAnEmptyTree) {
  FakeObjectStore& flat = bench_.stores.Add(kSource, {.capabilities = testing::FlatCapabilities()});
  flat.PutText("a", "text");
  const std::string missing = kSource + "mistyped";
  const auto copied = RunSync({.source = missing, .destination = kDestination}, bench_.context);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().exit_code, ExitCode::kNotFound);
  EXPECT_EQ(copied.error().message, "'" + missing + "': no such directory");
  const auto equal = RunVerify({.source = kDestination, .destination = missing}, bench_.context);
  ASSERT_FALSE(equal);
  EXPECT_EQ(equal.error().exit_code, ExitCode::kNotFound);
}

TEST_F(SyncCommand, AFileIsNoTree) {
  for (const Capabilities& kind :
       {testing::HierarchicalCapabilities(), testing::FlatCapabilities()}) {
    SCOPED_TRACE(kind.name);
    FakeObjectStore& store = bench_.stores.Add(kSource, {.capabilities = kind});
    store.PutText("a", "text");
    store.PutText("d/b", "text");
    const auto before = store.Paths();
    for (const auto& [from, to] :
         {std::pair(kSource + "a", kDestination), std::pair(kSource + "d", kSource + "a")}) {
      const auto copied = RunSync({.source = from, .destination = to}, bench_.context);
      ASSERT_FALSE(copied);
      EXPECT_EQ(copied.error().exit_code, ExitCode::kUsage);
      EXPECT_THAT(copied.error().message,
                  HasSubstr("a' is a file; name the directory that holds it"));
    }
    EXPECT_EQ(store.Paths(), before);
  }
}

TEST_F(SyncCommand, OnAFlatStoreADirectoryMayHaveTheNameOfAFile) {
  FakeObjectStore& flat = bench_.stores.Add(kSource, {.capabilities = testing::FlatCapabilities()});
  flat.PutText("a", "file");
  flat.PutText("a/b", "text");
  EXPECT_EQ(RunSync({.source = kSource + "a", .destination = kDestination}, bench_.context),
            ExitCode::kOk);
  EXPECT_EQ(destination_.Paths(), std::vector<std::string>{"b"});
}

TEST_F(SyncCommand, ADirectoryOfARemoteIsCopiedIntoAnother) {
  source_.PutText("x/y/a", "text");
  source_.PutText("z", "elsewhere");
  EXPECT_EQ(RunSync({.source = kSource + "x/", .destination = kDestination + "new/place"},
                    bench_.context),
            ExitCode::kOk);
  EXPECT_EQ(destination_.ContentOf("new/place/y/a"), "text");
  EXPECT_EQ(RunVerify({.source = kSource + "x", .destination = kDestination + "new/place/"},
                      bench_.context),
            ExitCode::kOk);
}

TEST_F(SyncCommand, ADryRunIntoALocalDirectoryThatIsNotThereMakesNothing) {
  const testing::TempDirectory directory;
  bench_.stores.Add(directory.path());
  source_.PutText("a", "text");
  EXPECT_EQ(RunSync({.source = kSource, .destination = directory.Sub("b/c"), .dry_run = true},
                    bench_.context),
            ExitCode::kOk);
  EXPECT_THAT(bench_.out.str(), HasSubstr("would copy 1 files"));
  EXPECT_FALSE(std::filesystem::exists(directory.Sub("b")));
}

TEST_F(SyncCommand, RefusesADirectoryThatALinkLeadsBackInto) {
  const testing::TempDirectory directory;
  std::filesystem::create_directory(directory.Sub("s"));
  std::filesystem::create_directory_symlink("s", directory.Sub("l"));
  for (const char* name : {"s", "l", "l/"}) bench_.stores.Add(directory.Sub(name));
  for (const auto& [from, to] : {std::pair("s", "l"), std::pair("s", "l/in"),
                                 std::pair("l/", "s/new/deep"), std::pair("s", "s/../s/x")}) {
    const auto outcome =
        RunSync({.source = directory.Sub(from), .destination = directory.Sub(to)}, bench_.context);
    ASSERT_FALSE(outcome) << from << " " << to;
    EXPECT_EQ(outcome.error().exit_code, ExitCode::kUsage);
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.Sub("s")));
}

TEST_F(SyncCommand, RefusesATreeWithinItself) {
  const auto outcome = RunSync({.source = kSource, .destination = kSource}, bench_.context);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().exit_code, ExitCode::kUsage);
}

TEST_F(SyncCommand, VerifyEndsWithZeroOnlyWhenEqual) {
  source_.PutText("a", "text");
  destination_.PutText("a", "text");
  EXPECT_EQ(RunVerify({.source = kSource, .destination = kDestination}, bench_.context),
            ExitCode::kOk);
  EXPECT_THAT(bench_.out.str(), HasSubstr("equal: 1 of 1 files"));
  destination_.PutText("a", "tExt");
  EXPECT_EQ(RunVerify({.source = kSource, .destination = kDestination}, bench_.context),
            ExitCode::kIncomplete);
  EXPECT_THAT(bench_.out.str(),
              AllOf(HasSubstr("content: a"), HasSubstr("NOT equal: 0 of 1 files")));
}

TEST_F(SyncCommand, VerifyJsonListsTheDifferences) {
  source_.PutText("a", "text");
  EXPECT_EQ(
      RunVerify({.source = kSource, .destination = kDestination, .json = true}, bench_.context),
      ExitCode::kIncomplete);
  EXPECT_THAT(bench_.out.str(), AllOf(HasSubstr(R"("equal":false)"),
                                      HasSubstr(R"("path":"a","difference":"only at source")")));
}

TEST(ProgressText, MarksTotalsThatStillGrow) {
  SyncProgress progress{.objects_listed = 5678,
                        .objects_done = 1234,
                        .bytes_to_copy = 3 << 20,
                        .bytes_done = 1 << 20,
                        .bytes_per_second = 1 << 20};
  EXPECT_EQ(ProgressText(progress), "1,234/5,678+ objects, 1.0 MiB of 3.0 MiB+, 1.0 MiB/s");
  progress.listing_done = true;
  progress.time_left = std::chrono::seconds(185);
  EXPECT_EQ(ProgressText(progress),
            "1,234/5,678 objects, 1.0 MiB of 3.0 MiB, 1.0 MiB/s, 3m05s left");
}

}  // namespace
}  // namespace skybridge::cli
