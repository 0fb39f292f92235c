#include "fuse/read/access_pattern.h"

#include <algorithm>

namespace skybridge::fuse {
namespace {

// How far from the front of a stream a read still belongs to it: four requests of 1 MiB, out of
// order.
constexpr std::uint64_t kReachBytes = 4 << 20;
constexpr std::uint64_t kFirstWindowBlocks = 2;
// Density is judged over the recent past of a stream only.
constexpr std::uint64_t kMemoryBytes = 64 << 20;
// A stream nobody has read for so long does not hold memory for its window any more.
constexpr std::chrono::seconds kAbandonedAfter{2};

}  // namespace

ReadAdvice AccessPattern::Note(ByteRange range, std::uint64_t max_window_blocks,
                               MonotonicTime now) {
  if (range.empty()) return {};
  Stream& stream = StreamOf(range);
  stream.begin = std::min(stream.begin, range.offset_bytes);
  stream.end = std::max(stream.end, range.end_bytes());
  stream.bytes_read += range.length_bytes;
  ++stream.reads;
  stream.last_read = now;
  if (stream.end - stream.begin > kMemoryBytes) {
    stream.begin += (stream.end - stream.begin) / 2;
    stream.bytes_read /= 2;
  }
  if (!IsSequential(stream)) {
    stream.window_blocks = 0;
    return {};
  }
  const std::uint64_t block = (stream.end - 1) / block_size_bytes_;
  if (stream.window_blocks == 0) {
    stream.window_blocks = kFirstWindowBlocks;
    stream.reached_block = block;
  } else if (block > stream.reached_block) {
    stream.window_blocks *= 2;
    stream.reached_block = block;
  }
  stream.window_blocks =
      std::min(stream.window_blocks, std::max<std::uint64_t>(max_window_blocks, 1));
  return {.sequential = true, .first_block = block + 1, .block_count = stream.window_blocks};
}

bool AccessPattern::Wants(std::uint64_t block, MonotonicTime now) const {
  return std::any_of(streams_.begin(), streams_.end(), [&](const Stream& stream) {
    if (stream.window_blocks == 0 || now - stream.last_read > kAbandonedAfter) return false;
    const std::uint64_t front = stream.end / block_size_bytes_;
    const std::uint64_t reach_blocks = (kReachBytes + block_size_bytes_ - 1) / block_size_bytes_;
    return block + reach_blocks >= front && block <= front + stream.window_blocks;
  });
}

AccessPattern::Stream& AccessPattern::StreamOf(ByteRange range) {
  Stream* oldest = &streams_[0];
  for (Stream& stream : streams_) {
    const bool near = range.offset_bytes + kReachBytes >= stream.end &&
                      range.offset_bytes <= stream.end + kReachBytes;
    if (stream.reads > 0 && near) return stream;
    if (stream.last_read < oldest->last_read) oldest = &stream;
  }
  *oldest = Stream{.begin = range.offset_bytes, .end = range.offset_bytes};
  return *oldest;
}

// From the start of the file, or at least two reads; and most of what was passed over was read.
bool AccessPattern::IsSequential(const Stream& stream) {
  if (stream.begin != 0 && stream.reads < 2) return false;
  return stream.bytes_read >= (stream.end - stream.begin) / 2;
}

}  // namespace skybridge::fuse
