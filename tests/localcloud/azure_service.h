// Azure Storage as a Service: the Data Lake (DFS) and Blob protocols on one origin, hierarchical
// and flat accounts, their queues, and the token endpoints. A test double: it checks what the
// service documents, is stricter where the documentation is vague, and keeps nobody's data safe.
//
// Addresses: path-style (http://127.0.0.1:PORT/ACCOUNT/CONTAINER/PATH) and host-style (Host:
// ACCOUNT.dfs.SUFFIX or ACCOUNT.blob.SUFFIX).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "tests/localcloud/azure_event_options.h"
#include "tests/localcloud/azure_limit_options.h"
#include "tests/localcloud/azure_listing_options.h"
#include "tests/localcloud/azure_oauth.h"
#include "tests/localcloud/service.h"
#include "tests/localcloud/storage.h"

namespace skybridge::localcloud {

// The account and key that Azure's storage emulators document for everybody to use.
inline constexpr char kAzureEmulatorAccount[] = "devstoreaccount1";
inline constexpr char kAzureEmulatorKey[] =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

struct AzureAccountOptions {
  std::string name;
  std::string key;  // base64
  bool hierarchical = false;
  std::vector<std::string> containers;  // made at the start when they are not there
  azure::EventOptions events = {};
};

struct AzureOptions {
  std::vector<AzureAccountOptions> accounts;
  azure::TokenOptions tokens;
  azure::ListingOptions listing;
  azure::LimitOptions limits;
};

class AzureService final : public Service {
 public:
  // `storage` and `clock` outlive it. Throws nothing; a key that is not base64 is kInvalidArgument.
  static Result<std::unique_ptr<AzureService>> Make(const AzureOptions& options, Storage& storage,
                                                    const Clock& clock);
  ~AzureService() override;

  // The storage queues of the same accounts, for a port of their own: a path-style address cannot
  // tell a queue from a container. (Addresses by name, ACCOUNT.queue.SUFFIX, are served here, too.)
  // This service outlives what is returned.
  std::unique_ptr<Service> MakeQueueService();

  Response Handle(const Request& request) override;
  std::string OperationOf(const Request& request) const override;
  Response Refuse(const Request& request, const Denial& denial) const override;

 private:
  class Impl;
  class QueueService;
  explicit AzureService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace skybridge::localcloud
