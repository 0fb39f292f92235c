// Both Azure stores over the local cloud: real protocol, real signatures, real HTTP.
#include "backends/azure/open_store.h"
#include "backends/azure/shared_key.h"
#include "backends/http/curl_transport.h"
#include "tests/contract/object_store_contract.h"
#include "tests/localcloud/azure_service.h"
#include "tests/localcloud/server.h"

namespace skybridge::testing {
namespace {

constexpr const char* kContainer = "contract";

// A store and the whole cloud that it stands on.
struct AzureWorld {
  SystemClock clock;
  std::unique_ptr<localcloud::Storage> storage = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::AzureService> service;
  std::unique_ptr<localcloud::Server> server;
  CurlTransport transport;
  std::unique_ptr<ObjectStore> store;
};

// What has no value is a broken test world: there is nothing to go on with.
template <class T>
T Must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  return *std::move(result);
}

std::shared_ptr<ObjectStore> MakeAzure(bool hierarchical, const std::string& root) {
  auto world = std::make_shared<AzureWorld>();
  const std::string account = localcloud::kAzureEmulatorAccount;
  const localcloud::AzureOptions cloud{.accounts = {{.name = account,
                                                     .key = localcloud::kAzureEmulatorKey,
                                                     .hierarchical = hierarchical,
                                                     .containers = {kContainer}}}};
  world->service = Must(localcloud::AzureService::Make(cloud, *world->storage, world->clock));
  world->server = Must(localcloud::Server::Start(*world->service, world->clock));
  const std::string endpoint = world->server->url() + "/" + account;
  azure::Options options{.account = account,
                         .container = kContainer,
                         .dfs_endpoint = endpoint,
                         .blob_endpoint = endpoint};
  options.credential =
      Must(azure::SharedKeyCredential::Make(account, localcloud::kAzureEmulatorKey));
  world->store = Must(azure::OpenStore(options, world->transport, world->clock, {}));
  if (!root.empty()) {
    Must(world->store->MakeDirectory({.key = ObjectKey(root)}, {}));
    options.root = root;
    world->store = Must(azure::OpenStore(options, world->transport, world->clock, {}));
  }
  return {world, world->store.get()};
}

INSTANTIATE_TEST_SUITE_P(
    Azure, ObjectStoreContract,
    ::testing::Values(ContractSubject{"Hierarchical", [] { return MakeAzure(true, ""); }},
                      ContractSubject{"HierarchicalBelowARoot",
                                      [] { return MakeAzure(true, "lake"); }},
                      ContractSubject{"Flat", [] { return MakeAzure(false, ""); }}),
    ContractName);

}  // namespace
}  // namespace skybridge::testing
