// FlatStore against Azurite, a server of another hand: what the Blob protocol is, not what our own
// double makes of it.
#include <atomic>

#include <gtest/gtest.h>

#include "backends/azure/blob_requests.h"
#include "backends/azure/channel.h"
#include "backends/azure/open_store.h"
#include "backends/azure/sas.h"
#include "backends/azure/shared_key.h"
#include "backends/http/curl_transport.h"
#include "tests/conformance/azurite.h"
#include "tests/contract/object_store_contract.h"
#include "tests/support/machine_clock.h"

namespace skybridge::azure {
namespace {

using skybridge::testing::Azurite;

// One emulator for the program: it takes seconds to come up.
class OneAzurite final : public ::testing::Environment {
 public:
  void SetUp() override {
    auto started = Azurite::Start();
    ASSERT_TRUE(started) << started.error().ToString();
    azurite_ = *std::move(started);
  }
  void TearDown() override { azurite_.reset(); }

  static std::string endpoint() { return azurite_->endpoint(); }

 private:
  static inline std::unique_ptr<Azurite> azurite_;
};

const ::testing::Environment* const kEnvironment =
    ::testing::AddGlobalTestEnvironment(new OneAzurite);

// A store in a container of its own.
struct AzuriteWorld {
  SystemClock clock;
  CurlTransport transport{skybridge::testing::MachineClock()};
  Options options;
  std::unique_ptr<ObjectStore> store;

  AzuriteWorld() {
    static std::atomic<int> containers = 0;
    auto key = SharedKeyCredential::Make(Azurite::kAccount, Azurite::kKey);
    options = {.account = Azurite::kAccount,
               .container = "contract-" + std::to_string(++containers),
               .root = {},
               .dfs_endpoint = OneAzurite::endpoint(),
               .blob_endpoint = OneAzurite::endpoint(),
               .checksum = Checksum::kMd5,  // the one that Azurite checks
               .credential = *std::move(key)};
    const Channel channel(options, transport, clock);
    const HttpRequest create{
        .operation = "azure.create_container",
        .method = "PUT",
        .url = options.blob_endpoint + "/" + options.container + "?restype=container"};
    const auto created = channel.Send(create, ObjectKey(), {});
    EXPECT_TRUE(created) << created.error().ToString();
    auto opened = OpenStore(options, transport, clock, {});
    EXPECT_TRUE(opened) << opened.error().ToString();
    if (opened) store = *std::move(opened);
  }
};

std::shared_ptr<ObjectStore> MakeStore() {
  auto world = std::make_shared<AzuriteWorld>();
  return {world, world->store.get()};
}

class AzuriteFlatStore : public ::testing::Test {
 protected:
  Result<ProbeReply> ProbeWith(const Options& options) {
    auto store = OpenStore(options, world_.transport, world_.clock, {});
    if (!store) return Fail(store.error());
    return (*store)->Probe({});
  }

  AzuriteWorld world_;
};

TEST_F(AzuriteFlatStore, IsDetectedAsFlat) {
  EXPECT_EQ(world_.store->capabilities().name, "azure-flat");
}

TEST_F(AzuriteFlatStore, KeepsMetadataWhoseNamesSortUnlikeBytes) {
  const Attributes attributes{.foreign = {{"a_b", "1"}, {"a1", "2"}}};
  ASSERT_TRUE(world_.store->Put(
      {.key = ObjectKey("f"), .body = AsBytes("x"), .attributes = attributes}, {}));
  EXPECT_EQ(world_.store->Head(ObjectKey("f"), {})->attributes->foreign, attributes.foreign);
}

TEST_F(AzuriteFlatStore, RefusesAWrongKey) {
  Options options = world_.options;
  options.hierarchical = false;
  auto key = SharedKeyCredential::Make(Azurite::kAccount, "AAAA");
  options.credential = *std::move(key);
  EXPECT_EQ(ProbeWith(options).error().code, ErrorCode::kPermissionDenied);
}

TEST_F(AzuriteFlatStore, AcceptsASas) {
  Options options = world_.options;
  // An account SAS for everything, signed with the emulator's documented key.
  auto sas = SasCredential::Make(
      "sv=2023-11-03&ss=b&srt=sco&spr=https%2Chttp&st=2026-01-01T00%3A00%3A00Z&se=2036-01-01T00%"
      "3A00%3A00Z"
      "&sp=rwdlacup&sig=Gwgs3tkrIJAGrH3Osx%2BirfGFqHa5uTz6irbQGh53OOU%3D",
      world_.clock);
  ASSERT_TRUE(sas);
  options.credential = *std::move(sas);
  EXPECT_TRUE(ProbeWith(options));
}

TEST_F(AzuriteFlatStore, ReportsAContainerThatIsNotThere) {
  Options options = world_.options;
  options.container = "missing";
  options.hierarchical = false;
  EXPECT_EQ(ProbeWith(options).error().code, ErrorCode::kContainerNotFound);
}

}  // namespace
}  // namespace skybridge::azure

namespace skybridge::testing {

INSTANTIATE_TEST_SUITE_P(Azurite, ObjectStoreContract,
                         ::testing::Values(ContractSubject{"Flat",
                                                           [] { return azure::MakeStore(); }}),
                         ContractName);

}  // namespace skybridge::testing
