// A file system "raw" in an Azure account of the local cloud and stores on it, through a real
// transport with real signatures.
#pragma once

#include <memory>
#include <string>

#include "backends/azure/open_store.h"
#include "backends/azure/shared_key.h"
#include "backends/http/curl_transport.h"
#include "tests/localcloud/azure_service.h"
#include "tests/localcloud/server.h"
#include "tests/localcloud/storage.h"
#include "tests/support/machine_clock.h"

namespace skybridge::testing {

enum class Reach {
  kBothEndpoints,
  kDfsOnly,  // what the Blob protocol alone knows is cut off
};

// Members are destroyed from the last to the first.
struct AzureWorld {
  SystemClock clock;
  std::unique_ptr<localcloud::Storage> storage = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::AzureService> service;
  std::unique_ptr<localcloud::Server> server;
  CurlTransport transport{skybridge::testing::MachineClock()};
  std::unique_ptr<ObjectStore> store;
  const Reach reach;

  explicit AzureWorld(bool hierarchical, Reach wanted = Reach::kBothEndpoints) : reach(wanted) {
    service = localcloud::AzureService::Make({.accounts = {{.name = kAccount,
                                                            .key = localcloud::kAzureEmulatorKey,
                                                            .hierarchical = hierarchical,
                                                            .containers = {"raw"}}}},
                                             *storage, clock)
                  .value();
    server = localcloud::Server::Start(*service, clock).value();
    if (reach == Reach::kDfsOnly) SwitchBlobOff();
    store = OpenStore({});
  }

  // Another store on the same file system, below `root`, as another process would have.
  std::unique_ptr<ObjectStore> OpenStore(const std::string& root,
                                         azure::Checksum checksum = azure::Checksum::kCrc64) {
    return azure::OpenStore(MakeOptions(root, checksum), transport, clock, {}).value();
  }

  azure::Options MakeOptions(const std::string& root,
                             azure::Checksum checksum = azure::Checksum::kCrc64) {
    const std::string endpoint = server->url() + "/" + kAccount;
    azure::Options options{.account = kAccount,
                           .container = "raw",
                           .root = root,
                           .dfs_endpoint = endpoint,
                           .blob_endpoint = endpoint,
                           .checksum = checksum};
    if (reach == Reach::kDfsOnly) {
      options.dfs_endpoint =
          std::string("http://") + kAccount + ".dfs.localhost:" + std::to_string(server->port());
      options.blob_endpoint.clear();
      options.allow_http = true;  // a name of this machine that only the resolver knows as one
    }
    options.credential =
        azure::SharedKeyCredential::Make(kAccount, localcloud::kAzureEmulatorKey).value();
    return options;
  }

 private:
  void SwitchBlobOff() {
    for (const char* operation :
         {"get_container", "list_blobs", "put_blob", "copy_blob", "put_block", "put_block_list",
          "get_block_list", "get_metadata", "set_metadata", "set_blob_properties", "delete_blob"}) {
      server->rules().Add({.operation = std::string("azure.") + operation,
                           .fault = localcloud::Fault::kResetBefore});
    }
  }

  static constexpr const char* kAccount = localcloud::kAzureEmulatorAccount;
};

}  // namespace skybridge::testing
