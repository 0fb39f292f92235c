// FileContent: the bytes of a file that is open for writing. What was written lies in staging, the
// rest in the base version in the store; a byte that is in neither is zero.
//
// A byte below `size` is the first of these that applies:
//   staged  it lies in local staging;
//   gone    it was uploaded, then removed from staging to make room: it can be neither read nor
//           changed before the file is published;
//   base    it lies below the point up to which the base was never cut off;
//   zero.
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

// Safe from many threads, but the caller makes changes (Write, Truncate, StageBase) one at a time.
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
  // Copies what shows of the base into staging: the content is whole then, whatever becomes of the
  // base in the store. It is no change. Errors: as Write, and those of ReadBase.
  Status StageBase(const CallContext& context);
  // Fewer bytes only at the end.
  Result<std::size_t> Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                           const CallContext& context);

  std::uint64_t size_bytes() const;
  // Grows with every change: what was read between two equal values is of one moment.
  std::uint64_t generation() const;
  bool IsStaged(ByteRange range) const;
  bool anything_gone() const;
  // What was written since the last publication, and how it lies over the base.
  struct Changes {
    std::uint64_t size_bytes = 0;
    std::uint64_t base_shown_until_bytes = 0;
    std::vector<ByteRange> ranges;  // ascending
  };
  Changes changes() const;
  // The same with all that lies in staging, also bytes that the store has. Errors: kNoSpace if bytes
  // are gone.
  Result<Changes> Staged() const;
  cache::StagingFile& staging() { return *staging_; }
  // Nothing below `base_bytes` was changed or cut off.
  bool BaseIsWhole(std::uint64_t base_bytes) const;
  // Bytes that the store does not have, or only in an upload that is not committed.
  std::uint64_t unpublished_bytes() const;

  // Begins a publication: what changes after this stays unpublished when the publication ends well.
  // Returns the generation.
  std::uint64_t BeginPublish();
  // The base is now what the content was at Begin.
  void EndPublish(std::uint64_t size_bytes);

  // Both remove bytes from staging to make room, and return how many. Bytes in use stay.
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
