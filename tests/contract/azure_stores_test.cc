// Both Azure stores over the local cloud: real protocol, real signatures, real HTTP.
#include <stdexcept>

#include "tests/contract/azure_world.h"
#include "tests/contract/object_store_contract.h"

namespace skybridge::testing {
namespace {

std::shared_ptr<ObjectStore> MakeAzure(bool hierarchical, const std::string& root,
                                       Reach reach = Reach::kBothEndpoints) {
  auto world = std::make_shared<AzureWorld>(hierarchical, reach);
  if (!root.empty()) {
    if (!world->store->MakeDirectory({.key = ObjectKey(root)}, {}))
      throw std::runtime_error("no directory to stand on");
    world->store = world->OpenStore(root);
  }
  ObjectStore* store = world->store.get();
  return {std::move(world), store};
}

INSTANTIATE_TEST_SUITE_P(
    Azure, ObjectStoreContract,
    ::testing::Values(ContractSubject{"Hierarchical", [] { return MakeAzure(true, ""); }},
                      ContractSubject{"HierarchicalBelowARoot",
                                      [] { return MakeAzure(true, "lake"); }},
                      ContractSubject{"HierarchicalThroughDfsOnly",
                                      [] { return MakeAzure(true, "", Reach::kDfsOnly); }},
                      ContractSubject{"DfsOnlyBelowARoot",
                                      [] { return MakeAzure(true, "lake", Reach::kDfsOnly); }},
                      ContractSubject{"Flat", [] { return MakeAzure(false, ""); }}),
    ContractName);

}  // namespace
}  // namespace skybridge::testing
