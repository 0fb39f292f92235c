// SortedListing: everything below a directory of a store as one stream in bytewise order of full
// paths, a directory compared as "path/". Two such streams can be walked side by side whatever
// their length.
//
// A store that lists in this order is streamed, the next page fetched while this one is used, and
// the order is checked. Any other listing is cut into sorted runs in a temporary file, then merged.
// Memory is bounded in both cases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "backends/object_store.h"
#include "sync/call_policy.h"

namespace skybridge {

// What orders two nodes: the path, with a '/' behind a directory's.
std::string SortKey(const ObjectInfo& info);

// Of directories that could not be read: so many are named; a listing with more of them fails.
inline constexpr std::size_t kMaxUnlisted = 10'000;

struct SortedListingOptions {
  ObjectKey root;                                 // keys in the stream are relative to it
  bool missing_root_is_empty = false;             // for a destination that is still to be made
  std::size_t run_bytes = std::size_t{64} << 20;  // memory of one run, roughly
  std::string temp_directory;                     // for runs; empty: the system's
};

// Not safe from many threads (each of two listings has its own).
class SortedListing {
 public:
  // `store` must outlive the listing. Nothing is sent before the first Next.
  SortedListing(ObjectStore& store, SortedListingOptions options, CallPolicy policy);
  ~SortedListing();
  SortedListing(const SortedListing&) = delete;
  SortedListing& operator=(const SortedListing&) = delete;

  // The next node; nothing at the end. What is the mirror's own (sync/mirror_names.h) is left out. A
  // listing that fails midway is an error, never a shorter listing. A directory below the root that
  // could not be read (Unlisted) ends nothing. Errors: the store's; kCorrupt if the store does not
  // keep the order it promises; that of the last directory if more than kMaxUnlisted could not be
  // read.
  Result<std::optional<ObjectInfo>> Next();

  // Names that the store could not show (ListPage::hidden_names), of the pages read so far.
  std::uint64_t hidden_names() const;

  // Why nothing of what is below this directory is in the stream; nullptr if it is. Known when the
  // stream has given the directory.
  const Error* Unlisted(const ObjectKey& directory) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skybridge
