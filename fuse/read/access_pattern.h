// AccessPattern: tells sequential reading of one file from random access, and says how far to read
// ahead.
//
// Several programs or threads may each read their own part of a file in sequence, so a few streams
// are followed. The kernel sends its read-ahead out of order on several threads; therefore a stream
// is a region that is read densely, not an exact next offset. The window of a stream starts at two
// blocks and doubles with each block that the stream reaches. A jump starts a new stream without a
// window.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/byte_range.h"
#include "core/clock.h"

namespace skybridge::fuse {

struct ReadAdvice {
  bool sequential = false;
  std::uint64_t first_block = 0;  // to fetch ahead
  std::uint64_t block_count = 0;
};

// Not safe from many threads.
class AccessPattern {
 public:
  explicit AccessPattern(std::uint64_t block_size_bytes) : block_size_bytes_(block_size_bytes) {}

  // Notes a read. The window is at most `max_window_blocks`.
  ReadAdvice Note(ByteRange range, std::uint64_t max_window_blocks, MonotonicTime now);
  // True while a stream that is still being read has this block before it (or is in it).
  bool Wants(std::uint64_t block, MonotonicTime now) const;

 private:
  struct Stream {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t bytes_read = 0;
    std::uint32_t reads = 0;
    std::uint64_t window_blocks = 0;
    std::uint64_t reached_block = 0;
    MonotonicTime last_read{};
  };

  Stream& StreamOf(ByteRange range);
  static bool IsSequential(const Stream& stream);

  const std::uint64_t block_size_bytes_;
  std::array<Stream, 4> streams_{};
};

}  // namespace skybridge::fuse
