// A file that became a directory, a directory that became a file, and a name that is both: the same
// for every kind of destination.
#include "tests/unit/sync/pass_bench.h"

namespace skybridge {
namespace {

using testing::FakeClock;
using testing::NameOf;
using testing::PassResult;
using testing::StoreKind;
using testing::TestTree;

class KindChange : public ::testing::TestWithParam<StoreKind> {
 protected:
  PassResult Pass(TestTree& from) {
    return testing::RunPass(testing::PassOptions(from, to_, clock_));
  }
  // A later pass does nothing, and says the same.
  void ExpectRest(TestTree& from, const PassResult& first) {
    const PassResult again = Pass(from);
    EXPECT_TRUE(again.steps.empty()) << again.steps.front();
    EXPECT_EQ(again.summary.failed_count, first.summary.failed_count);
    EXPECT_EQ(again.summary.extra_at_destination, first.summary.extra_at_destination);
  }

  FakeClock clock_;
  TestTree hierarchical_{StoreKind::kHierarchical, clock_};
  TestTree flat_{StoreKind::kFlat, clock_};
  TestTree to_{GetParam(), clock_};
};

TEST_P(KindChange, AFileMakesWayForADirectory) {
  ASSERT_TRUE(to_.Put("a", "the file"));
  ASSERT_TRUE(to_.Put("a!", "a name between"));
  for (TestTree* from : {&hierarchical_, &flat_}) {
    ASSERT_TRUE(from->Put("a/x", "below"));
    ASSERT_TRUE(from->Put("a-", "a name between"));
    const PassResult pass = Pass(*from);
    EXPECT_TRUE(pass.summary.complete());
    EXPECT_EQ(pass.summary.made_way, from == &hierarchical_ ? 1U : 0U);
    ExpectRest(*from, pass);
  }
  const auto contents = to_.Contents();
  EXPECT_EQ(std::count(contents.begin(), contents.end(), "a/x=below"), 1);
  EXPECT_EQ(std::count(contents.begin(), contents.end(), "a!=a name between"), 1);
  EXPECT_EQ(std::count(contents.begin(), contents.end(), "a=the file"), 0);
}

TEST_P(KindChange, AnEmptyDirectoryMakesWayForAFile) {
  ASSERT_TRUE(to_.MakeDirectory("a"));
  ASSERT_TRUE(hierarchical_.Put("a", "the file"));
  const PassResult pass = Pass(hierarchical_);
  EXPECT_TRUE(pass.summary.complete());
  EXPECT_EQ(pass.summary.made_way, 1U);
  EXPECT_EQ(to_.Contents(), std::vector<std::string>{"a=the file"});
  ExpectRest(hierarchical_, pass);
}

TEST_P(KindChange, ADirectoryThatHoldsSomethingStaysAndTheFileIsNamed) {
  ASSERT_TRUE(to_.Put("a/x", "kept"));
  ASSERT_TRUE(hierarchical_.Put("a", "the file"));
  ASSERT_TRUE(hierarchical_.Put("b", "another"));
  const PassResult pass = Pass(hierarchical_);
  EXPECT_FALSE(pass.summary.complete());
  EXPECT_EQ(pass.summary.files_copied, 1U);
  ASSERT_EQ(pass.summary.failed.size(), 1U);
  EXPECT_EQ(pass.summary.failed[0].path, "a");
  const auto contents = to_.Contents();
  EXPECT_EQ(std::count(contents.begin(), contents.end(), "a/x=kept"), 1);
  EXPECT_EQ(std::count(contents.begin(), contents.end(), "a=the file"), 0);
  ExpectRest(hierarchical_, pass);
}

TEST_P(KindChange, ANameThatIsBothIsCopiedWhereItCanBeAndElseTheFileIsNamed) {
  ASSERT_TRUE(flat_.Put("a", "the file"));
  ASSERT_TRUE(flat_.Put("a/x", "below"));
  ASSERT_TRUE(flat_.Put("a-", "a name between"));
  const PassResult pass = Pass(flat_);
  const bool holds_both = !to_.store().capabilities().real_directories;
  EXPECT_EQ(pass.summary.complete(), holds_both);
  EXPECT_EQ(pass.summary.files_copied, holds_both ? 3U : 2U);
  if (!holds_both) {
    ASSERT_EQ(pass.summary.failed.size(), 1U);
    EXPECT_EQ(pass.summary.failed[0].path, "a");
  }
  const auto contents = to_.Contents();
  EXPECT_EQ(std::count(contents.begin(), contents.end(), "a/x=below"), 1);
  ExpectRest(flat_, pass);
}

TEST_P(KindChange, ALinkMakesWayForADirectory) {
  ASSERT_TRUE(to_.Put("a", "elsewhere", {}, NodeKind::kSymlink));
  ASSERT_TRUE(hierarchical_.Put("a/x", "below"));
  const PassResult pass = Pass(hierarchical_);
  EXPECT_TRUE(pass.summary.complete());
  const auto contents = to_.Contents();
  EXPECT_EQ(std::count(contents.begin(), contents.end(), "a/x=below"), 1);
  ExpectRest(hierarchical_, pass);
}

INSTANTIATE_TEST_SUITE_P(At, KindChange, ::testing::ValuesIn(testing::kStoreKinds),
                         [](const auto& one) { return NameOf(one.param); });

}  // namespace
}  // namespace skybridge
