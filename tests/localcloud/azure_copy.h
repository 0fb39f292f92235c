// Where a copy takes its bytes from: another blob, or a snapshot, of this local cloud. Source: Azure
// REST: Copy Blob, Copy Blob From URL, Put Block From URL, Append Block From URL.
#pragma once

#include <string>

#include "tests/localcloud/azure_call.h"

namespace skybridge::localcloud::azure {

struct CopySource {
  std::string url;
  Account* account = nullptr;
  NodePtr node;
};

// What x-ms-copy-source names. Throws 400, 403, 404 or 412.
CopySource FindCopySource(const Call& call);
// The bytes that x-ms-source-range chooses of it, all of them without that header.
std::string SourceBytes(const Call& call, const CopySource& source);

}  // namespace skybridge::localcloud::azure
