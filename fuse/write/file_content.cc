#include "fuse/write/file_content.h"

#include <algorithm>

namespace skybridge::fuse {
namespace {

ByteRange From(std::uint64_t offset_bytes) { return {offset_bytes, UINT64_MAX - offset_bytes}; }

Error Gone() {
  return Error{
      .code = ErrorCode::kNoSpace,
      .message =
          "these bytes are uploaded and were removed from local staging to make room; they "
          "can be used again when the file is published (staging is too small to rewrite "
          "this file)"};
}

}  // namespace

Result<std::unique_ptr<FileContent::Hold>> FileContent::HoldForChange(ByteRange range) {
  MutexLock lock(mutex_);
  if (gone_.Intersects(range)) return Fail(Gone());
  in_use_.push_back(range);
  return std::make_unique<Hold>(*this, range);
}

Status FileContent::Write(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context) {
  TRY_VOID(staging_->Write(offset_bytes, bytes, context));
  const ByteRange range{offset_bytes, bytes.size()};
  MutexLock lock(mutex_);
  staged_.Add(range);
  unpublished_.Add(range);
  changed_since_begin_.Add(range);
  size_ = std::max(size_, range.end_bytes());
  ++generation_;
  return {};
}

Status FileContent::Truncate(std::uint64_t size_bytes) {
  MutexLock lock(mutex_);
  if (size_bytes == size_) return {};
  if (size_bytes < size_) {
    TRY_VOID(staging_->Discard(From(size_bytes)));
    for (RangeSet* set : {&staged_, &gone_, &unpublished_, &changed_since_begin_})
      set->Remove(From(size_bytes));
    base_end_ = std::min(base_end_, size_bytes);
    least_size_since_begin_ = std::min(least_size_since_begin_, size_bytes);
  }
  size_ = size_bytes;
  ++generation_;
  return {};
}

Status FileContent::StageBase(const CallContext& context) {
  constexpr std::uint64_t kStepBytes = 1 << 20;
  std::vector<ByteRange> missing;
  {
    MutexLock lock(mutex_);
    for (const ByteRange& range : staged_.Missing({0, base_end_})) {
      if (!gone_.Intersects(range)) missing.push_back(range);
    }
  }
  std::vector<std::byte> bytes;
  for (const ByteRange& range : missing) {
    for (std::uint64_t at = range.offset_bytes; at < range.end_bytes(); at += bytes.size()) {
      bytes.resize(std::min(kStepBytes, range.end_bytes() - at));
      TRY_VOID(read_base_(at, bytes, context));
      TRY_VOID(staging_->Write(at, bytes, context));
      MutexLock lock(mutex_);
      staged_.Add({at, bytes.size()});
    }
  }
  return {};
}

Result<std::size_t> FileContent::Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                                      const CallContext& context) {
  ByteRange range;
  std::vector<Segment> segments;
  {
    MutexLock lock(mutex_);
    range = offset_bytes < size_ ? Intersect({offset_bytes, into.size()}, {0, size_})
                                 : ByteRange{offset_bytes, 0};
    if (range.empty()) return 0;
    segments = TRY(Segments(range));
    in_use_.push_back(range);
  }
  const Hold hold(*this, range);
  Status read = {};
  for (const Segment& segment : segments) {
    if (!read) break;
    read = ReadSegment(
        segment,
        into.subspan(segment.range.offset_bytes - offset_bytes, segment.range.length_bytes),
        context);
  }
  if (!read) return Fail(std::move(read).error());
  return range.length_bytes;
}

Result<std::vector<FileContent::Segment>> FileContent::Segments(ByteRange range) const {
  if (gone_.Intersects(range)) return Fail(Gone());
  std::vector<Segment> segments;
  for (const ByteRange& staged : staged_.Present(range))
    segments.push_back({Source::kStaging, staged});
  for (const ByteRange& other : staged_.Missing(range)) {
    const ByteRange base = Intersect(other, {0, base_end_});
    if (!base.empty()) segments.push_back({Source::kBase, base});
    const std::uint64_t zeros_from = std::max(other.offset_bytes, base_end_);
    if (zeros_from < other.end_bytes()) {
      segments.push_back({Source::kZeros, {zeros_from, other.end_bytes() - zeros_from}});
    }
  }
  return segments;
}

