// RemoteOfNodes: which remote a node lies in, remembered, since each request asks. A node never
// changes its remote, and its number is never used again: what is remembered stays true.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <unordered_map>

#include "core/ids.h"
#include "core/mutex.h"
#include "fuse/filesystem/filesystem.h"

namespace skybridge::fuse {

// Safe from many threads. The file system outlives it.
class RemoteOfNodes {
 public:
  // Of one shard. A full shard is emptied: its nodes are looked up on local disk again.
  static constexpr std::size_t kMaxNodes = 8'192;

  explicit RemoteOfNodes(Filesystem& filesystem) : filesystem_(filesystem) {}

  // Nothing: the node lies in no remote (the directory that lists them), or nobody knows it.
  std::optional<std::size_t> Find(InodeNumber node) {
    if (filesystem_.remote_count() == 1) return 0;
    Shard& shard = shards_[ToInteger(node) % shards_.size()];
    {
      MutexLock lock(shard.mutex);
      if (const auto found = shard.remotes.find(ToInteger(node)); found != shard.remotes.end())
        return found->second;
    }
    const std::optional<std::size_t> remote = filesystem_.RemoteOf(node);
    if (!remote) return std::nullopt;
    MutexLock lock(shard.mutex);
    if (shard.remotes.size() >= kMaxNodes) shard.remotes.clear();
    shard.remotes.emplace(ToInteger(node), *remote);
    return remote;
  }

 private:
  struct Shard {
    Mutex mutex;
    std::unordered_map<std::uint64_t, std::size_t> remotes GUARDED_BY(mutex);
  };

  Filesystem& filesystem_;
  std::array<Shard, 16> shards_;
};

}  // namespace skybridge::fuse
