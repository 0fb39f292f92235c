#include "sync/pass/sync.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/mutex.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge {
namespace {

using testing::FakeClock;
using testing::FakeObjectStore;
using testing::FlatCapabilities;
using testing::HierarchicalCapabilities;
using testing::OciLikeCapabilities;
using testing::StoreOp;

struct Kinds {
  Capabilities source;
  Capabilities destination;
};

Attributes Attributed(int n) {
  return {.mtime = WallTime(std::chrono::nanoseconds(1'700'000'000'000'000'000 + n)),
          .mode = 0640U,
          .uid = 3U};
}

class SyncBase : public ::testing::Test {
 protected:
  void Open(const Kinds& kinds) {
    source_.emplace(clock_,
                    testing::FakeStoreOptions{.capabilities = kinds.source, .page_size = 3});
    destination_.emplace(
        clock_, testing::FakeStoreOptions{.capabilities = kinds.destination, .page_size = 2});
  }
  SyncOptions Options() {
    return {.source = {*source_},
            .destination = {*destination_},
            .clock = clock_,
            .file_jobs = 4,
            .part_jobs = 4,
            .memory_bytes = 1000,
            .transfer = {.whole_bytes = 20, .part_bytes = 8},
            .stop = stop_.get_token()};
  }
  SyncSummary Pass() {
    auto summary = Sync(Options());
    EXPECT_TRUE(summary) << summary.error().ToString();
    for (const SyncFailure& failure : summary->failed)
      ADD_FAILURE() << failure.path << failure.error.ToString();
    return *summary;
  }

  FakeClock clock_;
  std::stop_source stop_;
  std::optional<FakeObjectStore> source_;
  std::optional<FakeObjectStore> destination_;
};

class SyncPass : public SyncBase, public ::testing::WithParamInterface<Kinds> {
 protected:
  SyncPass() {
    Open(GetParam());
    source_->PutText("a", "hello", Attributed(1));
    source_->PutText("d/e/large", std::string(100, 'x') + "end", Attributed(2));
    source_->PutText("d/odd name +%&#?\"'", "odd", Attributed(3));
    source_->PutText("日本/語", "unicode", Attributed(4));
    source_->PutText("no time", "recorded");
    source_->PutText("empty file", "", Attributed(5));
    source_->PutLink("link", "d/e/large", {.mtime = Attributed(6).mtime});
    EXPECT_TRUE(
        source_->MakeDirectory({.key = ObjectKey("empty"), .attributes = Attributed(7)}, {}));
    EXPECT_TRUE(source_->MakeDirectory({.key = ObjectKey("plain")}, {}));
  }
};

TEST_P(SyncPass, BringsEverythingOver) {
  const SyncSummary summary = Pass();
  EXPECT_EQ(summary.files_copied, 7U);
  EXPECT_TRUE(summary.complete());
  for (const std::string& path : source_->Paths()) {
    const auto from = source_->InfoOf(path);
    const auto to = destination_->InfoOf(path);
    if (from->kind == NodeKind::kDirectory) continue;
    ASSERT_TRUE(to) << path;
    EXPECT_EQ(to->kind, from->kind) << path;
    EXPECT_EQ(destination_->ContentOf(path), source_->ContentOf(path)) << path;
    if (from->attributes->mtime) {
      EXPECT_EQ(to->attributes, from->attributes) << path;
    } else {
      EXPECT_EQ(to->attributes->mtime, from->last_modified) << path;
    }
  }
  const auto empty = destination_->Head(ObjectKey("empty"), {});
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->attributes, Attributed(7));
  const auto plain = destination_->Head(ObjectKey("plain"), {});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->kind, NodeKind::kDirectory);
}

TEST_P(SyncPass, ASecondPassMovesNothing) {
  Pass();
  destination_->script().ResetCalls();
  clock_.Advance(std::chrono::hours(1));
  const SyncSummary summary = Pass();
  EXPECT_EQ(summary.files_copied, 0U);
  EXPECT_EQ(summary.attributes_updated, 0U);
  EXPECT_EQ(summary.directories_made, 0U);
  EXPECT_EQ(summary.unchanged, 7U);
  for (const StoreOp op :
       {StoreOp::kPut, StoreOp::kStartUpload, StoreOp::kSetAttributes, StoreOp::kMakeDirectory}) {
    EXPECT_EQ(destination_->calls(op), 0U);
  }
}

