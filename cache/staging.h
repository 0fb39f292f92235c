// Staging: local files that hold data on its way up to the store, under one byte bound. Bytes are
// reserved before they are used; at the bound a writer waits for room until its deadline, then gets
// kNoSpace.
//
// A file frees room only when a whole part of it has been uploaded, so many files that each hold
// less than a part could fill staging and wait for each other. Therefore the last
// `Options::reserve_bytes` belong to one file at a time: of those that wait, the one that holds the
// most. It completes its part, the part leaves, and the reserve goes to the next file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/byte_range.h"
#include "core/call_context.h"
#include "core/encoding.h"
#include "core/result.h"

namespace skybridge::cache {

// A sparse local file without a name: it disappears with the process, unless LinkTo gives it one. Reads and writes of
// different ranges may run in parallel; the caller orders overlapping ones.
class StagingFile {
 public:
  virtual ~StagingFile() = default;  // gives its bytes back
  // Reserves room for what is not there yet, waiting until context.deadline, then writes.
  // Errors: kNoSpace (bound, or the disk itself), kIo, kCancelled.
  virtual Status Write(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context) = 0;
  // Holes read as zeros; `into` is filled whole. Errors: kIo.
  virtual Status Read(std::uint64_t offset_bytes, std::span<std::byte> into) = 0;
  // Frees the disk space and the reservation of a range; it reads as zeros afterwards.
  virtual Status Discard(ByteRange range) = 0;
  // Gives the file a name, and returns when its bytes and the name are on disk. What is written
  // later goes to the same file. Naming it again syncs it. Errors: kIo, kNoSpace.
  virtual Status LinkTo(const std::string& path) = 0;
  virtual std::uint64_t reserved_bytes() const = 0;
};

// Safe from many threads.
class Staging {
 public:
  struct Options {
    // Made if missing, mode 0700; made anew if somebody removes it. What an earlier process left
    // here is removed.
    std::string directory;
    std::uint64_t capacity_bytes = 0;
    // At least a part and one write; at most half of the capacity is used. 0: no reserve.
    std::uint64_t reserve_bytes = 0;
    std::uint64_t keep_free_bytes = 256 << 20;  // the disk is never filled further than this
    Clock* clock = nullptr;
  };
  static Result<std::unique_ptr<Staging>> Open(const Options& options);
  virtual ~Staging() = default;
  virtual Result<std::unique_ptr<StagingFile>> Create() = 0;
  virtual std::uint64_t used_bytes() const = 0;
  virtual std::uint64_t capacity_bytes() const = 0;
};

}  // namespace skybridge::cache
