// A service whose listings are made to do harm: nothing hangs, nothing is written outside of the
// destination, memory stays bounded, and what is not shown is counted.
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/listing_guard.h"
#include "backends/local/local_store.h"
#include "sync/pass/sync.h"
#include "sync/verify/verify.h"
#include "tests/support/hostile_stores.h"
#include "tests/support/temp_directory.h"

namespace skybridge {
namespace {

using ::testing::HasSubstr;
using testing::HostileService;
using testing::StoreKind;
using testing::TempDirectory;

class HostileListing : public ::testing::TestWithParam<StoreKind> {
 protected:
  Result<SyncSummary> Copy(ObjectStore& from, const std::string& directory) {
    std::filesystem::create_directory(directory);
    const auto destination =
        OpenLocalStore({.directory = directory, .sync = false}, clock_).value();
    return Sync({.source = {from}, .destination = {*destination}, .clock = clock_});
  }

  SystemClock clock_;
  HostileService service_{testing::DialectOf(GetParam()), testing::HostileNames()};
  std::unique_ptr<ObjectStore> store_ = testing::OpenHostileStore(GetParam(), service_, clock_);
};

// Files below `directory`, by their paths; what a store keeps for itself is left out.
std::set<std::string> FilesBelow(const std::filesystem::path& directory) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) files.insert(entry.path().lexically_relative(directory));
  }
  return files;
}

TEST_P(HostileListing, NamesThatNoKeyCanHoldAreNamedAndHidden) {
  HostileService service(testing::DialectOf(GetParam()), testing::HostileNames(10'000'000));
  const auto store = testing::OpenHostileStore(GetParam(), service, clock_);
  const auto page = store->List({.recursive = true}, {});
  ASSERT_TRUE(page) << page.error().ToString();
  EXPECT_EQ(page->hidden_names.size(), testing::HostileHidden(GetParam()));
  std::size_t kept_bytes = 0;
  std::set<std::string> shown;
  for (const ObjectInfo& entry : page->entries) {
    kept_bytes += entry.key.path.size();
    shown.insert(entry.key.path);
  }
  EXPECT_EQ(shown.size(), 2 + testing::HostileEscaped(GetParam()));
  EXPECT_TRUE(shown.contains("good.txt") && shown.contains("sub/ok"));
  for (const std::string& name : page->hidden_names)
    EXPECT_LE(name.size(), ListPage::kMaxHiddenNameBytes);
  EXPECT_LT(kept_bytes, 1'000U);
}

TEST_P(HostileListing, ACopyStaysInsideItsDestinationAndIsNotCalledComplete) {
  const TempDirectory directory;
  const auto summary = Copy(*store_, directory.Sub("inside"));
  ASSERT_TRUE(summary) << summary.error().ToString();
  EXPECT_EQ(FilesBelow(directory.path()),
            (std::set<std::string>{"inside/good.txt", "inside/sub/ok"}));
  EXPECT_EQ(summary->files_copied, 2U);
  // What the store can hold, and a directory cannot, fails by its name.
  EXPECT_EQ(summary->failed_count, testing::HostileEscaped(GetParam()));
  EXPECT_EQ(summary->hidden_names, testing::HostileHidden(GetParam()));
  EXPECT_FALSE(summary->complete());
}

// Where XML holds NUL, the page is no XML; JSON can hold it, and then the name is hidden (above).
TEST_P(HostileListing, NulInXmlNeverCutsANameOff) {
  if (GetParam() == StoreKind::kOci || GetParam() == StoreKind::kAzureDfsOnly) return;  // JSON
  for (const std::string& nul :
       {std::string(1, '\0'), std::string("&#0;"), std::string("&#x00;")}) {
    service_.WriteNulAs(nul);
    const auto page = store_->List({.recursive = true}, {});
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, ErrorCode::kCorrupt);
    const TempDirectory directory;
    EXPECT_FALSE(Copy(*store_, directory.Sub("inside")));
    EXPECT_EQ(FilesBelow(directory.path()), std::set<std::string>{});
  }
}

