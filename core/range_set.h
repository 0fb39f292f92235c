// RangeSet: which bytes of a file have some property (reserved, staged, uploaded), as disjoint
// ranges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "core/byte_range.h"

namespace skybridge {

// Neighbouring ranges are joined. Not safe from many threads. Costs O(log n) and what a call joins
// or cuts.
class RangeSet {
 public:
  void Add(ByteRange range);
  void Remove(ByteRange range);
  void Clear();

  bool Contains(ByteRange range) const;  // all of it
  bool Intersects(ByteRange range) const;
  // What of `range` is in the set, and what is not, ascending.
  std::vector<ByteRange> Present(ByteRange range) const;
  std::vector<ByteRange> Missing(ByteRange range) const;

  std::uint64_t total_bytes() const { return total_bytes_; }
  bool empty() const { return ends_.empty(); }
  std::vector<ByteRange> ranges() const;

 private:
  using Map = std::map<std::uint64_t, std::uint64_t>;  // first byte -> one past the last
  // The first range that ends after `offset`.
  Map::const_iterator FirstEndingAfter(std::uint64_t offset) const;

  Map ends_;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace skybridge
