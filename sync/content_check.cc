#include "sync/content_check.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "core/digest.h"
#include "sync/compare.h"

namespace skybridge {
namespace {

constexpr std::uint64_t kRangeBytes = std::uint64_t{8} << 20;

ObjectKey Absolute(const SyncSide& side, const ObjectKey& key) {
  return side.root.is_root() ? key : ObjectKey(side.root.path + "/" + key.path);
}

}  // namespace

ContentCheck::ContentCheck(const SyncSide& source, const SyncSide& destination, WorkPool& ranges,
                           ByteBudget& budget, const CallPolicy& policy, bool always_read)
    : source_(source),
      destination_(destination),
      ranges_(ranges),
      budget_(budget),
      policy_(policy),
      always_read_(always_read) {}

Result<ContentVerdict> ContentCheck::Compare(ObjectInfo source, ObjectInfo destination) {
  const auto verdict = [](bool equal, ContentVerdict how) {
    return equal ? how : ContentVerdict::kDifferent;
  };
  if (source.size_bytes == 0) return ContentVerdict::kEqualByDigest;  // no bytes, no doubt
  if (!always_read_) {
    auto agree = DigestsAgree(source.digests, destination.digests);
    if (!agree) {
      TRY_VOID(AskForDigests(source, source_));
      TRY_VOID(AskForDigests(destination, destination_));
      agree = DigestsAgree(source.digests, destination.digests);
    }
    if (agree) return verdict(*agree, ContentVerdict::kEqualByDigest);
    // One side's digest saves reading that side.
    using How = ContentVerdict;
    if (source.digests.crc32c) {
      return verdict(TRY(HasCrc32c(destination, destination_, *source.digests.crc32c)),
                     How::kEqualByReading);
    }
    if (destination.digests.crc32c) {
      return verdict(TRY(HasCrc32c(source, source_, *destination.digests.crc32c)),
                     How::kEqualByReading);
    }
    if (source.digests.md5) {
      return verdict(TRY(HasMd5(destination, destination_, *source.digests.md5)),
                     How::kEqualByReading);
    }
    if (destination.digests.md5) {
      return verdict(TRY(HasMd5(source, source_, *destination.digests.md5)), How::kEqualByReading);
    }
  }
  return verdict(TRY(SameBytes(source, destination)), ContentVerdict::kEqualByReading);
}

Status ContentCheck::AskForDigests(ObjectInfo& info, const SyncSide& side) const {
  const bool told = info.digests.md5 || info.digests.crc32c;
  // Where listings have no attributes, `info` is from Head already.
  if (told || !side.store.capabilities().list_has_attributes) return {};
  const ObjectInfo now = TRY(side.store.Head(Absolute(side, info.key), policy_.Context()));
  if (now.etag != info.etag || now.size_bytes != info.size_bytes) {
    return Fail(ErrorCode::kPreconditionFailed,
                fmt::format("'{}' changed while it was verified", info.key.path));
  }
  info.digests = now.digests;
  return {};
}

Status ContentCheck::Read(const ObjectInfo& info, const SyncSide& side, ByteRange range,
                          std::span<std::byte> into) {
  GetRequest request{.key = Absolute(side, info.key), .range = range};
  if (!info.etag.empty()) request.if_match = info.etag;
  const GetReply reply = TRY(side.store.Get(request, into, policy_.Context()));
  bytes_read_ += reply.bytes_received;
  if (reply.bytes_received == range.length_bytes) return {};
  return Fail(ErrorCode::kPreconditionFailed,
              fmt::format("'{}' became shorter while it was read", info.key.path));
}

Status ContentCheck::ForEachRange(std::uint64_t size_bytes,
                                  const std::function<Status(std::size_t, ByteRange)>& work) {
  const std::size_t count = (size_bytes + kRangeBytes - 1) / kRangeBytes;
  const auto range = [&](std::size_t index) {
    return ByteRange{index * kRangeBytes, std::min(kRangeBytes, size_bytes - index * kRangeBytes)};
  };
  if (count == 1) return work(0, range(0));
  Mutex mutex;
  std::optional<Error> first_error;
  std::atomic<bool> failed{false};
  {
    JobGroup jobs;
    for (std::size_t index = 0; index < count && !failed; ++index) {
      jobs.Submit(ranges_, [&, index] {
        if (failed) return;
        const Status done = work(index, range(index));
        if (done) return;
        MutexLock lock(mutex);
        failed = true;
        if (!first_error) first_error = done.error();
      });
    }
  }
  if (first_error) return Fail(*first_error);
  return {};
}

Result<bool> ContentCheck::SameBytes(const ObjectInfo& source, const ObjectInfo& destination) {
  std::atomic<bool> same{true};
  const auto compare = [&](std::size_t, ByteRange range) -> Status {
    if (!same) return {};
    BudgetedBuffer both(budget_, 2 * range.length_bytes);
    const auto a = both.bytes().first(range.length_bytes);
    const auto b = both.bytes().subspan(range.length_bytes);
    TRY_VOID(Read(source, source_, range, a));
    TRY_VOID(Read(destination, destination_, range, b));
    if (std::memcmp(a.data(), b.data(), range.length_bytes) != 0) same = false;
    return {};
  };
  TRY_VOID(ForEachRange(source.size_bytes, compare));
  return same.load();
}

Result<bool> ContentCheck::HasCrc32c(const ObjectInfo& info, const SyncSide& side,
                                     std::uint32_t expected) {
  std::vector<std::uint32_t> crcs((info.size_bytes + kRangeBytes - 1) / kRangeBytes);
  const auto digest = [&](std::size_t index, ByteRange range) -> Status {
    BudgetedBuffer buffer(budget_, range.length_bytes);
    TRY_VOID(Read(info, side, range, buffer.bytes()));
    crcs[index] = Crc32c(buffer.bytes());
    return {};
  };
  TRY_VOID(ForEachRange(info.size_bytes, digest));
  std::uint32_t crc = 0;
  for (std::size_t index = 0; index < crcs.size(); ++index) {
    crc = CombineCrc32c(crc, crcs[index],
                        std::min(kRangeBytes, info.size_bytes - index * kRangeBytes));
  }
  return crc == expected;
}

// MD5 does not combine: the ranges are read one after the other.
Result<bool> ContentCheck::HasMd5(const ObjectInfo& info, const SyncSide& side,
                                  const Md5Digest& expected) {
  Md5Stream md5;
  for (std::uint64_t offset = 0; offset < info.size_bytes; offset += kRangeBytes) {
    const ByteRange range{offset, std::min(kRangeBytes, info.size_bytes - offset)};
    BudgetedBuffer buffer(budget_, range.length_bytes);
    TRY_VOID(Read(info, side, range, buffer.bytes()));
    md5.Update(buffer.bytes());
  }
  return md5.Finish() == expected;
}

}  // namespace skybridge
