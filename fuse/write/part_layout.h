// PartLayout: where the parts of an upload begin. The layout is fixed before the size of the file is
// known.
//
// The allowed parts are divided into eight runs. The parts of each run are twice as large as those
// of the run before, up to the largest part that fits in memory. With 10,000 parts, the first of 8
// MiB and none over 128 MiB, a file may have 770 GiB; with Azure's 50,000 parts, 3.7 TiB. Small
// files are still sent in small parts.
#pragma once

#include <cstdint>

#include "core/byte_range.h"

namespace skybridge::fuse {

class PartLayout {
 public:
  struct Limits {
    std::uint64_t first_part_bytes = 0;
    std::uint64_t largest_part_bytes = 0;  // at least first_part_bytes
    std::uint32_t max_parts = 0;
  };
  explicit PartLayout(const Limits& limits) : limits_(limits) {}

  // Numbers count from 1. The offset must be below max_file_bytes().
  std::uint32_t PartAt(std::uint64_t offset_bytes) const;
  ByteRange RangeOf(std::uint32_t part_number) const;
  std::uint64_t max_file_bytes() const;

 private:
  struct Run {
    std::uint64_t begin_bytes = 0;
    std::uint32_t first_part = 1;
    std::uint32_t part_count = 0;
    std::uint64_t part_bytes = 0;

    std::uint64_t end_bytes() const { return begin_bytes + part_count * part_bytes; }
  };
  Run FirstRun() const;
  Run Next(const Run& run) const;
  bool IsLast(const Run& run) const { return run.first_part + run.part_count > limits_.max_parts; }

  const Limits limits_;
};

}  // namespace skybridge::fuse
