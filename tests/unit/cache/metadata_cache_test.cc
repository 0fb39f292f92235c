#include "cache/metadata_cache.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/temp_directory.h"

namespace skybridge::cache {
namespace {

using What = NameAnswer::What;

constexpr InodeNumber kRoot = InodeNumber::kRoot;

WallTime At(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

Child File(std::string name, std::string etag = "e1") {
  return {.name = std::move(name),
          .size_bytes = 10,
          .etag = std::move(etag),
          .last_modified = At(50),
          .learned_at = At(100)};
}
Child Directory(std::string name) {
  return {.name = std::move(name), .kind = InodeKind::kDirectory, .learned_at = At(100)};
}

class MetadataCacheTest : public ::testing::Test {
 protected:
  MetadataCacheTest() { Reopen(); }

  MetadataCache::Options Options(const std::string& name = "meta") const {
    return {.directory = temp_.Sub(name), .identity = "azure=abfss://raw@contoso"};
  }
  void Reopen() {
    cache_.reset();
    auto opened = MetadataCache::Open(Options());
    ASSERT_TRUE(opened) << opened.error().ToString();
    cache_ = std::move(*opened);
  }
  std::string CopyOfNow() {
    static int count = 0;
    const std::string name = "crashed" + std::to_string(++count);
    std::filesystem::copy(temp_.Sub("meta"), temp_.Sub(name),
                          std::filesystem::copy_options::recursive);
    return name;
  }
  // What a new process finds after this one was killed: the files as they are now, without a clean
  // close.
  std::unique_ptr<MetadataCache> AfterCrash() {
    auto opened = MetadataCache::Open(Options(CopyOfNow()));
    EXPECT_TRUE(opened) << opened.error().ToString();
    return std::move(*opened);
  }
  InodeRecord Put(InodeNumber parent, const Child& child) {
    auto stored = cache_->Upsert(parent, child);
    EXPECT_TRUE(stored) << stored.error().ToString();
    return *stored;
  }
  NameAnswer Look(InodeNumber parent, std::string_view name) {
    return *cache_->Lookup(parent, name);
  }
  std::vector<std::string> Names(InodeNumber directory) {
    std::vector<std::string> names;
    const auto children = cache_->Children(directory, "", 100000);
    EXPECT_TRUE(children);
    for (const InodeRecord& child : *children) names.push_back(child.name);
    return names;
  }

  testing::TempDirectory temp_;
  std::unique_ptr<MetadataCache> cache_;
};

TEST_F(MetadataCacheTest, TheRootIsThereFromTheStart) {
  const auto root = cache_->Get(kRoot);
  ASSERT_TRUE(root && *root);
  EXPECT_EQ((*root)->kind, InodeKind::kDirectory);
  EXPECT_EQ(*cache_->PathOf(kRoot), std::vector<std::string>{});
}

TEST_F(MetadataCacheTest, EveryFieldOfARecordComesBack) {
  Child child = File("all");
  child.attributes_known = true;
  child.mtime = WallTime(std::chrono::nanoseconds(-123456789012345));
  child.mode = 04755;
  child.uid = 0;
  child.gid = 4294967295U;
  child.xattrs = {{"user.a", std::string("\0b", 2)}, {"user.empty", ""}};
  child.foreign = {{"x-other", "value"}};
  child.symlink_target = std::string(300, 't');
  child.size_bytes = std::uint64_t{1} << 50;
  child.ctime = At(77);
  const InodeRecord stored = Put(kRoot, child);
  child.ino = stored.ino;
  child.parent = kRoot;
  EXPECT_EQ(stored, child);
  EXPECT_EQ(**cache_->Get(stored.ino), child);
  EXPECT_EQ(Look(kRoot, "all").inode, child);
  Reopen();
  EXPECT_EQ(**cache_->Get(stored.ino), child);
}

TEST_F(MetadataCacheTest, ThePartThatANameStandsForGoesWhenItIsRenamed) {
  Child child = File("%!start!digest!long");
  child.remote_name = std::string(300, 'x');
  const InodeNumber ino = Put(kRoot, child).ino;
  Reopen();
  EXPECT_EQ(Look(kRoot, child.name).inode.remote_name, child.remote_name);
  ASSERT_TRUE(cache_->Rename(ino, kRoot, "short"));
  EXPECT_EQ(Look(kRoot, "short").inode.remote_name, "");
}

TEST_F(MetadataCacheTest, NamesAreUnknownUntilLearned) {
  EXPECT_EQ(Look(kRoot, "a").what, What::kUnknown);
  Put(kRoot, File("a"));
  EXPECT_EQ(Look(kRoot, "a").what, What::kPresent);
  ASSERT_TRUE(cache_->SetAbsent(kRoot, "a", At(200)));
  EXPECT_EQ(Look(kRoot, "a").what, What::kAbsent);
  EXPECT_EQ(Look(kRoot, "a").learned_at, At(200));
  ASSERT_TRUE(cache_->Remove(kRoot, "a"));
  EXPECT_EQ(Look(kRoot, "a").what, What::kUnknown);
}

TEST_F(MetadataCacheTest, ANameKeepsItsInodeAcrossVersionsAndRestarts) {
  const InodeNumber ino = Put(kRoot, File("a", "e1")).ino;
  EXPECT_EQ(Put(kRoot, File("a", "e2")).ino, ino);
  Reopen();
  EXPECT_EQ(Put(kRoot, File("a", "e3")).ino, ino);
}

TEST_F(MetadataCacheTest, ANameThatChangesItsKindGetsANewInode) {
  const InodeRecord directory = Put(kRoot, Directory("a"));
  const InodeRecord below = Put(directory.ino, File("b"));
  const InodeRecord file = Put(kRoot, File("a"));
  EXPECT_NE(file.ino, directory.ino);
  EXPECT_FALSE(*cache_->Get(directory.ino));
  EXPECT_FALSE(*cache_->Get(below.ino));
}

TEST_F(MetadataCacheTest, ANameTakesTheNumberThatItIsGiven) {
  Child created = File("new");
  created.ino = *cache_->AllocateInode();
  EXPECT_EQ(Put(kRoot, created).ino, created.ino);
  const InodeNumber other = *cache_->AllocateInode();
  Child version = File("new", "e2");
  version.ino = other;
  EXPECT_EQ(Put(kRoot, version).ino, other);
  EXPECT_FALSE(*cache_->Get(created.ino));
  EXPECT_EQ(Put(kRoot, File("new", "e3")).ino, other);
}

TEST_F(MetadataCacheTest, ANumberGivenToAnotherNameLeavesTheOldOne) {
  const InodeNumber ino = Put(kRoot, File("old")).ino;
  Child moved = File("new");
  moved.ino = ino;
  Put(kRoot, moved);
  EXPECT_EQ(Names(kRoot), (std::vector<std::string>{"new"}));
  EXPECT_EQ((*cache_->Get(ino))->name, "new");
}

TEST_F(MetadataCacheTest, KnownAttributesOfTheSameVersionSurviveAListingWithout) {
  Child known = File("a");
  known.attributes_known = true;
  known.mode = 0640;
  known.xattrs = {{"user.x", "1"}};
  Put(kRoot, known);
  const InodeRecord again = Put(kRoot, File("a"));
  EXPECT_TRUE(again.attributes_known);
  EXPECT_EQ(again.mode, 0640U);
  EXPECT_EQ(again.xattrs.size(), 1U);
  const InodeRecord changed = Put(kRoot, File("a", "e2"));
  EXPECT_FALSE(changed.attributes_known);
  EXPECT_FALSE(changed.mode);
}

TEST_F(MetadataCacheTest, AKnownLinkIsNotTurnedIntoAFileByAListingThatCannotTell) {
  Child link = File("l");
  link.kind = InodeKind::kSymlink;
  link.attributes_known = true;
  link.symlink_target = "target";
  const InodeNumber ino = Put(kRoot, link).ino;
  const InodeRecord again = Put(kRoot, File("l"));
  EXPECT_EQ(again.kind, InodeKind::kSymlink);
  EXPECT_EQ(again.ino, ino);
  EXPECT_EQ(again.symlink_target, "target");
  EXPECT_EQ(Put(kRoot, File("l", "e2")).kind, InodeKind::kFile);
}

TEST_F(MetadataCacheTest, CtimeMovesOnlyWithAChange) {
  const InodeRecord first = Put(kRoot, File("a"));
  Child later = File("a");
  later.learned_at = At(500);
  EXPECT_EQ(Put(kRoot, later).ctime, first.ctime);
  later.etag = "e2";
  EXPECT_EQ(Put(kRoot, later).ctime, At(500));
}

TEST_F(MetadataCacheTest, ACompleteListingReplacesTheChildren) {
  Put(kRoot, File("gone"));
  const InodeNumber stays = Put(kRoot, File("stays")).ino;
  ASSERT_TRUE(cache_->SetAbsent(kRoot, "never", At(10)));
  const auto listing = cache_->BeginListing(kRoot);
  const auto added = listing->Add({File("stays"), Directory("new")});
  ASSERT_TRUE(added);
  EXPECT_EQ(added->records.at(0).ino, stays);
  EXPECT_EQ(Look(kRoot, "gone").what, What::kPresent);
  EXPECT_FALSE(cache_->GetDirectoryState(kRoot)->complete);
  ASSERT_TRUE(listing->Finish(At(300), nullptr));
  EXPECT_EQ(Names(kRoot), (std::vector<std::string>{"new", "stays"}));
  EXPECT_TRUE(cache_->GetDirectoryState(kRoot)->complete);
  EXPECT_EQ(cache_->GetDirectoryState(kRoot)->listed_at, At(300));
  for (const char* name : {"gone", "never", "other"}) {
    EXPECT_EQ(Look(kRoot, name).what, What::kAbsent) << name;
    EXPECT_EQ(Look(kRoot, name).learned_at, At(300)) << name;
  }
}

TEST_F(MetadataCacheTest, AnUnfinishedListingRemovesNothingEvenAfterARestart) {
  Put(kRoot, File("a"));
  {
    const auto listing = cache_->BeginListing(kRoot);
    ASSERT_TRUE(listing->Add({File("b")}));
  }
  EXPECT_EQ(Names(kRoot), (std::vector<std::string>{"a", "b"}));
  Reopen();
  // "b" must not count as seen by this other listing.
  const auto listing = cache_->BeginListing(kRoot);
  ASSERT_TRUE(listing->Add({File("a")}));
  ASSERT_TRUE(listing->Finish(At(1), nullptr));
  EXPECT_EQ(Names(kRoot), (std::vector<std::string>{"a"}));
}

TEST_F(MetadataCacheTest, FinishKeepsWhatTheCallerWantsAndWhatWasMadeMeanwhile) {
  Put(kRoot, File("kept"));
  const auto listing = cache_->BeginListing(kRoot);
  Put(kRoot, File("made"));
  ASSERT_TRUE(listing->Finish(At(1), [](std::string_view name) { return name == "kept"; }));
  EXPECT_EQ(Names(kRoot), (std::vector<std::string>{"kept", "made"}));
}

TEST_F(MetadataCacheTest, AListingDoesNotBringBackWhatWasRemovedMeanwhile) {
  const InodeNumber moved = Put(kRoot, File("moved")).ino;
  Put(kRoot, File("deleted"));
  const auto listing = cache_->BeginListing(kRoot);
  ASSERT_TRUE(cache_->SetAbsent(kRoot, "deleted", At(5)));
  ASSERT_TRUE(cache_->Rename(moved, kRoot, "elsewhere"));
  EXPECT_TRUE(listing->Add({File("deleted"), File("moved")})->records.empty());
  ASSERT_TRUE(listing->Finish(At(6), nullptr));
  EXPECT_EQ(Names(kRoot), (std::vector<std::string>{"elsewhere"}));
}

TEST_F(MetadataCacheTest, ANameTwiceInOneListingIsOneChild) {
  const auto listing = cache_->BeginListing(kRoot);
  const auto added = listing->Add({Directory("d"), Directory("d")});
  const auto again = listing->Add({Directory("d")});
  EXPECT_EQ(added->records.at(0).ino, added->records.at(1).ino);
  EXPECT_EQ(added->records.at(0).ino, again->records.at(0).ino);
}

// Kernels keep the target of a link for as long as its number lives.
TEST_F(MetadataCacheTest, AnotherVersionOfALinkHasAnotherNumberUnlessTheCallerGivesIt) {
  Child link = File("l");
  link.kind = InodeKind::kSymlink;
  const InodeRecord first = Put(kRoot, link);
  EXPECT_EQ(Put(kRoot, link).ino, first.ino);
  link.etag = "e2";
  const InodeRecord second = Put(kRoot, link);
  EXPECT_NE(second.ino, first.ino);
  EXPECT_FALSE(*cache_->Get(first.ino));
  link.etag = "e3";
  link.ino = second.ino;
  EXPECT_EQ(Put(kRoot, link).ino, second.ino);
}

TEST_F(MetadataCacheTest, AListingTellsWhatItsNamesStoodForBefore) {
  const InodeNumber file = Put(kRoot, File("a")).ino;
  Put(kRoot, File("b"));
  const auto added = cache_->BeginListing(kRoot)->Add({Directory("a"), File("b"), File("c")});
  ASSERT_EQ(added->replaced.size(), 1U);
  EXPECT_EQ(added->replaced[0].ino, file);
  EXPECT_EQ(added->replaced[0].name, "a");
}

TEST_F(MetadataCacheTest, ALongListingLosesNothing) {
  const auto first = cache_->BeginListing(kRoot);
  std::vector<Child> page;
  for (int i = 0; i < 3000; ++i) page.push_back(File("f" + std::to_string(10000 + i)));
  ASSERT_TRUE(first->Add(page));
  ASSERT_TRUE(first->Finish(At(1), nullptr));
  EXPECT_EQ(Names(kRoot).size(), 3000U);
  const auto second = cache_->BeginListing(kRoot);
  page.resize(1000);
  ASSERT_TRUE(second->Add(page));
  ASSERT_TRUE(second->Finish(At(2), nullptr));
  EXPECT_EQ(Names(kRoot).size(), 1000U);
}

TEST_F(MetadataCacheTest, InvalidatingADirectoryAgesAllItKnows) {
  const InodeNumber ino = Put(kRoot, File("a")).ino;
  ASSERT_TRUE(cache_->SetAbsent(kRoot, "no", At(100)));
  const auto listing = cache_->BeginListing(kRoot);
  ASSERT_TRUE(cache_->InvalidateDirectory(kRoot));
  ASSERT_TRUE(listing->Add({File("a")}));
  ASSERT_TRUE(listing->Finish(At(200), nullptr));
  EXPECT_FALSE(cache_->GetDirectoryState(kRoot)->complete)
      << "the listing is older than the invalidation";
  EXPECT_EQ(Look(kRoot, "no").what, What::kUnknown);
  EXPECT_EQ(Look(kRoot, "a").inode.learned_at, WallTime{});
  EXPECT_EQ((*cache_->Get(ino))->learned_at, WallTime{});
  EXPECT_EQ(cache_->Children(kRoot, "", 10)->at(0).learned_at, WallTime{});
  EXPECT_EQ(Put(kRoot, File("a")).ino, ino);
  EXPECT_EQ(Look(kRoot, "a").inode.learned_at, At(100));
}

TEST_F(MetadataCacheTest, ChildrenComeInBytewiseOrderPageByPage) {
  for (const char* name : {"b", "a.x", "a", "\xff", "B", "ab"}) Put(kRoot, File(name));
  ASSERT_TRUE(cache_->SetAbsent(kRoot, "aa", At(1)));
  Put(Put(kRoot, Directory("zz")).ino, File("inner"));
  std::vector<std::string> names;
  std::string after;
  while (true) {
    const auto page = cache_->Children(kRoot, after, 2);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    for (const InodeRecord& child : *page) names.push_back(child.name);
    after = names.back();
  }
  EXPECT_EQ(names, (std::vector<std::string>{"B", "a", "a.x", "ab", "b", "zz", "\xff"}));
}

TEST_F(MetadataCacheTest, RenameKeepsInodesAndMovesWholeTrees) {
  const InodeNumber from = Put(kRoot, Directory("from")).ino;
  const InodeNumber below = Put(from, Directory("sub")).ino;
  const InodeNumber file = Put(below, File("file")).ino;
  const InodeNumber to = Put(kRoot, Directory("to")).ino;
  ASSERT_TRUE(cache_->Rename(from, to, "renamed"));
  EXPECT_EQ(*cache_->PathOf(file), (std::vector<std::string>{"to", "renamed", "sub", "file"}));
  EXPECT_EQ(Look(kRoot, "from").what, What::kUnknown);
  EXPECT_EQ((*cache_->Get(from))->name, "renamed");
  EXPECT_EQ((*cache_->Get(from))->parent, to);
}

TEST_F(MetadataCacheTest, RenameReplacesTheTarget) {
  const InodeNumber source = Put(kRoot, File("source")).ino;
  const InodeNumber target = Put(kRoot, File("target")).ino;
  ASSERT_TRUE(cache_->Rename(source, kRoot, "target"));
  EXPECT_EQ(Look(kRoot, "target").inode.ino, source);
  EXPECT_FALSE(*cache_->Get(target));
}

TEST_F(MetadataCacheTest, ADirectoryCannotMoveIntoItself) {
  const InodeNumber outer = Put(kRoot, Directory("outer")).ino;
  const InodeNumber inner = Put(outer, Directory("inner")).ino;
  const Status moved = cache_->Rename(outer, inner, "x");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(MetadataCacheTest, RemovingADirectoryForgetsAllBelow) {
  const InodeNumber top = Put(kRoot, Directory("top")).ino;
  std::vector<InodeNumber> below;
  for (int i = 0; i < 3; ++i) {
    const InodeNumber sub = Put(top, Directory("sub" + std::to_string(i))).ino;
    below.push_back(sub);
    for (int k = 0; k < 300; ++k) below.push_back(Put(sub, File("f" + std::to_string(k))).ino);
  }
  ASSERT_TRUE(cache_->Remove(kRoot, "top"));
  for (const InodeNumber ino : below) EXPECT_FALSE(*cache_->Get(ino));
  const auto path = cache_->PathOf(below.back());
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, ErrorCode::kNotFound);
  const auto orphan = cache_->Upsert(top, File("orphan"));
  ASSERT_FALSE(orphan);
  EXPECT_EQ(orphan.error().code, ErrorCode::kNotFound);
}

// What is below goes with later changes, a few entries each; nobody finds it meanwhile.
TEST_F(MetadataCacheTest, OfALargeRemovedDirectoryNothingIsFoundAtOnce) {
  const InodeNumber big = Put(kRoot, Directory("big")).ino;
  const InodeNumber sub = Put(big, Directory("sub")).ino;
  const InodeNumber deep = Put(sub, File("deep")).ino;
  std::vector<InodeNumber> children;
  for (int i = 0; i < 2000; ++i) children.push_back(Put(big, File(std::to_string(i))).ino);
  ASSERT_TRUE(cache_->Remove(kRoot, "big"));
  const auto nothing_is_left = [&](MetadataCache& cache) {
    for (const InodeNumber ino : {big, sub, deep, children.front(), children.back()}) {
      EXPECT_EQ(*cache.Get(ino), std::nullopt);
      EXPECT_FALSE(cache.PathOf(ino));
    }
    EXPECT_EQ(cache.Lookup(big, "0")->what, NameAnswer::What::kUnknown);
    EXPECT_TRUE(cache.Children(big, "", 10)->empty());
    EXPECT_FALSE(cache.Upsert(big, File("late")));
  };
  nothing_is_left(*cache_);
  nothing_is_left(*AfterCrash());
  const InodeNumber other = Put(kRoot, Directory("big")).ino;
  EXPECT_NE(other, big);
  for (int i = 0; i < 100; ++i) Put(other, File(std::to_string(i)));
  nothing_is_left(*cache_);
  EXPECT_EQ(Names(other).size(), 100U);
}

TEST_F(MetadataCacheTest, UpdateOverwritesInPlace) {
  InodeRecord record = Put(kRoot, File("a"));
  record.size_bytes = 99;
  record.etag = "e9";
  ASSERT_TRUE(cache_->Update(record));
  EXPECT_EQ(**cache_->Get(record.ino), record);
  ASSERT_TRUE(cache_->Remove(kRoot, "a"));
  const Status gone = cache_->Update(record);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
}

TEST_F(MetadataCacheTest, InodeNumbersAreNeverGivenTwiceAlsoAfterACrash) {
  std::set<InodeNumber> seen;
  for (int i = 0; i < 10'050; ++i) EXPECT_TRUE(seen.insert(*cache_->AllocateInode()).second);
  const auto after_crash = AfterCrash();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(seen.insert(*after_crash->AllocateInode()).second);
}

TEST_F(MetadataCacheTest, WhatWasRecordedSurvivesAKill) {
  const InodeNumber directory = Put(kRoot, Directory("d")).ino;
  const InodeRecord file = Put(directory, File("f"));
  const auto listing = cache_->BeginListing(directory);
  ASSERT_TRUE(listing->Add({File("f")}));
  ASSERT_TRUE(listing->Finish(At(9), nullptr));
  const auto after_crash = AfterCrash();
  EXPECT_EQ((*after_crash->Get(file.ino))->name, "f");
  EXPECT_EQ((*after_crash->Get(file.ino))->etag, "e1");
}

TEST_F(MetadataCacheTest, WhatAKilledProcessLeftIsOldUntilItIsLearnedAgain) {
  const InodeRecord file = Put(kRoot, File("a"));
  ASSERT_TRUE(cache_->SetAbsent(kRoot, "no", At(100)));
  ASSERT_TRUE(cache_->BeginListing(kRoot)->Finish(At(100), [](auto) { return true; }));
  cache_ = AfterCrash();
  EXPECT_FALSE(cache_->GetDirectoryState(kRoot)->complete);
  EXPECT_EQ(Look(kRoot, "no").what, What::kUnknown);
  EXPECT_EQ(Look(kRoot, "a").inode.learned_at, WallTime{});
  EXPECT_EQ((*cache_->Get(file.ino))->learned_at, WallTime{});
  const auto listing = cache_->BeginListing(kRoot);
  ASSERT_TRUE(listing->Add({File("a")}));
  ASSERT_TRUE(listing->Finish(At(200), nullptr));
  EXPECT_EQ(Look(kRoot, "a").inode.learned_at, At(100));
  EXPECT_TRUE(cache_->GetDirectoryState(kRoot)->complete);
}

TEST_F(MetadataCacheTest, WhatAKilledProcessLeftIsNoYoungerAfterAnotherRestart) {
  const InodeNumber directory = Put(kRoot, Directory("d")).ino;
  Put(directory, File("a"));
  const std::string crashed = CopyOfNow();
  { ASSERT_TRUE(MetadataCache::Open(Options(crashed))); }
  const auto later = MetadataCache::Open(Options(crashed)).value();
  EXPECT_EQ(later->Lookup(directory, "a")->inode.learned_at, WallTime{});
}

TEST_F(MetadataCacheTest, ACleanRestartBelievesWhatIsThere) {
  Put(kRoot, File("a"));
  ASSERT_TRUE(cache_->BeginListing(kRoot)->Finish(At(100), [](auto) { return true; }));
  Reopen();
  EXPECT_EQ(Look(kRoot, "a").inode.learned_at, At(100));
  EXPECT_TRUE(cache_->GetDirectoryState(kRoot)->complete);
}

TEST_F(MetadataCacheTest, IsLockedWhileOpen) {
  const auto second = MetadataCache::Open(Options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kLocked);
}

TEST_F(MetadataCacheTest, ACacheOfOtherRemotesIsEmptied) {
  const InodeNumber before = Put(kRoot, File("a")).ino;
  cache_.reset();
  MetadataCache::Options other = Options();
  other.identity = "oci=oci://lake@ns";
  const auto opened = MetadataCache::Open(other);
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->Lookup(kRoot, "a")->what, What::kUnknown);
  EXPECT_TRUE(*(*opened)->Get(kRoot));
  EXPECT_GT(*(*opened)->AllocateInode(), before) << "numbers outlive the cache";
}

TEST_F(MetadataCacheTest, ACacheThatHasGivenOutNoNumberIsKept) {
  ASSERT_TRUE(cache_->SetAbsent(kRoot, "a", At(200)));
  Reopen();
  EXPECT_EQ(Look(kRoot, "a").what, What::kAbsent);
}

TEST_F(MetadataCacheTest, ALostCounterNeverRepeatsANumber) {
  const InodeNumber before = Put(kRoot, File("a")).ino;
  for (const bool garbled : {false, true}) {
    cache_.reset();
    std::filesystem::remove(temp_.Sub("meta/next-inode"));
    if (garbled) std::ofstream(temp_.Sub("meta/next-inode")) << "12x\n";
    Reopen();
    EXPECT_GT(Put(kRoot, File("b")).ino, before);
  }
}

// Every file of the database is damaged in turn, at its start, middle and end: opening works, and
// what is read is right or missing, never wrong.
TEST_F(MetadataCacheTest, ADamagedDatabaseIsEmptiedAndServes) {
  for (int i = 0; i < 500; ++i) Put(kRoot, File("f" + std::to_string(i), std::string(200, 'e')));
  Reopen();  // moves the log into a table
  cache_.reset();
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(temp_.Sub("meta/db"))) {
    if (entry.file_size() > 0) files.push_back(entry.path().filename().string());
  }
  int count = 0;
  for (const std::string& file : files) {
    for (const double where : {0.0, 0.5, 0.99}) {
      const std::string name = "damaged" + std::to_string(++count);
      std::filesystem::copy(temp_.Sub("meta"), temp_.Sub(name),
                            std::filesystem::copy_options::recursive);
      const std::string path = temp_.Sub(name) + "/db/" + file;
      std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekp(static_cast<std::streamoff>(
          static_cast<double>(std::filesystem::file_size(path)) * where));
      stream.write("\x5a\xa5\x5a\xa5", 4);
      stream.close();
      auto opened = MetadataCache::Open(Options(name));
      ASSERT_TRUE(opened) << file << opened.error().ToString();
      if (const auto answer = (*opened)->Lookup(kRoot, "f250"); !answer) {
        EXPECT_EQ(answer.error().code, ErrorCode::kCorrupt);
        opened->reset();
        opened = MetadataCache::Open(
            Options(name));  // found damaged while running: emptied at the next start
        ASSERT_TRUE(opened);
      }
      const auto answer = (*opened)->Lookup(kRoot, "f250");
      ASSERT_TRUE(answer) << file;
      if (answer->what == What::kPresent) {
        EXPECT_EQ(answer->inode.etag, std::string(200, 'e'));
      }
      EXPECT_TRUE((*opened)->Upsert(kRoot, File("new")));
      opened->reset();
      std::filesystem::remove_all(temp_.Sub(name));
    }
  }
}

// A disk without room: what is learned is known at once, from memory, and on disk once there is room.
TEST_F(MetadataCacheTest, OnAFullDiskItWorksFromMemoryAndHeals) {
  cache_.reset();
  std::uint64_t free_bytes = std::uint64_t{1} << 40;
  MetadataCache::Options options = Options();
  options.free_bytes = [&]() -> Result<std::uint64_t> { return free_bytes; };
  cache_ = *MetadataCache::Open(options);
  Put(kRoot, File("before"));
  free_bytes = 0;
  const InodeRecord made = Put(kRoot, File("meanwhile"));
  ASSERT_TRUE(cache_->Remove(kRoot, "before"));
  EXPECT_EQ(Look(kRoot, "meanwhile").inode, made);
  EXPECT_EQ(Names(kRoot), std::vector<std::string>{"meanwhile"});
  free_bytes = std::uint64_t{1} << 40;
  Put(kRoot, File("after"));
  cache_.reset();
  cache_ = *MetadataCache::Open(options);
  EXPECT_EQ(Names(kRoot), (std::vector<std::string>{"after", "meanwhile"}));
  EXPECT_EQ(Look(kRoot, "meanwhile").inode.ino, made.ino);
}

TEST_F(MetadataCacheTest, WhatNeverFoundRoomIsForgottenAndTheRestIsOld) {
  cache_.reset();
  std::uint64_t free_bytes = std::uint64_t{1} << 40;
  MetadataCache::Options options = Options();
  options.free_bytes = [&]() -> Result<std::uint64_t> { return free_bytes; };
  cache_ = *MetadataCache::Open(options);
  Put(kRoot, File("before"));
  free_bytes = 0;
  Put(kRoot, File("meanwhile"));
  cache_.reset();
  free_bytes = std::uint64_t{1} << 40;
  cache_ = *MetadataCache::Open(options);
  EXPECT_EQ(Look(kRoot, "meanwhile").what, What::kUnknown);
  EXPECT_EQ(Look(kRoot, "before").inode.learned_at, WallTime{});
}

// Many directories are listed one after another; what was listed long ago goes, what is in use stays.
TEST_F(MetadataCacheTest, TheDatabaseStaysNearItsBound) {
  constexpr std::uint64_t kBound = 1 << 20;
  cache_.reset();
  MetadataCache::Options options = Options();
  options.max_bytes = kBound;
  options.write_buffer_bytes = 64 << 10;
  cache_ = *MetadataCache::Open(options);
  std::mt19937_64 random(1);
  InodeNumber used = InodeNumber::kNone;
  std::vector<InodeNumber> directories;
  for (int d = 0; d < 100; ++d) {
    directories.push_back(Put(kRoot, Directory("d" + std::to_string(d))).ino);
    const auto listing = cache_->BeginListing(directories.back());
    std::vector<Child> children;
    for (int i = 0; i < 500; ++i) {
      std::string etag(100, '\0');  // cannot be compressed
      for (char& c : etag) c = static_cast<char>(random());
      children.push_back(File("f" + std::to_string(i), etag));
    }
    const auto stored = listing->Add(children);
    ASSERT_TRUE(stored);
    if (d == 0) used = stored->records[7].ino;
    ASSERT_TRUE(listing->Finish(At(d), nullptr));
    ASSERT_TRUE(cache_->Trim([&](InodeNumber ino) { return ino == used; }));
  }
  EXPECT_TRUE(*cache_->Get(used));
  EXPECT_FALSE(cache_->GetDirectoryState(directories[0])->complete);
  EXPECT_EQ(cache_->Lookup(directories[0], "f8")->what, What::kUnknown);
  EXPECT_EQ(Names(kRoot).size(), 100U);
  cache_.reset();
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(temp_.Sub("meta/db")))
    bytes += entry.file_size();
  EXPECT_LT(bytes, 4 * kBound);  // all of it is about 10 MiB
}

TEST_F(MetadataCacheTest, DirectoriesAreClosedToOthers) {
  EXPECT_EQ(std::filesystem::status(temp_.Sub("meta")).permissions(),
            std::filesystem::perms::owner_all);
}

TEST_F(MetadataCacheTest, ReadersWritersAndListingsMayMix) {
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 2; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      while (!stop) {
        const std::string name = "f" + std::to_string(random() % 50);
        const auto answer = cache_->Lookup(kRoot, name);
        if (!answer) ++failures;
        if (answer && answer->what == What::kPresent && !cache_->Get(answer->inode.ino)) ++failures;
        if (random() % 3 == 0 && !cache_->Upsert(kRoot, File(name))) ++failures;
        if (random() % 5 == 0 && !cache_->Remove(kRoot, name)) ++failures;
      }
    });
  }
  for (int round = 0; round < 20; ++round) {
    const auto listing = cache_->BeginListing(kRoot);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(listing->Add({File("f" + std::to_string(i))}));
    ASSERT_TRUE(listing->Finish(At(round), nullptr));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace skybridge::cache
