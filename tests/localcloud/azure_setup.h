// What the program `localcloud` sets up for Azure: two accounts, a service principal, a machine's
// managed identity, and how they are told to whoever started it. Keys and secrets are made anew for
// each start unless they are given.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "tests/localcloud/azure_service.h"

namespace skybridge::localcloud {

struct AzureSetup {
  std::string lake_account = "lake";     // with a hierarchical namespace
  std::string lake_key;                  // base64; "" makes one
  std::vector<std::string> filesystems;  // of the lake account
  std::vector<std::string>
      containers;  // of the flat account, devstoreaccount1 with its documented key
  azure::ListingOptions listing;
  azure::EventOptions events;  // of both accounts
  std::string tenant_id;       // "" makes one; likewise the next two
  std::string client_id;
  std::string client_secret;
  std::string federated_token;     // likewise: what a pod's token file would hold
  std::string client_certificate;  // a file with the PEM that is registered; "" none
};

// Fills in what is empty.
AzureSetup CompleteAzureSetup(AzureSetup setup);
// kNotFound when the certificate's file cannot be read.
Result<AzureOptions> MakeAzureOptions(const AzureSetup& setup);
// JSON for the ready file; `queue_url` is where the queues' port is.
std::string DescribeAzure(const AzureSetup& setup, const std::string& url,
                          const std::string& queue_url);

}  // namespace skybridge::localcloud
