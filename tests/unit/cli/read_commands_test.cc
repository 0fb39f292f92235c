#include "cli/read_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/fake_stores.h"

namespace skybridge::cli {
namespace {

using ::testing::AllOf;
using testing::FakeObjectStore;
using ::testing::HasSubstr;
using testing::StoreOp;

const std::string kContainer = "abfss://raw@contoso.dfs.core.windows.net/";

class ReadCommands : public ::testing::Test {
 protected:
  CommandBench bench_;
  FakeObjectStore& store_ = bench_.stores.Add(kContainer, {.page_size = 2});
};

TEST_F(ReadCommands, ListPrintsNamesOfAllPages) {
  for (const char* path : {"dir/a", "dir/b", "dir/c", "dir/sub/x"}) store_.PutText(path, "text");
  EXPECT_EQ(RunList({.path = kContainer + "dir"}, bench_.context), ExitCode::kOk);
  EXPECT_EQ(bench_.out.str(), "a\nb\nc\nsub/\n");
}

TEST_F(ReadCommands, RecursiveListPrintsPathsBelowTheDirectory) {
  store_.PutText("dir/sub/x", "text");
  EXPECT_EQ(RunList({.path = kContainer + "dir", .recursive = true}, bench_.context),
            ExitCode::kOk);
  EXPECT_EQ(bench_.out.str(), "sub/\nsub/x\n");
}

TEST_F(ReadCommands, ListOfAFilePrintsTheFile) {
  store_.PutText("dir/a", "text");
  EXPECT_EQ(RunList({.path = kContainer + "dir/a"}, bench_.context), ExitCode::kOk);
  EXPECT_EQ(bench_.out.str(), "a\n");
}

TEST_F(ReadCommands, DetailsShowModeSizeAndTheRecordedTime) {
  store_.PutText("a", std::string(1536, 'x'),
                 {.mtime = WallTime(std::chrono::seconds(1767608430)), .mode = 0640});
  EXPECT_EQ(RunList({.path = kContainer, .details = true}, bench_.context), ExitCode::kOk);
  EXPECT_EQ(bench_.out.str(), "-rw-r-----     1.5 KiB  2026-01-05 10:20:30  a\n");
}

TEST_F(ReadCommands, DetailsShowSpecialBitsAndLinksAsLsDoes) {
  store_.PutText("a", "", {.mode = 04755});
  store_.PutText("b", "", {.mode = 02640});
  store_.PutLink("c", "a");
  store_.PutText("d", "", {.mode = 01777});
  EXPECT_EQ(RunList({.path = kContainer, .details = true}, bench_.context), ExitCode::kOk);
  for (const char* mode : {"-rwsr-xr-x ", "-rw-r-S--- ", "lrwxrwxrwx ", "-rwxrwxrwt "})
    EXPECT_THAT(bench_.out.str(), HasSubstr(mode));
}

TEST_F(ReadCommands, DetailsAskForWhatTheListingCannotTell) {
  const std::string bucket = "oci://lake@ns/";
  auto& store = bench_.stores.Add(bucket, {.capabilities = testing::OciLikeCapabilities()});
  store.PutText("a", "x", {.mode = 0600});
  EXPECT_EQ(RunList({.path = bucket, .details = true}, bench_.context), ExitCode::kOk);
  EXPECT_THAT(bench_.out.str(), HasSubstr("-rw-------"));
  EXPECT_EQ(store.calls(StoreOp::kHead), 1u);
}

TEST_F(ReadCommands, JsonHasOneObjectALine) {
  store_.PutText("b\"\xff", "x");
  EXPECT_EQ(RunList({.path = kContainer, .json = true}, bench_.context), ExitCode::kOk);
  EXPECT_THAT(bench_.out.str(),
              AllOf(HasSubstr(R"("type":"file","size":1)"), HasSubstr(R"("path":"b\")")));
}

TEST_F(ReadCommands, AControlByteCannotReachTheTerminal) {
  store_.PutText("evil\x1b[2J", "x");
  EXPECT_EQ(RunList({.path = kContainer}, bench_.context), ExitCode::kOk);
  EXPECT_EQ(bench_.out.str(), "evil?[2J\n");
}

TEST_F(ReadCommands, AMissingPathIsNotFound) {
  const auto outcome = RunList({.path = kContainer + "none"}, bench_.context);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().exit_code, ExitCode::kNotFound);
  EXPECT_EQ(outcome.error().message, "'" + kContainer + "none': no such file or directory");
}

TEST_F(ReadCommands, StatPrintsFacts) {
  store_.PutText("a", "12345", {.mode = 0644, .uid = 7});
  EXPECT_EQ(RunStat({.path = kContainer + "a"}, bench_.context), ExitCode::kOk);
  EXPECT_THAT(bench_.out.str(), AllOf(HasSubstr("type: file\n"), HasSubstr("size: 5\n"),
                                      HasSubstr("mode: 0644\n"), HasSubstr("uid: 7\n")));
}

TEST_F(ReadCommands, CatCopiesEveryByte) {
  const std::string content(std::size_t{9} << 20, 'x');
  store_.PutText("big", content);
  EXPECT_EQ(RunCat({.path = kContainer + "big"}, bench_.context), ExitCode::kOk);
  EXPECT_EQ(bench_.out.str(), content);
  EXPECT_EQ(store_.calls(StoreOp::kGet), 2u);
}

TEST_F(ReadCommands, CatOfADirectoryFails) {
  store_.PutText("dir/a", "x");
  const auto outcome = RunCat({.path = kContainer + "dir"}, bench_.context);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().exit_code, ExitCode::kIncomplete);
  EXPECT_THAT(outcome.error().message, HasSubstr("is a directory"));
}

TEST_F(ReadCommands, AWrongUriIsAUsageError) {
  const auto outcome = RunCat({.path = "s3://bucket/x"}, bench_.context);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().exit_code, ExitCode::kUsage);
}

TEST_F(ReadCommands, AListingThatGoesRoundInCirclesEnds) {
  const std::string bucket = "oci://lake@ns/";
  auto& store = bench_.stores.Add(
      bucket, {.capabilities = testing::OciLikeCapabilities(), .endless_listings = true});
  store.PutText("a", "x");
  EXPECT_NE(RunList({.path = bucket}, bench_.context), ExitCode::kOk);
  EXPECT_LE(store.calls(StoreOp::kList), 4U);
}

}  // namespace
}  // namespace skybridge::cli
