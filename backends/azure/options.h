// What an Azure store is bound to: one container (file system) of one account, and how to prove who
// we are.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "backends/azure/account_ids.h"
#include "backends/azure/credential.h"

namespace skybridge::azure {

// How the service checks the bodies that we send. CRC-64 costs a quarter of MD5; the emulator
// Azurite checks MD5 only.
enum class Checksum { kCrc64, kMd5 };

struct Options {
  std::string account;
  std::string container;
  std::string root;  // a directory below which everything happens; "" for the whole container
  std::string dfs_endpoint;  // "https://contoso.dfs.core.windows.net"; path style:
                             // "http://127.0.0.1:10000/contoso"
  // "https://contoso.blob.core.windows.net". Empty: it cannot be reached, all goes through DFS
  // (hierarchical namespaces only).
  std::string blob_endpoint;
  std::string api_version = "2023-11-03";
  Checksum checksum = Checksum::kCrc64;
  bool allow_http = false;  // plain http also to another machine; a bearer token never goes there
  // Of a hierarchical account: whether Head and List tell Attributes::access. Listings are then
  // longer.
  bool tell_access = false;
  // Of a hierarchical account: mode, owner and group are the account's own, by this table; none:
  // they are metadata, which grants nothing. Implies tell_access.
  std::shared_ptr<const AccountIds> account_ids;
  // Known: saves asking. A store opened without it asks the service once.
  std::optional<bool> hierarchical;
  // Shared by all stores of an account, so that they share one token.
  std::shared_ptr<Credential> credential;
};

}  // namespace skybridge::azure
