// `skybridge ls` of a service whose listings are made to do harm.
#include <memory>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/read_commands.h"
#include "tests/support/hostile_stores.h"

namespace skybridge::cli {
namespace {

using ::testing::HasSubstr;
using testing::HostileService;
using testing::StoreKind;

class HostileStore final : public StoreOpener {
 public:
  HostileStore(StoreKind kind, HostileService& service, Clock& clock)
      : kind_(kind), service_(service), clock_(clock) {}

  Outcome<std::unique_ptr<OpenStore>> Open(const RemoteConfig&, const CallContext&) override {
    return std::make_unique<Opened>(testing::OpenHostileStore(kind_, service_, clock_));
  }

 private:
  struct Opened final : OpenStore {
    explicit Opened(std::unique_ptr<ObjectStore> opened_store) : opened(std::move(opened_store)) {}
    ObjectStore& store() override { return *opened; }
    std::unique_ptr<ObjectStore> opened;
  };

  const StoreKind kind_;
  HostileService& service_;
  Clock& clock_;
};

class HostileLs : public ::testing::TestWithParam<StoreKind> {};

TEST_P(HostileLs, EndsWithAnErrorWherePagesNeverEnd) {
  for (const auto pages :
       {HostileService::Pages::kRepeatTheirContinuation, HostileService::Pages::kRepeatTheirNames,
        HostileService::Pages::kAreEmpty}) {
    for (const bool recursive : {false, true}) {
      SystemClock clock;
      HostileService service(testing::DialectOf(GetParam()), testing::HostileNames());
      service.NeverEnd(pages);
      HostileStore stores(GetParam(), service, clock);
      std::ostringstream out;
      std::ostringstream err;
      const MapEnvironment environment{{"AZURE_STORAGE_KEY", "a2V5"}};
      const auto listed = RunList(
          {.path = "abfss://lake@contoso.dfs.core.windows.net/", .recursive = recursive},
          {.out = out, .err = err, .environment = environment, .clock = clock, .stores = stores});
      ASSERT_FALSE(listed);
      EXPECT_THAT(listed.error().message, HasSubstr("never end"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, HostileLs, ::testing::ValuesIn(testing::kStoreKinds),
                         [](const auto& tested) { return testing::StoreKindName(tested.param); });

}  // namespace
}  // namespace skybridge::cli
