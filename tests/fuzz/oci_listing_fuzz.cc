// OCI: ListObjects (JSON), up to the pages of entries that the rest of the program sees.
#include <memory>
#include <string>

#include "backends/oci/identity.h"
#include "backends/oci/oci_store.h"
#include "core/clock.h"
#include "tests/fuzz/answering_transport.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/listing_rules.h"

namespace skybridge::oci {

FUZZ_TARGET(oci_listing) {
  static SystemClock clock;
  fuzz::Input in(input);
  const unsigned choices = in.Byte();
  const ListRequest request{.directory = ObjectKey((choices & 2) != 0 ? "dir" : ""),
                            .recursive = (choices & 4) != 0};
  fuzz::AnsweringTransport transport(in.Rest());
  const auto store = MakeOciStore({.endpoint = "https://objectstorage.us-ashburn-1.oraclecloud.com",
                                   .name_space = "n",
                                   .bucket = "b",
                                   .root = ObjectKey((choices & 1) != 0 ? "root" : ""),
                                   .environment = [](std::string_view) { return std::nullopt; }},
                                  transport, MakeFixedIdentity({}), clock);
  fuzz::CheckPage(request, (*store)->List(request, {}));
}

}  // namespace skybridge::oci
