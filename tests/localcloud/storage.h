// Where the services of the local cloud keep what they are given: in memory, or in a directory that
// survives a restart (also a kill -9).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "tests/localcloud/service.h"

namespace skybridge::localcloud {

// Safe from many threads.
class Storage {
 public:
  virtual ~Storage() = default;
  // Keeps bytes; they live as long as the slice's owner. The methods below want slices as Keep or
  // Find gave them, whole.
  virtual Slice Keep(std::string bytes) = 0;

  // How many bytes all slices hold together: what was deleted is not among them once its last reply
  // has gone.
  virtual std::uint64_t held_bytes() const = 0;

  // Whether records and bytes outlive the process.
  virtual bool durable() const = 0;
  // A small ordered map for the services' records (JSON texts). Does nothing when the storage is in
  // memory.
  virtual void SetRecord(std::string_view key, std::string_view value) = 0;
  virtual void EraseRecord(std::string_view key) = 0;
  // Every record whose key begins with `prefix`, in key order: what a service loads when it starts.
  virtual void ForEachRecord(
      std::string_view prefix,
      const std::function<void(std::string_view key, std::string_view value)>& visit) = 0;
  // A name for kept bytes that can be written into a record, and the way back. "" when the storage
  // is in memory.
  virtual std::string NameOf(const Slice& slice) = 0;
  virtual Result<Slice> Find(std::string_view name) = 0;
  // The bytes are no longer needed by any record.
  virtual void Release(const Slice& slice) = 0;
};

std::unique_ptr<Storage> MakeMemoryStorage();
// A directory that later fails (full disk) ends the process: nothing is acknowledged that is not
// kept.
Result<std::unique_ptr<Storage>> MakeDirectoryStorage(const std::string& directory);

}  // namespace skybridge::localcloud
