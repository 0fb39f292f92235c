// The fake keeps the contract too: what is tested on it holds for the services.
#include "tests/contract/object_store_contract.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::testing {
namespace {

std::shared_ptr<ObjectStore> MakeFake(const Capabilities& capabilities) {
  static SystemClock clock;
  return std::make_shared<FakeObjectStore>(
      clock, FakeStoreOptions{.capabilities = capabilities, .page_size = 3});
}

INSTANTIATE_TEST_SUITE_P(
    Fake, ObjectStoreContract,
    ::testing::Values(ContractSubject{"Hierarchical",
                                      [] { return MakeFake(HierarchicalCapabilities()); }},
                      ContractSubject{"Flat", [] { return MakeFake(FlatCapabilities()); }},
                      ContractSubject{"LikeOci", [] { return MakeFake(OciLikeCapabilities()); }}),
    ContractName);

}  // namespace
}  // namespace skybridge::testing