TEST_P(SyncPass, OnlyWhatChangedIsMoved) {
  Pass();
  source_->PutText("a", "HELLO", Attributed(11));
  source_->PutText("new", "file", Attributed(12));
  auto info = source_->Head(ObjectKey("日本/語"), {});
  ASSERT_TRUE(source_->SetAttributes({.key = info->key, .attributes = Attributed(13)}, {}));
  const SyncSummary summary = Pass();
  EXPECT_EQ(summary.files_copied, 2U);
  EXPECT_EQ(summary.attributes_updated, 1U);
  EXPECT_EQ(summary.unchanged, 5U);
  EXPECT_EQ(destination_->ContentOf("a"), "HELLO");
  EXPECT_EQ(destination_->InfoOf("日本/語")->attributes, Attributed(13));
}

TEST_P(SyncPass, ADryRunChangesNothingAndSaysWhatItWouldDo) {
  SyncOptions options = Options();
  options.dry_run = true;
  const auto summary = Sync(options);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->files_copied, 7U);
  EXPECT_TRUE(destination_->Paths().empty());
  EXPECT_EQ(destination_->bytes_written(), 0U);
  EXPECT_EQ(source_->bytes_read(), 0U);
}

TEST_P(SyncPass, DeletesNothing) {
  destination_->PutText("extra/file", "kept");
  const SyncSummary summary = Pass();
  EXPECT_GE(summary.extra_at_destination, 1U);
  EXPECT_EQ(destination_->ContentOf("extra/file"), "kept");
}

TEST_P(SyncPass, WorksBetweenSubtrees) {
  SyncOptions options = Options();
  options.source.root = ObjectKey("d");
  options.destination.root = ObjectKey("x/y");
  const auto summary = Sync(options);
  ASSERT_TRUE(summary) << summary.error().ToString();
  EXPECT_EQ(summary->files_copied, 2U);
  EXPECT_EQ(destination_->ContentOf("x/y/e/large"), source_->ContentOf("d/e/large"));
  EXPECT_FALSE(destination_->ContentOf("x/y/a"));
}

TEST_P(SyncPass, AListingThatFailsMidwayFailsThePass) {
  for (FakeObjectStore* store : {&*source_, &*destination_}) {
    if (store == &*destination_) Pass();
    store->script().BeforeNext(StoreOp::kList, [] {});
    store->script().FailNext(StoreOp::kList, {.code = ErrorCode::kUnavailable, .message = "gone"});
    EXPECT_EQ(Sync(Options()).error().code, ErrorCode::kUnavailable);
  }
}

