// DirectReadPath and DirectWritePath: the smallest honest ReadPath and WritePath. Reads are one Get
// each; a written file is held in memory and published by one Put. For tests of what lies above
// them: no threads, no disk.
#pragma once

#include <functional>
#include <memory>

#include "backends/object_store.h"
#include "fuse/read/read_path.h"
#include "fuse/write/write_path.h"

namespace skybridge::testing {

class DirectReadPath final : public fuse::ReadPath {
 public:
  explicit DirectReadPath(ObjectStore& store) : store_(store) {}
  std::unique_ptr<fuse::FileReader> Open(const ObjectKey& key, const ETag& etag,
                                         std::uint64_t size_bytes) override;
  std::uint64_t memory_bytes() const override { return 0; }

 private:
  ObjectStore& store_;
};

class DirectWritePath final : public fuse::WritePath {
 public:
  explicit DirectWritePath(ObjectStore& store) : store_(store) {}
  Result<std::unique_ptr<fuse::FileWriter>> Open(const fuse::OpenWriterRequest& request) override;
  // Keeps no content.
  Result<std::optional<ObjectInfo>> PutAgain(const ObjectInfo&, const Attributes&,
                                             const CallContext&) override {
    return std::optional<ObjectInfo>();
  }
  std::uint64_t max_put_bytes() const override { return UINT64_MAX; }
  std::uint64_t dirty_bytes() const override { return 0; }

  // Called when a published version is in the store and whoever publishes does not know it yet.
  std::function<void()> before_publish_returns;

 private:
  ObjectStore& store_;
};

}  // namespace skybridge::testing
