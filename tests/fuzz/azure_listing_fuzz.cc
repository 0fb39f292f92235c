// Azure: List Blobs (XML) and Path - List (JSON, where only DFS can be reached), up to the pages of
// entries that the rest of the program sees. The first byte chooses the kind of account, its
// endpoints and what is listed.
#include <algorithm>
#include <string>

#include "backends/azure/flat_store.h"
#include "backends/azure/hierarchical_store.h"
#include "core/clock.h"
#include "tests/fuzz/answering_transport.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/listing_rules.h"

namespace skybridge::azure {
namespace {

Options StoreOptions(bool below_a_root, bool dfs_only) {
  return {.account = "a",
          .container = "c",
          .root = below_a_root ? "root" : "",
          .dfs_endpoint = "https://a.dfs.core.windows.net",
          .blob_endpoint = dfs_only ? "" : "https://a.blob.core.windows.net",
          .credential = std::make_shared<AnonymousCredential>()};
}

}  // namespace

FUZZ_TARGET(azure_listing) {
  static SystemClock clock;
  fuzz::Input in(input);
  const unsigned choices = in.Byte();
  const bool below_a_root = (choices & 1) != 0;
  const ListRequest request{.directory = ObjectKey((choices & 2) != 0 ? "dir" : ""),
                            .recursive = (choices & 4) != 0};
  fuzz::AnsweringTransport transport(in.Rest());
  if ((choices & 8) != 0) {
    FlatStore store(StoreOptions(below_a_root, false), transport, clock);
    fuzz::CheckPage(request, store.List(request, {}));
  } else {
    HierarchicalStore store(StoreOptions(below_a_root, (choices & 16) != 0), transport, clock);
    fuzz::CheckPage(request, store.List(request, {}));
  }
}

}  // namespace skybridge::azure