INSTANTIATE_TEST_SUITE_P(Between, SyncPass,
                         ::testing::Values(Kinds{HierarchicalCapabilities(), OciLikeCapabilities()},
                                           Kinds{OciLikeCapabilities(), HierarchicalCapabilities()},
                                           Kinds{FlatCapabilities(), OciLikeCapabilities()},
                                           Kinds{HierarchicalCapabilities(),
                                                 HierarchicalCapabilities()},
                                           Kinds{OciLikeCapabilities(), OciLikeCapabilities()}),
                         [](const auto& kinds) {
                           std::string name =
                               kinds.param.source.name + "_to_" + kinds.param.destination.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class SyncDetail : public SyncBase {
 protected:
  SyncDetail() { Open({HierarchicalCapabilities(), OciLikeCapabilities()}); }
};

TEST_F(SyncDetail, OneFilesFailureDoesNotStopTheOthers) {
  for (int i = 0; i < 10; ++i) source_->PutText(fmt::format("f{}", i), "x");
  destination_->script().FailNext(StoreOp::kPut,
                                  {.code = ErrorCode::kPermissionDenied, .message = "no"}, 2);
  const auto summary = Sync(Options());
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->files_copied, 8U);
  EXPECT_EQ(summary->failed_count, 2U);
  ASSERT_EQ(summary->failed.size(), 2U);
  EXPECT_EQ(summary->failed[0].error.code, ErrorCode::kPermissionDenied);
  EXPECT_FALSE(summary->complete());
}

TEST_F(SyncDetail, WhatEveryObjectWouldMeetEndsThePassAtOnce) {
  for (int i = 0; i < 1000; ++i) source_->PutText(fmt::format("f{}", i), "x");
  for (const ErrorCode code :
       {ErrorCode::kUnreachable, ErrorCode::kUnauthenticated, ErrorCode::kPermissionDenied,
        ErrorCode::kContainerNotFound, ErrorCode::kNoSpace}) {
    destination_.emplace(clock_, testing::FakeStoreOptions{.capabilities = OciLikeCapabilities()});
    destination_->script().BeforeNext(StoreOp::kPut, [this, code] {
      destination_->script().FailNext(StoreOp::kPut, {.code = code, .message = "no"});
      destination_->script().FailNext(StoreOp::kList, {.code = code, .message = "no"});
    });
    const auto summary = Sync(Options());
    ASSERT_FALSE(summary);
    EXPECT_EQ(summary.error().code, code);
    EXPECT_TRUE(summary.error().message.ends_with("files were copied, then: no"));
    EXPECT_LT(destination_->calls(StoreOp::kPut), 100U);
  }
}

TEST_F(SyncDetail, WhatOneObjectMeetsWhileTheRootsAnswerIsItsOwnTrouble) {
  for (const ErrorCode code :
       {ErrorCode::kUnreachable, ErrorCode::kUnauthenticated, ErrorCode::kPermissionDenied}) {
    Open({HierarchicalCapabilities(), OciLikeCapabilities()});
    for (int i = 0; i < 5; ++i) source_->PutText(fmt::format("f{}", i), "x");
    source_->script().FailNext(StoreOp::kGet, {.code = code, .message = "no"});
    const auto summary = Sync(Options());
    ASSERT_TRUE(summary) << summary.error().ToString();
    EXPECT_EQ(summary->files_copied, 4U);
    ASSERT_EQ(summary->failed.size(), 1U);
    EXPECT_EQ(summary->failed[0].error.code, code);
    EXPECT_FALSE(summary->complete());
  }
}

TEST_F(SyncDetail, ADirectoryThatCannotBeReadIsNamedAndTheOthersAreCopied) {
  Open({HierarchicalCapabilities(), HierarchicalCapabilities()});
  for (FakeObjectStore* store : {&*source_, &*destination_}) {
    for (const char* path : {"a/1", "b/1", "b/c/2", "d/1"}) {
      source_->PutText(path, "x", Attributed(1));
      destination_->PutText(path, "older");
    }
    store->CannotList("b");
    const auto summary = Sync(Options());
    store->CannotList("");
    ASSERT_TRUE(summary) << summary.error().ToString();
    EXPECT_EQ(summary->files_copied, 2U);
    EXPECT_EQ(summary->extra_at_destination, 0U);
    ASSERT_EQ(summary->failed.size(), 1U);
    EXPECT_EQ(summary->failed[0].path, "b");
    EXPECT_EQ(destination_->ContentOf("b/c/2"), "older");
    EXPECT_EQ(destination_->ContentOf("d/1"), "x");
  }
}

TEST_F(SyncDetail, ANameThatTheDestinationCannotHoldIsNamedAndTheOthersAreCopied) {
  Capabilities narrow = OciLikeCapabilities();
  narrow.max_name_bytes = 8;
  Open({HierarchicalCapabilities(), narrow});
  source_->PutText("longer than eight", "x");
  source_->PutText("short", "x");
  const auto summary = Sync(Options());
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->files_copied, 1U);
  ASSERT_EQ(summary->failed.size(), 1U);
  EXPECT_EQ(summary->failed[0].path, "longer than eight");
  EXPECT_EQ(summary->failed[0].error.code, ErrorCode::kNameTooLong);
}

