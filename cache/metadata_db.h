// MetadataDb: RocksDB as the metadata cache uses it: small, in one process, emptied when it is
// damaged.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cache/metadata_cache.h"
#include "core/result.h"

namespace rocksdb {
class DB;
class WriteBatch;
}  // namespace rocksdb

namespace skybridge::cache {

// Safe from many threads.
class MetadataDb {
 public:
  // Opens the database in `path`, emptying it first if it is damaged, of another format or of
  // another identity.
  static Result<std::unique_ptr<MetadataDb>> Open(const std::string& path,
                                                  const MetadataCache::Options& options);
  ~MetadataDb();

  // The value, or nothing. Errors: kCorrupt, kIo.
  Result<std::optional<std::string>> Get(std::string_view key);
  // All of it or nothing, also after a crash. Not synced: a power failure may lose the newest
  // writes, in order.
  Status Write(rocksdb::WriteBatch& batch);
  // Calls `visit` for keys from `from` on that start with `prefix`, in order, until it returns
  // false.
  Status Scan(std::string_view prefix, std::string_view from,
              const std::function<bool(std::string_view key, std::string_view value)>& visit);
  // The largest key below `bound`, or nothing.
  Result<std::optional<std::string>> LastBefore(std::string_view bound);
  // Removes everything and starts anew.
  Status Empty();

 private:
  MetadataDb(std::string path, const MetadataCache::Options& options);
  Status OpenOrRebuild();
  Status CheckFormat();
  // Notes damage found while running, for the next start.
  Error Damaged(const std::string& what);

  const std::string path_;
  const MetadataCache::Options options_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace skybridge::cache
