// RocksDb: a small RocksDB database with a format version and an identity, which survives damage
// and a full disk as its owner wants. The metadata cache keeps what it learned in one; a ledger can
// keep what must never be emptied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/unwritten_changes.h"
#include "core/mutex.h"
#include "core/result.h"

namespace rocksdb {
class DB;
}  // namespace rocksdb

namespace skybridge::cache {

// Changes that are made together: all of them or none, also after a crash.
class RocksBatch {
 public:
  struct Change {
    std::string key;
    std::optional<std::string> value;  // nothing: the key is removed
  };

  void Put(std::string_view key, std::string_view value) {
    changes_.push_back({std::string(key), std::string(value)});
  }
  void Delete(std::string_view key) { changes_.push_back({std::string(key), std::nullopt}); }
  const std::vector<Change>& changes() const { return changes_; }

 private:
  std::vector<Change> changes_;  // a later change of the same key wins
};

// Safe from many threads.
//
// RocksDB 7.8 ends the process when a write to a file follows one that met a full disk (an assertion
// in file/writable_file_writer.h; seen on Debian 12, 2026-11-29). Therefore nothing is written when
// less than `keep_free_bytes` are free, and after a failed write the database is closed and opened
// again before the next one.
class RocksDb {
 public:
  enum class OnDamage {
    kEmpty,   // damaged, of another format or identity: emptied, with a warning
    kRefuse,  // Open fails, and nothing is changed
  };
  enum class WhenFull {
    kKeepInMemory,  // changes go to memory, up to `max_unwritten_bytes`, until there is room
    kFail,          // Write fails with kNoSpace
  };
  struct Options {
    std::string path;      // a directory of its own, made if missing; its parent must exist
    std::string name;      // for messages: "metadata cache"
    std::string format;    // the version of the owner's keys and values
    std::string identity;  // what the content belongs to
    OnDamage on_damage = OnDamage::kRefuse;
    WhenFull when_full = WhenFull::kFail;
    bool synced = true;  // false: a power failure may lose the newest writes, in order
    std::uint64_t keep_free_bytes = std::uint64_t{64} << 20;
    std::size_t max_unwritten_bytes = std::size_t{64} << 20;
    std::size_t block_cache_bytes = 16 << 20;
    std::size_t write_buffer_bytes = 8 << 20;
    // Comes before changes that were kept in memory are written; an error puts the writing off.
    std::function<Status()> before_unwritten = [] { return Status(); };
    // The free bytes of the disk; tests set another.
    std::function<Result<std::uint64_t>()> free_bytes;
  };

  // Errors: kNoSpace; kIo; with kRefuse also kCorrupt (damaged) and kNotSupported (another format
  // or identity).
  static Result<std::unique_ptr<RocksDb>> Open(Options options);
  // Changes that are still in memory are lost: WriteUnwritten comes before.
  ~RocksDb();

  // The value, or nothing. Errors: kCorrupt, kIo.
  Result<std::optional<std::string>> Get(std::string_view key) const;
  // All of it or nothing. Errors: kNoSpace, kIo.
  Status Write(const RocksBatch& batch);
  // Calls `visit` for keys from `from` on that start with `prefix`, in order, until it returns
  // false. `visit` must not call this database. Errors: kCorrupt, kIo.
  Status Scan(std::string_view prefix, std::string_view from,
              const std::function<bool(std::string_view key, std::string_view value)>& visit) const;
  // The largest key up to `bound`, or nothing.
  Result<std::optional<std::string>> LastUpTo(std::string_view bound) const;
  // Removes everything and starts anew.
  Status Empty();

  // Writes what is kept in memory. kNoSpace while there is still no room for it.
  Status WriteUnwritten();
  // About what the database takes on the disk.
  std::uint64_t SizeBytes() const;

 private:
  explicit RocksDb(Options options);
  Status OpenFiles() REQUIRES(mutex_);
  Status OpenOrRebuild() REQUIRES(mutex_);
  Status Rebuild() REQUIRES(mutex_);
  Status CheckFormat();
  Status RequireRoom() const;
  // Ready for a write to the disk: there is room, the files are open and sound, nothing older waits
  // in memory.
  Status MakeReady() REQUIRES(write_mutex_);
  Status OpenAgain() REQUIRES(write_mutex_);
  Status WriteToDisk(const RocksBatch& batch) REQUIRES(write_mutex_);
  Status KeepInMemory(const RocksBatch& batch) REQUIRES(write_mutex_);
  Error ReadFailed(bool is_damage, const std::string& reason) const;

  const Options options_;
  Mutex write_mutex_;                             // one change at a time, across the disk
  bool failed_ GUARDED_BY(write_mutex_) = false;  // a write failed: opened again before the next
  bool full_ GUARDED_BY(write_mutex_) = false;    // there is something in unwritten_
  mutable SharedMutex mutex_;                     // readers hold it while they use the database
  std::unique_ptr<rocksdb::DB> db_ GUARDED_BY(mutex_);
  UnwrittenChanges unwritten_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::cache
