#include "sync/verify/content_check.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "core/digest.h"
#include "core/encoding.h"
#include "sync/compare.h"

namespace skybridge {
namespace {

constexpr std::uint64_t kRangeBytes = std::uint64_t{8} << 20;

std::size_t RangeCount(std::uint64_t size_bytes) {
  return (size_bytes + kRangeBytes - 1) / kRangeBytes;
}

ByteRange RangeAt(std::size_t index, std::uint64_t size_bytes) {
  return {index * kRangeBytes, std::min(kRangeBytes, size_bytes - index * kRangeBytes)};
}

std::uint32_t Combine(const std::vector<std::uint32_t>& crcs, std::uint64_t size_bytes) {
  std::uint32_t crc = 0;
  for (std::size_t index = 0; index < crcs.size(); ++index)
    crc = CombineCrc32c(crc, crcs[index], RangeAt(index, size_bytes).length_bytes);
  return crc;
}

// "MD5 XUFAKrxLKna5cZ2REBfFkg== and XrY7u+Ae7tCTyyK7j1rNww==": the digests that speak against each
// other, source first.
std::string Mismatch(const StoreDigests& source, const StoreDigests& destination) {
  if (source.md5 && destination.md5 && *source.md5 != *destination.md5) {
    return fmt::format("MD5 {} and {}", Base64Encode(*source.md5), Base64Encode(*destination.md5));
  }
  return fmt::format("CRC32C {} and {}", EncodeCrc32c(source.crc32c.value_or(0)),
                     EncodeCrc32c(destination.crc32c.value_or(0)));
}

void AddDamage(std::string& detail, std::string_view side, const StoreDigests& reported,
               const StoreDigests& read) {
  if (DigestsAgree(reported, read).value_or(true)) return;
  detail += fmt::format("{}the {} has CRC32C {}, but reports {}", detail.empty() ? "" : "; ", side,
                        EncodeCrc32c(*read.crc32c), EncodeCrc32c(*reported.crc32c));
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

Result<ContentFinding> ContentCheck::Compare(ObjectInfo source, ObjectInfo destination) {
  // No bytes, no doubt.
  if (source.size_bytes == 0) return ContentFinding{ContentVerdict::kEqualByDigest};
  if (always_read_) return ReadBoth(source, destination);
  auto agree = DigestsAgree(source.digests, destination.digests);
  if (!agree) {
    TRY_VOID(AskForDigests(source, source_));
    TRY_VOID(AskForDigests(destination, destination_));
    agree = DigestsAgree(source.digests, destination.digests);
  }
  if (!agree) return ReadOne(source, destination);
  if (*agree) return ContentFinding{ContentVerdict::kEqualByDigest};
  return ContentFinding{ContentVerdict::kDifferent, Mismatch(source.digests, destination.digests)};
}

Result<ContentFinding> ContentCheck::ReadOne(const ObjectInfo& source,
                                             const ObjectInfo& destination) {
  StoreDigests here = source.digests;
  StoreDigests there = destination.digests;
  std::string_view read = "destination";
  if (here.crc32c) {
    there.crc32c = TRY(ReadCrc32c(destination, destination_));
  } else if (there.crc32c) {
    here.crc32c = TRY(ReadCrc32c(source, source_));
    read = "source";
  } else if (here.md5) {
    there.md5 = TRY(ReadMd5(destination, destination_));
  } else if (there.md5) {
    here.md5 = TRY(ReadMd5(source, source_));
    read = "source";
  } else {
    return ReadBoth(source, destination);
  }
  if (DigestsAgree(here, there) == true) return ContentFinding{ContentVerdict::kEqualByReading};
  return ContentFinding{ContentVerdict::kDifferent,
                        fmt::format("{}; the {} was read", Mismatch(here, there), read)};
}

Status ContentCheck::AskForDigests(ObjectInfo& info, const SyncSide& side) const {
  const bool told = info.digests.md5 || info.digests.crc32c;
  // Where listings have no attributes, `info` is from Head already.
  const Capabilities& can = side.store.capabilities();
  if (told || !can.keeps_digests || !can.list_has_attributes) return {};
  const ObjectInfo now = TRY(side.store.Head(side.At(info.key), policy_.Context()));
  if (now.etag != info.etag || now.size_bytes != info.size_bytes) {
    return Fail(ErrorCode::kPreconditionFailed,
                fmt::format("'{}' changed while it was verified", info.key.path));
  }
  info.digests = now.digests;
  return {};
}

Status ContentCheck::Read(const ObjectInfo& info, const SyncSide& side, ByteRange range,
                          std::span<std::byte> into) {
  GetRequest request{.key = side.At(info.key), .range = range};
  if (!info.etag.empty()) request.if_match = info.etag;
  const GetReply reply = TRY(side.store.Get(request, into, policy_.Context()));
  bytes_read_ += reply.bytes_received;
  if (reply.bytes_received == range.length_bytes) return {};
  return Fail(ErrorCode::kPreconditionFailed,
              fmt::format("'{}' became shorter while it was read", info.key.path));
}

Status ContentCheck::ForEachRange(std::uint64_t size_bytes,
                                  const std::function<Status(std::size_t, ByteRange)>& work) {
  const std::size_t count = RangeCount(size_bytes);
  if (count == 1) return work(0, RangeAt(0, size_bytes));
  Mutex mutex;
  std::optional<Error> first_error;
  std::atomic<bool> failed{false};
  {
    JobGroup jobs;
    for (std::size_t index = 0; index < count && !failed; ++index) {
      jobs.Submit(ranges_, [&, index] {
        if (failed) return;
        const Status done = work(index, RangeAt(index, size_bytes));
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

// Reads every byte of both, and holds each side also against the CRC-32C that it reports itself.
Result<ContentFinding> ContentCheck::ReadBoth(const ObjectInfo& source,
                                              const ObjectInfo& destination) {
  std::atomic<bool> same{true};
  std::vector<std::uint32_t> here(RangeCount(source.size_bytes));
  std::vector<std::uint32_t> there(here.size());
  const auto compare = [&](std::size_t index, ByteRange range) -> Status {
    BudgetedBuffer both(budget_, 2 * range.length_bytes);
    const auto a = both.bytes().first(range.length_bytes);
    const auto b = both.bytes().subspan(range.length_bytes);
    TRY_VOID(Read(source, source_, range, a));
    TRY_VOID(Read(destination, destination_, range, b));
    if (std::memcmp(a.data(), b.data(), range.length_bytes) != 0) same = false;
    here[index] = Crc32c(a);
    there[index] = Crc32c(b);
    return {};
  };
  TRY_VOID(ForEachRange(source.size_bytes, compare));
  const StoreDigests read_here{.crc32c = Combine(here, source.size_bytes)};
  const StoreDigests read_there{.crc32c = Combine(there, source.size_bytes)};
  std::string detail;
  if (!same) detail = Mismatch(read_here, read_there) + "; both were read";
  AddDamage(detail, "source", source.digests, read_here);
  AddDamage(detail, "destination", destination.digests, read_there);
  if (detail.empty()) return ContentFinding{ContentVerdict::kEqualByReading};
  return ContentFinding{ContentVerdict::kDifferent, std::move(detail)};
}

Result<std::uint32_t> ContentCheck::ReadCrc32c(const ObjectInfo& info, const SyncSide& side) {
  std::vector<std::uint32_t> crcs(RangeCount(info.size_bytes));
  const auto digest = [&](std::size_t index, ByteRange range) -> Status {
    BudgetedBuffer buffer(budget_, range.length_bytes);
    TRY_VOID(Read(info, side, range, buffer.bytes()));
    crcs[index] = Crc32c(buffer.bytes());
    return {};
  };
  TRY_VOID(ForEachRange(info.size_bytes, digest));
  return Combine(crcs, info.size_bytes);
}

// MD5 does not combine: the ranges are read one after the other.
Result<Md5Digest> ContentCheck::ReadMd5(const ObjectInfo& info, const SyncSide& side) {
  Md5Stream md5;
  for (std::uint64_t index = 0; index < RangeCount(info.size_bytes); ++index) {
    const ByteRange range = RangeAt(index, info.size_bytes);
    BudgetedBuffer buffer(budget_, range.length_bytes);
    TRY_VOID(Read(info, side, range, buffer.bytes()));
    md5.Update(buffer.bytes());
  }
  return md5.Finish();
}

}  // namespace skybridge
