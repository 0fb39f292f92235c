#include "tests/localcloud/azure_node.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace skybridge::localcloud::azure {
namespace {

constexpr std::uint64_t kTicksAtUnixEpoch = 621355968000000000;
constexpr std::uint64_t kFileTimeAtUnixEpoch = 116444736000000000;

std::uint64_t HundredNanoseconds(WallTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count() / 100);
}

}  // namespace

std::uint64_t TicksOf(WallTime time) { return HundredNanoseconds(time) + kTicksAtUnixEpoch; }

WallTime TimeOfTicks(std::uint64_t ticks) {
  return WallTime(
      std::chrono::nanoseconds(static_cast<std::int64_t>(ticks - kTicksAtUnixEpoch) * 100));
}

std::uint64_t FileTimeOf(WallTime time) { return HundredNanoseconds(time) + kFileTimeAtUnixEpoch; }

void Content::Append(Slice part) {
  if (part.bytes.empty()) return;
  ends_.push_back(size() + part.bytes.size());
  parts_.push_back(std::move(part));
}

void Content::Clear() {
  parts_.clear();
  ends_.clear();
}

std::vector<Slice> Content::Read(ByteRange range) const {
  std::vector<Slice> slices;
  auto part = static_cast<std::size_t>(
      std::upper_bound(ends_.begin(), ends_.end(), range.offset_bytes) - ends_.begin());
  for (; part < parts_.size(); ++part) {
    const std::uint64_t begin = part == 0 ? 0 : ends_[part - 1];
    const ByteRange wanted = Intersect(range, {begin, parts_[part].bytes.size()});
    if (wanted.empty()) break;
    slices.push_back({parts_[part].owner,
                      parts_[part].bytes.substr(wanted.offset_bytes - begin, wanted.length_bytes)});
  }
  return slices;
}

bool IgnoringCase::operator()(std::string_view a, std::string_view b) const {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(),
      [](unsigned char x, unsigned char y) { return std::tolower(x) < std::tolower(y); });
}

std::string_view BlobTypeName(BlobKind kind) {
  return kind == BlobKind::kAppend ? "AppendBlob" : "BlockBlob";
}

std::string Node::etag() const { return fmt::format("0x{:X}", etag_ticks); }

}  // namespace skybridge::localcloud::azure
