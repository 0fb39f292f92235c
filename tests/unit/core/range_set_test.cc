#include "core/range_set.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace skybridge {
namespace {

using Ranges = std::vector<ByteRange>;

TEST(RangeSet, JoinsNeighboursAndOverlaps) {
  RangeSet set;
  set.Add({0, 10});
  set.Add({20, 10});
  EXPECT_EQ(set.ranges().size(), 2U);
  set.Add({10, 10});
  EXPECT_EQ(set.ranges(), (Ranges{{0, 30}}));
  EXPECT_EQ(set.total_bytes(), 30U);
}

TEST(RangeSet, RemoveCutsTheMiddleOut) {
  RangeSet set;
  set.Add({0, 100});
  set.Remove({40, 20});
  EXPECT_EQ(set.ranges(), (Ranges{{0, 40}, {60, 40}}));
  EXPECT_EQ(set.Missing({30, 40}), (Ranges{{40, 20}}));
  EXPECT_EQ(set.Present({30, 40}), (Ranges{{30, 10}, {60, 10}}));
  EXPECT_FALSE(set.Intersects({40, 20}));
  EXPECT_TRUE(set.Intersects({59, 2}));
}

TEST(RangeSet, AgreesWithABitmap) {
  std::mt19937 random(7);
  RangeSet set;
  std::vector<bool> bits(200, false);
  for (int step = 0; step < 3000; ++step) {
    const ByteRange range{random() % 180, random() % 20};
    const bool add = (random() & 1) != 0;
    if (add) {
      set.Add(range);
    } else {
      set.Remove(range);
    }
    bool all = true;
    bool any = false;
    for (std::uint64_t i = range.offset_bytes; i < range.end_bytes(); ++i) bits[i] = add;
    const ByteRange probe{random() % 180, 1 + random() % 20};
    std::uint64_t present = 0;
    for (std::uint64_t i = probe.offset_bytes; i < probe.end_bytes(); ++i) {
      all = all && bits[i];
      any = any || bits[i];
      present += bits[i] ? 1 : 0;
    }
    ASSERT_EQ(set.Contains(probe), all);
    ASSERT_EQ(set.Intersects(probe), any);
    std::uint64_t found = 0;
    for (const ByteRange& r : set.Present(probe)) found += r.length_bytes;
    for (const ByteRange& r : set.Missing(probe)) found += r.length_bytes;
    ASSERT_EQ(found, probe.length_bytes);
    std::uint64_t counted = 0;
    for (const ByteRange& r : set.Present(probe)) counted += r.length_bytes;
    ASSERT_EQ(counted, present);
    ASSERT_EQ(set.total_bytes(),
              static_cast<std::uint64_t>(std::count(bits.begin(), bits.end(), true)));
  }
}

}  // namespace
}  // namespace skybridge
