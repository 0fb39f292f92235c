#include "core/range_set.h"

#include <algorithm>
#include <iterator>

namespace skybridge {

RangeSet::Map::const_iterator RangeSet::FirstEndingAfter(std::uint64_t offset) const {
  auto it = ends_.upper_bound(offset);
  if (it != ends_.begin() && std::prev(it)->second > offset) --it;
  return it;
}

void RangeSet::Add(ByteRange range) {
  if (range.empty()) return;
  std::uint64_t begin = range.offset_bytes;
  std::uint64_t end = range.end_bytes();
  auto it = ends_.upper_bound(begin);
  if (it != ends_.begin() && std::prev(it)->second >= begin) --it;
  while (it != ends_.end() && it->first <= end) {
    begin = std::min(begin, it->first);
    end = std::max(end, it->second);
    total_bytes_ -= it->second - it->first;
    it = ends_.erase(it);
  }
  ends_.emplace_hint(it, begin, end);
  total_bytes_ += end - begin;
}

void RangeSet::Remove(ByteRange range) {
  if (range.empty()) return;
  auto it = FirstEndingAfter(range.offset_bytes);
  while (it != ends_.end() && it->first < range.end_bytes()) {
    const auto [begin, end] = *it;
    it = ends_.erase(it);
    total_bytes_ -= end - begin;
    if (begin < range.offset_bytes) Add({begin, range.offset_bytes - begin});
    if (end > range.end_bytes()) Add({range.end_bytes(), end - range.end_bytes()});
  }
}

void RangeSet::Clear() {
  ends_.clear();
  total_bytes_ = 0;
}

bool RangeSet::Contains(ByteRange range) const {
  if (range.empty()) return true;
  const auto it = FirstEndingAfter(range.offset_bytes);
  return it != ends_.end() && it->first <= range.offset_bytes && it->second >= range.end_bytes();
}

bool RangeSet::Intersects(ByteRange range) const {
  if (range.empty()) return false;
  const auto it = FirstEndingAfter(range.offset_bytes);
  return it != ends_.end() && it->first < range.end_bytes();
}

std::vector<ByteRange> RangeSet::Present(ByteRange range) const {
  std::vector<ByteRange> found;
  for (auto it = FirstEndingAfter(range.offset_bytes);
       it != ends_.end() && it->first < range.end_bytes(); ++it) {
    found.push_back(Intersect(range, {it->first, it->second - it->first}));
  }
  return found;
}

std::vector<ByteRange> RangeSet::Missing(ByteRange range) const {
  std::vector<ByteRange> found;
  std::uint64_t at = range.offset_bytes;
  for (const ByteRange& present : Present(range)) {
    if (present.offset_bytes > at) found.push_back({at, present.offset_bytes - at});
    at = present.end_bytes();
  }
  if (at < range.end_bytes()) found.push_back({at, range.end_bytes() - at});
  return found;
}

std::vector<ByteRange> RangeSet::ranges() const {
  std::vector<ByteRange> all;
  all.reserve(ends_.size());
  for (const auto& [begin, end] : ends_) all.push_back({begin, end - begin});
  return all;
}

}  // namespace skybridge
