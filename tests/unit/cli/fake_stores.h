// FakeStores: a StoreOpener over stores in memory, one for each container, and a context to run
// commands with.
#pragma once

#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "cli/command_context.h"
#include "cli/store_opener.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::cli {

class FakeStores final : public StoreOpener {
 public:
  explicit FakeStores(const Clock& clock) : clock_(clock) {}

  // Makes the store that this URI opens; anything else is a container that does not exist.
  testing::FakeObjectStore& Add(const std::string& uri, testing::FakeStoreOptions options = {}) {
    auto& store = stores_[uri];
    store = std::make_unique<testing::FakeObjectStore>(clock_, std::move(options));
    return *store;
  }
  void IdentifyAs(std::string identity, std::string warning = {}) {
    identity_ = std::move(identity);
    warning_ = std::move(warning);
  }
  void FailWith(Failure failure) { failure_ = std::move(failure); }

  Outcome<std::unique_ptr<OpenStore>> Open(const RemoteConfig& remote,
                                           const CallContext&) override {
    if (failure_) return tl::unexpected<Failure>(*failure_);
    const auto found = stores_.find(ToString(remote.uri));
    if (found == stores_.end())
      return Fails(ExitCode::kNotFound, "no store for " + ToString(remote.uri));
    return std::make_unique<Opened>(*found->second, *this);
  }

 private:
  struct Opened final : OpenStore {
    Opened(ObjectStore& opened_store, const FakeStores& from)
        : opened(opened_store), stores(from) {}
    ObjectStore& store() override { return opened; }
    std::string Identity() const override { return stores.identity_; }
    std::string Warning() const override { return stores.warning_; }
    ObjectStore& opened;
    const FakeStores& stores;
  };

  const Clock& clock_;
  std::map<std::string, std::unique_ptr<testing::FakeObjectStore>> stores_;
  std::optional<Failure> failure_;
  std::string identity_;
  std::string warning_;
};

// What a command wrote, and what it ran with.
struct CommandBench {
  testing::FakeClock clock;
  FakeStores stores{clock};
  std::ostringstream out;
  std::ostringstream err;
  MapEnvironment environment{{"AZURE_STORAGE_KEY", "a2V5"}};
  CommandContext context{
      .out = out, .err = err, .environment = environment, .clock = clock, .stores = stores};
};

}  // namespace skybridge::cli
