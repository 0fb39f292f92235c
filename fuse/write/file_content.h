// FileContent: the bytes of a file that is open for writing: what was written lies in staging, the
// rest in the base version in the store, and where neither is there are zeros.
//
// A byte below `size` is, in this order: staged; gone (uploaded, then given up to make room in
// staging: it cannot be read or changed before it is published); the base's, if it was never cut
// off; zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "cache/staging.h"
#include "core/byte_range.h"
#include "core/call_context.h"
#include "core/mutex.h"
#include "core/range_set.h"
#include "core/result.h"

namespace skybridge::fuse {

// Safe from many threads; but changes (Write, Truncate) come one at a time, which the caller sees
// to.
class FileContent {
 public:
  // Fills `into` from the base version.
  using ReadBase = std::function<Status(std::uint64_t offset_bytes, std::span<std::byte> into,
                                        const CallContext&)>;

  FileContent(std::unique_ptr<cache::StagingFile> staging, std::uint64_t base_bytes,
              ReadBase read_base)
      : staging_(std::move(staging)),
        read_base_(std::move(read_base)),
        size_(base_bytes),
        base_end_(base_bytes) {}

  // While it lives, the bytes of a range are not given up to make room.
  class Hold {
   public:
    Hold(FileContent& content, ByteRange range) : content_(content), range_(range) {}
    ~Hold() { content_.EndUse(range_); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    FileContent& content_;
    const ByteRange range_;
  };
  // Comes before each change, for all bytes that must be sent again because of it. Errors: kNoSpace
  // if some are gone.
  Result<std::unique_ptr<Hold>> HoldForChange(ByteRange range);
  // Errors: kNoSpace (no room in staging until the deadline), kIo.
  Status Write(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context);
  Status Truncate(std::uint64_t size_bytes);
  // Fewer bytes only at the end.
  Result<std::size_t> Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                           const CallContext& context);

  std::uint64_t size_bytes() const;
  // Moves with every change; what was read between two equal values is of one moment.
  std::uint64_t generation() const;
  bool IsStaged(ByteRange range) const;
  bool anything_gone() const;
  // Nothing below `base_bytes` was changed or cut off.
  bool BaseIsWhole(std::uint64_t base_bytes) const;
  // Bytes that only we have (or that an unfinished upload has).
  std::uint64_t unpublished_bytes() const;

  // A publication: what changes after Begin stays unpublished when it ends well. Returns the
  // generation.
  std::uint64_t BeginPublish();
  // The base is now what the content was at Begin.
  void EndPublish(std::uint64_t size_bytes);

  // Gives up staged bytes to make room; returns how many. Bytes in use at the moment stay.
  std::uint64_t LetGoOfUploaded(ByteRange range);
  std::uint64_t LetGoOfPublished();

 private:
  enum class Source { kStaging, kBase, kZeros };
  struct Segment {
    Source source = Source::kZeros;
    ByteRange range;
  };
  // Where each byte of the range comes from. Errors: kNoSpace where bytes are gone.
  Result<std::vector<Segment>> Segments(ByteRange range) const REQUIRES(mutex_);
  Status ReadSegment(const Segment& segment, std::span<std::byte> into, const CallContext& context);
  bool IsInUse(ByteRange range) const REQUIRES(mutex_);
  void EndUse(ByteRange range) EXCLUDES(mutex_);

  const std::unique_ptr<cache::StagingFile> staging_;
  const ReadBase read_base_;

  mutable Mutex mutex_;  // not held while staging or the network is waited for
  std::uint64_t size_ GUARDED_BY(mutex_);
  std::uint64_t base_end_ GUARDED_BY(mutex_);  // the base shows through below this
  std::uint64_t generation_ GUARDED_BY(mutex_) = 0;
  RangeSet staged_ GUARDED_BY(mutex_);
  RangeSet gone_ GUARDED_BY(mutex_);
  RangeSet unpublished_ GUARDED_BY(mutex_);          // staged, and not what the base has there
  RangeSet changed_since_begin_ GUARDED_BY(mutex_);  // by BeginPublish
  std::uint64_t least_size_since_begin_ GUARDED_BY(mutex_) = UINT64_MAX;
  std::vector<ByteRange> in_use_ GUARDED_BY(mutex_);  // being read or written at the moment
};

}  // namespace skybridge::fuse
