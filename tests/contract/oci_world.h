// A bucket "lake" of the local cloud and stores on it, through a real transport with real
// signatures.
#pragma once

#include <memory>
#include <string>

#include "backends/http/curl_transport.h"
#include "backends/oci/oci_store.h"
#include "backends/oci/pre_authenticated.h"
#include "tests/localcloud/oci_service.h"
#include "tests/localcloud/server.h"
#include "tests/localcloud/storage.h"
#include "tests/support/fault_injecting_transport.h"
#include "tests/support/machine_clock.h"
#include "tests/unit/backends/oci_test_key.h"

namespace skybridge::testing {

// Members are destroyed from the last to the first.
struct OciWorld {
  SystemClock clock;
  std::unique_ptr<localcloud::Storage> storage = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::OciService> service;
  std::unique_ptr<localcloud::Server> server;
  CurlTransport curl{skybridge::testing::MachineClock()};
  FaultInjectingTransport transport{curl};
  std::unique_ptr<ObjectStore> store;

  explicit OciWorld(const ObjectKey& root = {}) {
    const std::string pem(oci::testing::kPkcs8);
    const std::string key_id = Identities()->Current({}).value()->key_id;
    service =
        localcloud::OciService::Create(*storage, clock,
                                       {.buckets = {"lake"},
                                        .identities = {{key_id, pem}},
                                        .limits = {.min_part_size_bytes = std::uint64_t{10} << 20}})
            .value();
    server = localcloud::Server::Start(*service, clock).value();
    store = OpenStore(root);
  }

  // A store that signs nothing: everything goes through a pre-authenticated request.
  std::unique_ptr<ObjectStore> OpenThrough(const oci::PreAuthenticatedUrl& url,
                                           const ObjectKey& root) {
    return oci::MakeOciStore({.endpoint = url.endpoint,
                              .name_space = url.name_space,
                              .bucket = url.bucket,
                              .root = root,
                              .access = url.access},
                             transport, oci::MakeFixedIdentity({}), clock)
        .value();
  }

  oci::PreAuthenticatedUrl MakePreAuthenticatedRequest(const std::string& access_type,
                                                       const std::string& prefix = {},
                                                       bool lists = true) {
    const std::string path =
        service
            ->MakePreAuthenticatedRequest(
                {.bucket = "lake", .access_type = access_type, .prefix = prefix, .lists = lists})
            .value();
    return oci::ParsePreAuthenticatedUrl(Secret(server->url() + path)).value();
  }

  // Another store on the same bucket, as another process would have.
  std::unique_ptr<ObjectStore> OpenStore(const ObjectKey& root) {
    return oci::MakeOciStore({.endpoint = server->url(),
                              .region = "us-ashburn-1",
                              .bucket = "lake",
                              .root = root},
                             transport, Identities(), clock)
        .value();
  }

 private:
  std::unique_ptr<oci::IdentityProvider> Identities() {
    return oci::MakeIdentityProvider(
               {.profile = {.tenancy = std::string(oci::testing::kTenancy),
                            .user = std::string(oci::testing::kUser),
                            .fingerprint = std::string(oci::testing::kFingerprint),
                            .key_content = std::string(oci::testing::kPkcs8)}},
               curl, clock)
        .value();
  }
};

}  // namespace skybridge::testing