TEST_P(HostileListing, PagesThatRepeatAreAnErrorAfterAFewRequests) {
  for (const auto pages : {HostileService::Pages::kRepeatTheirContinuation,
                           HostileService::Pages::kRepeatTheirNames}) {
    HostileService service(testing::DialectOf(GetParam()), testing::HostileNames());
    const auto store = testing::OpenHostileStore(GetParam(), service, clock_);
    service.NeverEnd(pages);
    const TempDirectory directory;
    const auto summary = Copy(*store, directory.Sub("inside"));
    ASSERT_FALSE(summary);
    EXPECT_EQ(summary.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(summary.error().message, HasSubstr("never end"));
    EXPECT_LT(service.requests(), 20U);
  }
}

TEST_P(HostileListing, EmptyPagesAreBelievedUpToALimit) {
  service_.NeverEnd(HostileService::Pages::kAreEmpty);
  const TempDirectory directory;
  const auto summary = Copy(*store_, directory.Sub("inside"));
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(summary.error().message, HasSubstr("never end"));
  EXPECT_GT(service_.requests(), ListingGuard::kMaxPagesWithoutNews);
  EXPECT_LT(service_.requests(), ListingGuard::kMaxPagesWithoutNews + 20);
}

// As the destination of a copy, and on either side of a verification.
TEST_P(HostileListing, PagesThatNeverEndAreAnErrorOnEitherSide) {
  const TempDirectory directory;
  std::filesystem::create_directory(directory.Sub("a"));
  const auto local =
      OpenLocalStore({.directory = directory.Sub("a"), .sync = false}, clock_).value();
  ASSERT_TRUE(local->Put({.key = ObjectKey("good.txt"), .body = AsBytes("good")}, {}));
  for (const auto pages :
       {HostileService::Pages::kRepeatTheirContinuation, HostileService::Pages::kRepeatTheirNames,
        HostileService::Pages::kAreEmpty}) {
    HostileService service(testing::DialectOf(GetParam()), testing::HostileNames());
    const auto endless = testing::OpenHostileStore(GetParam(), service, clock_);
    service.NeverEnd(pages);
    const auto copied = Sync({.source = {*local}, .destination = {*endless}, .clock = clock_});
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().code, ErrorCode::kCorrupt);
    for (const bool source : {true, false}) {
      ObjectStore& left = source ? *endless : *local;
      ObjectStore& right = source ? *local : *endless;
      const auto report = Verify({.source = {left}, .destination = {right}, .clock = clock_});
      ASSERT_FALSE(report);
      EXPECT_EQ(report.error().code, ErrorCode::kCorrupt);
    }
  }
}

TEST_P(HostileListing, NamesThatAreNoPathsNeverMakeTreesEqual) {
  const TempDirectory directory;
  ASSERT_TRUE(Copy(*store_, directory.Sub("inside")));
  const auto local =
      OpenLocalStore({.directory = directory.Sub("inside"), .sync = false}, clock_).value();
  const auto report = Verify({.source = {*store_}, .destination = {*local}, .clock = clock_});
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_FALSE(report->is_equal());
}

// What a flat account asks before it touches a directory.
TEST_P(HostileListing, EmptyPagesWithoutEndAreNoAnswerToWhetherADirectoryIsEmpty) {
  if (GetParam() != StoreKind::kAzureFlat) return;  // the others ask for one page
  service_.NeverEnd(HostileService::Pages::kAreEmpty);
  EXPECT_EQ(store_->RemoveDirectory(ObjectKey("sub"), {}).error().code, ErrorCode::kCorrupt);
  const auto renamed = store_->Rename(
      {.source = ObjectKey("sub"), .destination = ObjectKey("to"), .kind = NodeKind::kDirectory},
      {});
  EXPECT_EQ(renamed.error().code, ErrorCode::kCorrupt);
}

TEST_P(HostileListing, ARenameGivesUpOnNamesThatComeBack) {
  if (store_->capabilities().atomic_directory_rename) return;  // one request, without a listing
  const auto renamed = store_->Rename(
      {.source = ObjectKey("sub"), .destination = ObjectKey("to"), .kind = NodeKind::kDirectory},
      {});
  ASSERT_FALSE(renamed);
  EXPECT_EQ(renamed.error().code, ErrorCode::kConflict);
  EXPECT_THAT(renamed.error().message, HasSubstr("came back"));
  EXPECT_LT(service_.requests(), 30U);
}

TEST_P(HostileListing, AnotherListingThanWasAskedForIsAnError) {
  service_.IgnoreWhatIsAsked();
  for (const bool recursive : {false, true}) {
    const auto page = store_->List({.directory = ObjectKey("sub"), .recursive = recursive}, {});
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, ErrorCode::kCorrupt);
  }
  const auto level = store_->List({}, {});
  ASSERT_FALSE(level);
  EXPECT_EQ(level.error().code, ErrorCode::kCorrupt);
}

TEST_P(HostileListing, ARenameMovesNothingThatLiesElsewhere) {
  if (store_->capabilities().atomic_directory_rename) return;  // one request, without a listing
  service_.IgnoreWhatIsAsked();
  const auto renamed = store_->Rename({.source = ObjectKey("sub/deeper/down"),
                                       .destination = ObjectKey("to"),
                                       .kind = NodeKind::kDirectory},
                                      {});
  ASSERT_FALSE(renamed);
  EXPECT_EQ(renamed.error().code, ErrorCode::kCorrupt);
}

INSTANTIATE_TEST_SUITE_P(Stores, HostileListing, ::testing::ValuesIn(testing::kStoreKinds),
                         [](const auto& tested) { return testing::StoreKindName(tested.param); });

}  // namespace
}  // namespace skybridge