TEST_F(SyncDetail, DirectoriesMadeAreCountedAsMade) {
  Open({HierarchicalCapabilities(), HierarchicalCapabilities()});
  source_->PutText("with/files/f", "x", Attributed(1));
  ASSERT_TRUE(source_->MakeDirectory({.key = ObjectKey("empty"), .attributes = Attributed(2)}, {}));
  ASSERT_TRUE(source_->SetAttributes(
      {.key = ObjectKey("with"), .kind = NodeKind::kDirectory, .attributes = Attributed(3)}, {}));
  const SyncSummary summary = Pass();
  EXPECT_EQ(summary.directories_made, 3U);
  EXPECT_EQ(summary.attributes_updated, 0U);
  EXPECT_EQ(destination_->InfoOf("with")->attributes, Attributed(3));
  EXPECT_EQ(destination_->InfoOf("empty")->attributes, Attributed(2));
}

TEST_F(SyncDetail, TheAttributesOfTheSourcesRootAreCarried) {
  source_->PutText("from/f", "x", Attributed(1));
  ASSERT_TRUE(source_->SetAttributes(
      {.key = ObjectKey("from"), .kind = NodeKind::kDirectory, .attributes = Attributed(5)}, {}));
  SyncOptions options = Options();
  options.source.root = ObjectKey("from");
  options.destination.root = ObjectKey("to/here");
  const auto first = Sync(options);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->directories_made, 1U);
  EXPECT_EQ(first->attributes_updated, 0U);
  const auto root = destination_->HeadDirectory(ObjectKey("to/here"), {});
  ASSERT_TRUE(root);
  EXPECT_EQ(root->attributes, Attributed(5));
  const auto again = Sync(options);
  EXPECT_EQ(again->attributes_updated + again->directories_made, 0U);
}

TEST_F(SyncDetail, WhatNobodyCouldKeepThereIsLeftOutAndCounted) {
  Capabilities bare = HierarchicalCapabilities();
  bare.keeps_xattrs = false;
  bare.owner_limits = OwnerLimits{.uid = 7, .gids = {70}};
  bare.links_keep_attributes = false;
  Open({OciLikeCapabilities(), bare});
  Attributes attributes = Attributed(1);
  attributes.gid = 70U;
  attributes.xattrs["user.colour"] = "red";
  source_->PutText("f", "x", attributes);
  source_->PutLink("l", "f", {.mtime = attributes.mtime, .mode = 0777U});
  SyncSummary summary = Pass();
  EXPECT_EQ(summary.owners_left_out, 1U);
  EXPECT_EQ(summary.xattrs_left_out, 1U);
  EXPECT_EQ(destination_->InfoOf("f")->attributes,
            (Attributes{.mtime = attributes.mtime, .mode = attributes.mode, .gid = 70U}));
  summary = Pass();
  EXPECT_EQ(summary.unchanged, 2U);
  EXPECT_EQ(summary.attributes_updated, 0U);
}

TEST_F(SyncDetail, AConflictAtTheDestinationIsAFailureAndKeepsTheirs) {
  source_->PutText("f", "ours", Attributed(1));
  destination_->script().BeforeNext(StoreOp::kPut,
                                    [this] { destination_->PutText("f", "theirs"); });
  const auto summary = Sync(Options());
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->failed_count, 1U);
  EXPECT_EQ(summary->failed[0].error.code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(destination_->ContentOf("f"), "theirs");
}

