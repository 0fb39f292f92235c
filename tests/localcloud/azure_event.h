// Event Grid messages about changes of files and blobs, put into a queue of the same account, as a
// subscription to the account's events with a storage queue as its end would.
// Source: Azure: "Azure Blob Storage as an Event Grid source" (both schemas, every example event).
#pragma once

#include <string>
#include <string_view>

#include "tests/localcloud/azure_call.h"

namespace skybridge::localcloud::azure {

// Each is called once the change is made, with AzureService's mutex held. It does nothing when the
// account has no subscription or its queue was deleted, and where the service sends no event: for
// Data Lake calls on an account without a hierarchical namespace, and for the container $logs.
void AnnounceCreated(const Call& call, std::string_view api, const Node& node);
void AnnounceDeleted(const Call& call, const Node& node);
void AnnounceTier(const Call& call, const Node& node);
void AnnounceDirectoryCreated(const Call& call);
void AnnounceDirectoryDeleted(const Call& call, bool recursive);

struct RenamedPath {
  std::string from_container;
  std::string from;
  std::string to;  // in the container that the call names
  bool directory = false;
};
void AnnounceRenamed(const Call& call, const RenamedPath& renamed);

}  // namespace skybridge::localcloud::azure
