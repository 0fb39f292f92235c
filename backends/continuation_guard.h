// ContinuationGuard: notices a listing that goes round in circles. You need it in every loop over
// pages: a service (or a cache before it) that gives a continuation which it gave before would keep
// the loop going for ever.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace skybridge {

// Not safe from many threads. Keeps one continuation, whatever the length of the listing: a circle
// of n pages is noticed before it was walked four times (R. P. Brent, "An improved Monte Carlo
// factorization algorithm", 1980).
class ContinuationGuard {
 public:
  // `directory` names the listing in the error.
  explicit ContinuationGuard(std::string directory) : directory_(std::move(directory)) {}

  // Called with the continuation of each page, in order. Errors: kCorrupt, and again so when the
  // same page is asked for once more.
  Status Check(std::string_view continuation);

 private:
  const std::string directory_;
  std::string kept_;
  std::uint64_t pages_since_ = 0;  // kept_ was taken
  std::uint64_t keep_for_ = 1;
};

}  // namespace skybridge
