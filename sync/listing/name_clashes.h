// NameClashes: the pairs of a Pairing, each file or link with the directory of the same name, if a
// side has one: a file that became a directory, or on a flat store an object `a` beside `a/b`.
//
// Between `a` and `a/` come other names in bytewise order (`a!`, `a-1`). A file's pair is held back
// until the directory has come or can come no more. Such pairs are prefixes of one another: no more
// are held than a name has bytes.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "sync/listing/pairing.h"

namespace skybridge {

// Not safe from many threads.
class NameClashes {
 public:
  // `pairing` must outlive it.
  explicit NameClashes(Pairing& pairing) : pairing_(pairing) {}

  // The next pair. A file's comes before the directory of the same name, if not in strict order
  // with other files. Nothing at the end. Errors: those of either listing.
  Result<std::optional<Pair>> Next();

 private:
  void ReleaseBefore(const Pair& pair);

  Pairing& pairing_;
  std::vector<Pair> held_;  // each path is the beginning of the next one's
  std::deque<Pair> ready_;
};

}  // namespace skybridge
