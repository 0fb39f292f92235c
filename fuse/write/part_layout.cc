#include "fuse/write/part_layout.h"

#include <algorithm>

namespace skybridge::fuse {
namespace {

constexpr std::uint32_t kRuns = 8;

}  // namespace

PartLayout::Run PartLayout::FirstRun() const {
  return {.part_count = std::max<std::uint32_t>(1, limits_.max_parts / kRuns),
          .part_bytes = limits_.first_part_bytes};
}

PartLayout::Run PartLayout::Next(const Run& run) const {
  Run next{.begin_bytes = run.end_bytes(),
           .first_part = run.first_part + run.part_count,
           .part_count = run.part_count,
           .part_bytes =
               std::min(run.part_bytes * 2, std::max(limits_.largest_part_bytes, run.part_bytes))};
  next.part_count = std::min(next.part_count, limits_.max_parts - next.first_part + 1);
  return next;
}

std::uint32_t PartLayout::PartAt(std::uint64_t offset_bytes) const {
  Run run = FirstRun();
  while (offset_bytes >= run.end_bytes() && !IsLast(run)) run = Next(run);
  return run.first_part +
         static_cast<std::uint32_t>((offset_bytes - run.begin_bytes) / run.part_bytes);
}

ByteRange PartLayout::RangeOf(std::uint32_t part_number) const {
  Run run = FirstRun();
  while (part_number >= run.first_part + run.part_count && !IsLast(run)) run = Next(run);
  return {run.begin_bytes + (part_number - run.first_part) * run.part_bytes, run.part_bytes};
}

std::uint64_t PartLayout::max_file_bytes() const {
  Run run = FirstRun();
  while (!IsLast(run)) run = Next(run);
  return run.end_bytes();
}

}  // namespace skybridge::fuse
