// Spool: ObjectInfos set aside in a nameless temporary file, so that a listing of any length needs
// little memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "backends/object_store.h"

namespace skybridge {

// Written from start to end, then read in stretches. Not safe from many threads.
class Spool {
 public:
  // The file lies in `directory` (empty: the system's temporary directory) and vanishes with this
  // process.
  static Result<std::unique_ptr<Spool>> Create(const std::string& directory);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Errors: kNoSpace, kIo.
  Status Append(const ObjectInfo& info);
  // Writes out what is buffered: what was appended can be read. Yields the file's length: where the
  // next stretch begins.
  Result<std::uint64_t> Flush();

 private:
  friend class SpoolReader;
  explicit Spool(int fd) : fd_(fd) {}

  const int fd_;
  std::string buffer_;
  std::uint64_t written_bytes_ = 0;
};

// Reads the records between two places that Flush told. The spool must outlive it.
class SpoolReader {
 public:
  SpoolReader(const Spool& spool, std::uint64_t begin_bytes, std::uint64_t end_bytes)
      : spool_(spool), next_bytes_(begin_bytes), end_bytes_(end_bytes) {}

  // Nothing: the stretch is read.
  Result<std::optional<ObjectInfo>> Next();

 private:
  Status Fill(std::size_t wanted_bytes);

  const Spool& spool_;
  std::uint64_t next_bytes_;  // of the file, not yet in `buffer_`
  const std::uint64_t end_bytes_;
  std::string buffer_;
  std::size_t used_bytes_ = 0;  // of `buffer_`
};

}  // namespace skybridge
