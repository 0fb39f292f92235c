// A mount of a service whose names are made to do harm.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/mount/files.h"
#include "tests/mount/test_mount.h"
#include "tests/support/hostile_stores.h"

namespace skybridge::testing {
namespace {

class HostileMount : public ::testing::TestWithParam<StoreKind> {
 protected:
  SystemClock clock_;
  HostileService service_{DialectOf(GetParam()), HostileNames()};
  std::unique_ptr<ObjectStore> store_ = OpenHostileStore(GetParam(), service_, clock_);
};

TEST_P(HostileMount, NoNameLeadsOutOfItsDirectory) {
  TestMount mount(*store_);
  const bool flat = GetParam() == StoreKind::kOci || GetParam() == StoreKind::kAzureFlat;
  const bool dots = GetParam() == StoreKind::kOci;
  std::vector<std::string> names{"a", "dir", "good.txt", "sub"};
  if (flat) names.insert(names.begin(), "%!");
  if (dots) names.insert(names.begin() + 1, {"%!.", "%!..", "%!..!file"});
  EXPECT_EQ(NamesIn(mount.path()), names);
  EXPECT_EQ(NamesIn(mount / "a"), dots   ? (std::vector<std::string>{"%!", "%!.."})
                                  : flat ? std::vector<std::string>{"%!"}
                                         : std::vector<std::string>{});
  EXPECT_EQ(NamesIn(mount / "dir"),
            dots ? std::vector<std::string>{"%!."} : std::vector<std::string>{});
  if (flat) {
    EXPECT_EQ(ReadFile(mount / "%!/etc/passwd"), HostileService::kContent);
  }
  EXPECT_EQ(ReadFile(mount / "good.txt"), HostileService::kContent);
  EXPECT_EQ(ReadFile(mount / "sub/ok"), HostileService::kContent);
  EXPECT_EQ(mount.filesystem().counters().hidden_names, HostileHidden(GetParam()));
}

TEST_P(HostileMount, EndlessPagesAreAnErrorOfOneDirectory) {
  for (const auto pages : {HostileService::Pages::kRepeatTheirContinuation,
                           HostileService::Pages::kRepeatTheirNames}) {
    HostileService service(DialectOf(GetParam()), HostileNames());
    const auto store = OpenHostileStore(GetParam(), service, clock_);
    service.NeverEnd(pages);
    TestMount mount(*store);
    std::string output;
    EXPECT_EQ(Shell("timeout 30 ls '" + mount.path() + "'", &output), 2) << output;
    EXPECT_LT(service.requests(), 100U);
  }
}

TEST_P(HostileMount, EmptyPagesWithoutEndAreAnErrorOfOneDirectory) {
  service_.NeverEnd(HostileService::Pages::kAreEmpty);
  TestMount mount(*store_);
  std::string output;
  EXPECT_EQ(Shell("timeout 60 ls '" + mount.path() + "'", &output), 2) << output;
}

INSTANTIATE_TEST_SUITE_P(Stores, HostileMount, ::testing::ValuesIn(kStoreKinds),
                         [](const auto& tested) { return StoreKindName(tested.param); });

}  // namespace
}  // namespace skybridge::testing
