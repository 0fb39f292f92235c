// Random trees with changes by others between passes, for all pairs of stores: what a dry run says is
// what the pass does, what the pass says is what is there, and a second pass moves nothing.
#include <cstdlib>
#include <set>
#include <tuple>

#include "tests/unit/sync/pass_bench.h"

namespace skybridge {
namespace {

using testing::FakeClock;
using testing::NameOf;
using testing::PassResult;
using testing::StoreKind;
using testing::TestTree;

class SyncModel : public ::testing::TestWithParam<std::tuple<StoreKind, StoreKind>> {
 protected:
  void RunRounds(std::uint32_t seed);
  void ExpectTruth(TestTree& from, TestTree& to, const std::vector<std::string>& before,
                   const PassResult& pass);

  FakeClock clock_;
};

std::string PathOf(const std::string& line) {
  return line.substr(0, std::min(line.find('='), line.find("->")));
}

// All that the source has is at the destination, except for what failed; nothing else was changed
// there, except for what made way.
void SyncModel::ExpectTruth(TestTree& from, TestTree& to, const std::vector<std::string>& before,
                            const PassResult& pass) {
  std::set<std::string> failed;
  for (const SyncFailure& failure : pass.summary.failed) failed.insert(failure.path);
  const auto wanted = from.Contents();
  const auto there = to.Contents();
  const std::set<std::string> lines(there.begin(), there.end());
  std::set<std::string> at_source;
  for (const std::string& line : wanted) {
    at_source.insert(PathOf(line));
    if (line.ends_with('/') || failed.contains(PathOf(line))) continue;
    EXPECT_TRUE(lines.contains(line)) << "missing at the destination: " << line;
  }
  for (const std::string& line : before) {
    const std::string path = PathOf(line);
    if (path.ends_with('/') || at_source.contains(path)) continue;
    const bool made_way = std::any_of(wanted.begin(), wanted.end(), [&](const std::string& other) {
      return other.starts_with(path + "/");
    });
    EXPECT_TRUE(made_way || lines.contains(line)) << "lost at the destination: " << line;
  }
}

void SyncModel::RunRounds(std::uint32_t seed) {
  SCOPED_TRACE(fmt::format("seed {} (SKYBRIDGE_TEST_SEED={} repeats it)", seed, seed));
  TestTree from(std::get<0>(GetParam()), clock_);
  TestTree to(std::get<1>(GetParam()), clock_);
  testing::RandomChanges changes(seed, clock_);
  for (int round = 0; round < 4; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    changes.Apply(from, 12);
    changes.Apply(to, round == 0 ? 0 : 4);
    clock_.Advance(std::chrono::hours(1));
    const auto before = to.Contents();
    SyncOptions options = testing::PassOptions(from, to, clock_);
    options.dry_run = true;
    const PassResult dry = testing::RunPass(options);
    ASSERT_EQ(to.Contents(), before) << "a dry run changed something";
    options.dry_run = false;
    const PassResult pass = testing::RunPass(options);
    EXPECT_EQ(dry.steps, pass.steps);
    EXPECT_EQ(dry.failures, pass.failures);
    EXPECT_EQ(dry.summary.directories_made, pass.summary.directories_made);
    ExpectTruth(from, to, before, pass);
    const PassResult second = testing::RunPass(options);
    EXPECT_EQ(second.steps, std::vector<std::string>()) << "a second pass moved something";
    EXPECT_EQ(second.failures, pass.failures);
    if (HasFailure()) return;
  }
}

TEST_P(SyncModel, APassDoesWhatItsDryRunSaysAndComesToRest) {
  const char* given = std::getenv("SKYBRIDGE_TEST_SEED");  // NOLINT(concurrency-mt-unsafe)
  if (given != nullptr) return RunRounds(static_cast<std::uint32_t>(std::atoi(given)));
  const std::uint32_t base = std::random_device()();
  for (std::uint32_t i = 0; i < 5 && !HasFailure(); ++i) RunRounds((base + i) % 1'000'000'000);
}

INSTANTIATE_TEST_SUITE_P(Between, SyncModel,
                         ::testing::Combine(::testing::ValuesIn(testing::kStoreKinds),
                                            ::testing::ValuesIn(testing::kStoreKinds)),
                         [](const auto& one) {
                           return NameOf(std::get<0>(one.param)) + "_to_" +
                                  NameOf(std::get<1>(one.param));
                         });

}  // namespace
}  // namespace skybridge
