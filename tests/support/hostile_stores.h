// The remote stores, each kind, over a service of the test's choice, without credentials.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/azure/credential.h"
#include "backends/azure/flat_store.h"
#include "backends/azure/hierarchical_store.h"
#include "backends/oci/identity.h"
#include "backends/oci/oci_store.h"
#include "tests/support/hostile_service.h"

namespace skybridge::testing {

enum class StoreKind {
  kAzureFlat,
  kAzureHierarchical,
  kAzureDfsOnly,  // hierarchical, where only the DFS endpoint can be reached
  kOci,
};
inline const std::vector<StoreKind> kStoreKinds = {StoreKind::kAzureFlat,
                                                   StoreKind::kAzureHierarchical,
                                                   StoreKind::kAzureDfsOnly, StoreKind::kOci};

inline HostileService::Dialect DialectOf(StoreKind kind) {
  switch (kind) {
    case StoreKind::kAzureFlat:
      return HostileService::Dialect::kAzureFlat;
    case StoreKind::kAzureHierarchical:
      return HostileService::Dialect::kAzureHierarchical;
    case StoreKind::kAzureDfsOnly:
      return HostileService::Dialect::kAzureDfsOnly;
    case StoreKind::kOci:
      return HostileService::Dialect::kOci;
  }
  return {};
}

inline std::string StoreKindName(StoreKind kind) {
  switch (kind) {
    case StoreKind::kAzureFlat:
      return "AzureFlat";
    case StoreKind::kAzureHierarchical:
      return "AzureHierarchical";
    case StoreKind::kAzureDfsOnly:
      return "AzureDfsOnly";
    case StoreKind::kOci:
      return "Oci";
  }
  return {};
}

// Both must outlive the store.
inline std::unique_ptr<ObjectStore> OpenHostileStore(StoreKind kind, HttpTransport& transport,
                                                     Clock& clock) {
  const bool dfs_only = kind == StoreKind::kAzureDfsOnly;
  const azure::Options azure{.account = "a",
                             .container = "c",
                             .root = {},
                             .dfs_endpoint = "https://a.dfs.core.windows.net",
                             .blob_endpoint = dfs_only ? "" : "https://a.blob.core.windows.net",
                             .credential = std::make_shared<azure::AnonymousCredential>()};
  switch (kind) {
    case StoreKind::kAzureFlat:
      return std::make_unique<azure::FlatStore>(azure, transport, clock);
    case StoreKind::kAzureHierarchical:
    case StoreKind::kAzureDfsOnly:
      return std::make_unique<azure::HierarchicalStore>(azure, transport, clock);
    case StoreKind::kOci:
      return oci::MakeOciStore({.endpoint = "https://objectstorage.us-ashburn-1.oraclecloud.com",
                                .name_space = "n",
                                .bucket = "b",
                                .environment = [](std::string_view) { return std::nullopt; }},
                               transport, oci::MakeFixedIdentity({}), clock)
          .value();
  }
  return nullptr;
}

// Names that no plain path can show, one good one, and one that comes three times. In bytewise order, as
// listings come.
inline std::vector<std::string> HostileNames(std::size_t longest_bytes = 100'000) {
  using std::string_literals::operator""s;
  return {".",
          "..",
          "../escape",
          "/etc/passwd",
          "a/../../escape",
          "a//b",
          "dir/./x",
          "good.txt",
          "good.txt",
          "good.txt",
          std::string(longest_bytes, 'n'),
          "sub/ok",
          "x\0y"s};
}
// Of these: those that no key of a store can hold, and those whose keys no directory of ours can.
inline std::size_t HostileHidden(StoreKind kind) {
  if (kind == StoreKind::kOci) return 2;        // the long one, and the one with NUL
  if (kind == StoreKind::kAzureFlat) return 7;  // those with "." and ".." as well
  return 9;
}
inline std::size_t HostileEscaped(StoreKind kind) { return 9 - HostileHidden(kind); }

}  // namespace skybridge::testing
