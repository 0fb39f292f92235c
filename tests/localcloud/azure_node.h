// What a file, blob or directory of the Azure service is: data, times, properties. Plain data;
// AzureService's mutex guards it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/byte_range.h"
#include "core/clock.h"
#include "tests/localcloud/azure_acl.h"
#include "tests/localcloud/azure_lease.h"
#include "tests/localcloud/service.h"

namespace skybridge::localcloud::azure {

// .NET ticks: 100 ns since 0001-01-01. The service's ETags are such times.
std::uint64_t TicksOf(WallTime time);
WallTime TimeOfTicks(std::uint64_t ticks);
// Windows FILETIME: 100 ns since 1601-01-01, as listings show creation times.
std::uint64_t FileTimeOf(WallTime time);

// The bytes of a file: the parts they came in, in order.
class Content {
 public:
  void Append(Slice part);
  void Clear();
  std::uint64_t size() const { return ends_.empty() ? 0 : ends_.back(); }
  const std::vector<Slice>& parts() const { return parts_; }
  std::vector<Slice> Read(ByteRange range) const;  // shares the parts' memory

 private:
  std::vector<Slice> parts_;
  std::vector<std::uint64_t> ends_;  // offset after each part
};

struct IgnoringCase {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};
// User metadata: names compare without case and keep the case they came in.
using Metadata = std::map<std::string, std::string, IgnoringCase>;

struct ContentSettings {
  std::string type;
  std::string encoding;
  std::string language;
  std::string disposition;
  std::string cache_control;
  std::string md5;  // base64
};

struct CopyState {  // of the last Copy Blob onto this name
  std::string id;
  std::string source;
  WallTime completed{};
};

enum class Origin {
  kDfs,
  kBlob
};  // which protocol wrote it last: the two kinds of writes do not mix

// Fixed when a blob is made: which operations add to it.
enum class BlobKind { kBlock, kAppend };
std::string_view BlobTypeName(BlobKind kind);  // as headers and listings have it

struct Block {
  std::string id;  // base64, as sent
  std::uint64_t size = 0;
};

struct Node;
using NodePtr = std::shared_ptr<Node>;

struct Node {
  bool directory = false;
  Origin origin = Origin::kDfs;
  BlobKind kind = BlobKind::kBlock;
  bool sealed = false;  // an append blob that takes no more
  Content content;
  std::vector<Block> blocks;              // a committed block list; the content's parts one by one
  std::map<std::uint64_t, Slice> staged;  // appended and not yet flushed, by position
  std::uint64_t etag_ticks = 0;
  WallTime last_modified{};
  WallTime created{};
  std::string owner = "$superuser";
  std::string group = "$superuser";
  Acl acl = Acl::FromMode(0640);
  Metadata metadata;
  ContentSettings settings;
  Lease lease;
  CopyState copy;
  std::string tier;    // "" is the account's default, Hot
  WallTime expires{};  // the epoch: never

  // Of a flat account: by time, as the service names a snapshot. `snapshot` and `snapshot_of` (the
  // blob's id) are set in the snapshots themselves.
  std::map<std::string, NodePtr, std::less<>> snapshots;
  std::string snapshot;
  std::uint64_t snapshot_of = 0;

  // Where it stands. A flat account has no parents, and whole names.
  std::uint64_t id = 0;  // of its record; never used again
  Node* parent = nullptr;
  std::string name;
  std::map<std::string, NodePtr, std::less<>> children;

  std::string etag() const;  // 0x8DE4C46D2A9E3F0, without quotes
  std::string quoted_etag() const { return '"' + etag() + '"'; }
};

}  // namespace skybridge::localcloud::azure
