// Pairing: two sorted listings walked side by side. Each step tells of one path what is at the
// source and at the destination.
#pragma once

#include <optional>

#include "sync/listing/sorted_listing.h"

namespace skybridge {

// Of a path that is a file or link: the directory of the same name.
enum class Beside { kNothing, kEmptyDirectory, kFilledDirectory };

struct Pair {
  std::optional<ObjectInfo> source;
  std::optional<ObjectInfo> destination;
  // Told by NameClashes only.
  Beside beside_source = Beside::kNothing;
  Beside beside_destination = Beside::kNothing;
  // For a directory that only one side lists: the other side has something below it, so it exists
  // there as a prefix.
  bool other_side_implies_it = false;
  // For a directory: the side that lists it lists something below it.
  bool has_children = false;

  const ObjectInfo& any() const { return source ? *source : *destination; }
};

// Both listings must outlive it. Not safe from many threads.
class Pairing {
 public:
  Pairing(SortedListing& source, SortedListing& destination)
      : source_(source), destination_(destination) {}

  // Nothing when both are at their end. Errors: those of either listing.
  Result<std::optional<Pair>> Next();

  // What a side has as the directory `path`, when `given`, the last pair, is that directory or the
  // first thing below it.
  Beside AtSource(const ObjectKey& path, const Pair& given) const;
  Beside AtDestination(const ObjectKey& path, const Pair& given) const;

 private:
  struct Side {
    explicit Side(SortedListing& l) : listing(l) {}
    Status Advance();
    SortedListing& listing;
    bool started = false;
    std::optional<ObjectInfo> head;
  };

  Side source_;
  Side destination_;
};

}  // namespace skybridge
