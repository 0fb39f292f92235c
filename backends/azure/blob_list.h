// The XML that List Blobs answers with. Tolerant of what versions and emulators leave out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/object_store.h"
#include "backends/posix_metadata.h"

namespace skybridge::azure {

// One <Blob> or <BlobPrefix>. Every field but the name may be missing.
struct ListedBlob {
  std::string name;  // a prefix keeps its trailing '/'
  bool is_prefix = false;
  bool is_directory = false;  // ResourceType: hierarchical accounts only
  std::uint64_t size_bytes = 0;
  ETag etag;
  WallTime last_modified{};
  WallTime told_at{};  // the Date of the reply
  std::optional<Md5Digest> md5;
  ContentHeaders content = {};
  std::string tier = {};                // empty: inferred from the account's default
  std::optional<AccessControl> access;  // where permissions were asked for
  std::optional<MetadataMap>
      metadata;  // blobs: always, when asked for; prefixes: where the service sends it
};

struct BlobListPage {
  std::vector<ListedBlob> entries;  // in the order of the reply
  std::string next_marker;          // empty: the end
  WallTime server_time{};           // of the reply's Date; epoch if it has none
};

// Source: Azure REST: List Blobs. kCorrupt if it is not that XML, as
// with a NUL in it.
Result<BlobListPage> ParseBlobList(std::string_view xml);

}  // namespace skybridge::azure