Status FileContent::ReadSegment(const Segment& segment, std::span<std::byte> into,
                                const CallContext& context) {
  if (segment.source == Source::kStaging) return staging_->Read(segment.range.offset_bytes, into);
  if (segment.source == Source::kBase) return read_base_(segment.range.offset_bytes, into, context);
  std::fill(into.begin(), into.end(), std::byte{0});
  return {};
}

std::uint64_t FileContent::size_bytes() const {
  MutexLock lock(mutex_);
  return size_;
}

std::uint64_t FileContent::generation() const {
  MutexLock lock(mutex_);
  return generation_;
}

bool FileContent::IsStaged(ByteRange range) const {
  MutexLock lock(mutex_);
  return staged_.Contains(range);
}

bool FileContent::anything_gone() const {
  MutexLock lock(mutex_);
  return !gone_.empty();
}

FileContent::Changes FileContent::changes() const {
  MutexLock lock(mutex_);
  return {.size_bytes = size_,
          .base_shown_until_bytes = std::min(base_end_, size_),
          .ranges = unpublished_.ranges()};
}

Result<FileContent::Changes> FileContent::Staged() const {
  MutexLock lock(mutex_);
  if (!gone_.empty()) return Fail(Gone());
  return Changes{.size_bytes = size_,
                 .base_shown_until_bytes = std::min(base_end_, size_),
                 .ranges = staged_.Present({0, size_})};
}

bool FileContent::BaseIsWhole(std::uint64_t base_bytes) const {
  MutexLock lock(mutex_);
  return base_end_ >= base_bytes && !unpublished_.Intersects({0, base_bytes});
}

std::uint64_t FileContent::unpublished_bytes() const {
  MutexLock lock(mutex_);
  return unpublished_.total_bytes() + gone_.total_bytes();
}

std::uint64_t FileContent::BeginPublish() {
  MutexLock lock(mutex_);
  changed_since_begin_.Clear();
  least_size_since_begin_ = UINT64_MAX;
  return generation_;
}

void FileContent::EndPublish(std::uint64_t size_bytes) {
  MutexLock lock(mutex_);
  base_end_ = std::min({size_bytes, least_size_since_begin_, size_});
  unpublished_ = changed_since_begin_;
  gone_.Clear();
}

bool FileContent::IsInUse(ByteRange range) const {
  return std::any_of(in_use_.begin(), in_use_.end(),
                     [&](const ByteRange& other) { return !Intersect(range, other).empty(); });
}

void FileContent::EndUse(ByteRange range) {
  MutexLock lock(mutex_);
  in_use_.erase(std::find(in_use_.begin(), in_use_.end(), range));
}

std::uint64_t FileContent::LetGoOfUploaded(ByteRange range) {
  MutexLock lock(mutex_);
  if (!staged_.Contains(range) || IsInUse(range)) return 0;
  const std::uint64_t before = staging_->reserved_bytes();
  if (!staging_->Discard(range)) return 0;
  staged_.Remove(range);
  unpublished_.Remove(range);
  gone_.Add(range);
  return before - staging_->reserved_bytes();
}

std::uint64_t FileContent::LetGoOfPublished() {
  MutexLock lock(mutex_);
  const std::uint64_t before = staging_->reserved_bytes();
  for (const ByteRange& staged : staged_.ranges()) {
    for (const ByteRange& published : unpublished_.Missing(staged)) {
      const ByteRange range = Intersect(published, {0, base_end_});
      if (range.empty() || IsInUse(range) || !staging_->Discard(range)) continue;
      staged_.Remove(range);
    }
  }
  return before - staging_->reserved_bytes();
}

}  // namespace skybridge::fuse