TEST_F(SyncDetail, AFileThatChangesAtTheDestinationBeforeItIsReplacedIsKept) {
  source_->PutText("f", "ours", Attributed(1));
  destination_->PutText("f", "an older one");
  destination_->script().BeforeNext(StoreOp::kPut,
                                    [this] { destination_->PutText("f", "theirs"); });
  const auto summary = Sync(Options());
  ASSERT_TRUE(summary);
  ASSERT_EQ(summary->failed_count, 1U);
  EXPECT_EQ(summary->failed[0].error.code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(destination_->ContentOf("f"), "theirs");
}

TEST_F(SyncDetail, AFileThatVanishesIsNoFailure) {
  source_->PutText("f", "x");
  source_->script().BeforeNext(StoreOp::kGet, [this] { source_->Remove("f"); });
  const SyncSummary summary = Pass();
  EXPECT_EQ(summary.vanished, 1U);
  EXPECT_EQ(summary.files_copied, 0U);
}

TEST_F(SyncDetail, WhatMayNotBeReadHasNotVanished) {
  // A look without a body in its answer (HEAD at OCI) cannot tell the two.
  Open({OciLikeCapabilities(), HierarchicalCapabilities()});
  source_->PutText("f", "x");
  source_->script().FailNext(StoreOp::kHead, Error{.code = ErrorCode::kNotFound}, 2);
  source_->script().FailNext(StoreOp::kGet, Error{.code = ErrorCode::kContainerNotFound});
  const auto summary = Sync(Options());
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, ErrorCode::kContainerNotFound);
}

TEST_F(SyncDetail, WhatCanBeReadHasNotVanished) {
  Open({OciLikeCapabilities(), HierarchicalCapabilities()});
  source_->PutText("f", "x");
  source_->script().FailNext(StoreOp::kHead, Error{.code = ErrorCode::kNotFound}, 2);
  const auto summary = Sync(Options());
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->vanished, 0U);
  ASSERT_EQ(summary->failed.size(), 1U);
  EXPECT_EQ(summary->failed.front().path, "f");
  EXPECT_NE(summary->failed.front().error.message.find("can be read"), std::string::npos);
}

TEST_F(SyncDetail, DifferentSizesNeedNoHeadOfTheDestination) {
  source_->PutText("f", "longer");
  destination_->PutText("f", "x");
  Pass();
  EXPECT_EQ(destination_->ContentOf("f"), "longer");
  EXPECT_EQ(destination_->calls(StoreOp::kHead), 0U);
}

TEST_F(SyncDetail, AStopLeavesNoHalfObjectAndIsReported) {
  for (int i = 0; i < 40; ++i) source_->PutText(fmt::format("f{:02}", i), std::string(100, 'x'));
  destination_->script().BeforeNext(StoreOp::kUploadPart, [] {});
  destination_->script().BeforeNext(StoreOp::kUploadPart, [this] { stop_.request_stop(); });
  const auto summary = Sync(Options());
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(destination_->open_uploads(), 0U);
  for (const std::string& path : destination_->Paths())
    EXPECT_EQ(destination_->ContentOf(path)->size(), 100U);
}

TEST_F(SyncDetail, AMissingSourceIsAnErrorAMissingDestinationIsNot) {
  SyncOptions options = Options();
  options.source.root = ObjectKey("nowhere");
  EXPECT_EQ(Sync(options).error().code, ErrorCode::kNotFound);
}

TEST_F(SyncDetail, ThousandsOfObjectsNeedNoMoreMemoryThanAFew) {
  Open({HierarchicalCapabilities(), OciLikeCapabilities()});
  for (int i = 0; i < 5000; ++i) source_->PutText(fmt::format("d{}/f{}", i % 13, i), "0123456789");
  SyncOptions options = Options();
  options.memory_bytes = 40;  // four files' worth
  const auto summary = Sync(options);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->files_copied, 5000U);
  EXPECT_EQ(summary->bytes_copied, 50000U);
}

TEST_F(SyncDetail, ProgressEndsWithTheFinalTotals) {
  source_->PutText("a", "hello", Attributed(1));
  source_->PutText("b", std::string(100, 'x'), Attributed(2));
  Mutex mutex;
  SyncProgress last;
  int calls = 0;
  const auto summary = Sync(Options(), [&](const SyncProgress& progress) {
    MutexLock lock(mutex);
    last = progress;
    ++calls;
  });
  ASSERT_TRUE(summary);
  EXPECT_GE(calls, 1);
  EXPECT_TRUE(last.listing_done);
  EXPECT_EQ(last.objects_listed, 2U);
  EXPECT_EQ(last.objects_done, 2U);
  EXPECT_EQ(last.bytes_to_copy, 105U);
  EXPECT_EQ(last.bytes_done, 105U);
}

}  // namespace
}  // namespace skybridge
