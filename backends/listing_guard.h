// ListingGuard: notices a listing that never ends. You need it in every loop over pages: a service
// (or a cache before it) that goes round in circles, or promises pages for ever that bring nothing,
// would keep the loop going for ever.
//
// Pages may be short or empty and still go on (Azure REST: List Blobs, "NextMarker"; Azure Data
// Lake REST: Path - List), so that emptiness becomes an error only when it lasts. A service that
// invents ever new names in order cannot be told from a large container.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backends/object_store.h"
#include "core/result.h"

namespace skybridge {

// Not safe from many threads. Bounded memory, whatever the length of the listing.
class ListingGuard {
 public:
  // Pages in a row that bring no name beyond those of the pages before. At five thousand names a
  // page this is room for fifty million deleted blobs in one place.
  static constexpr std::uint64_t kMaxPagesWithoutNews = 10'000;

  // `directory` names the listing in the error. `sorted`: the paths of files come in bytewise order
  // (Capabilities::list_is_sorted), of one level as well.
  ListingGuard(std::string directory, bool sorted)
      : directory_(std::move(directory)), sorted_(sorted) {}

  // Called with each page, in order. Errors: kCorrupt for a continuation that came before (a circle
  // of n pages is noticed before it was walked four times), likewise for the first name of a page;
  // for a sorted listing whose files do not advance; after kMaxPagesWithoutNews. A page that was
  // refused is refused again when it is asked for once more.
  Status Check(const ListPage& page);

 private:
  // Keeps one text of a sequence, each twice as long as the one before (R. P. Brent, "An improved
  // Monte Carlo factorization algorithm", 1980).
  class Circle {
   public:
    // Whether this text is the one that was kept.
    bool Closes(std::string_view text) const { return !text.empty() && text == kept_; }
    void Note(std::string_view text);

   private:
    std::string kept_;
    std::uint64_t texts_since_ = 0;  // kept_ was taken
    std::uint64_t keep_for_ = 1;
  };

  tl::unexpected<Error> Endless(std::string_view why) const;
  // Whether a page holds a name beyond all those before.
  bool BringsNews(const ListPage& page) const;

  const std::string directory_;
  const bool sorted_;
  Circle continuations_;
  Circle first_names_;
  std::string farthest_;       // path; sorted listings only
  std::string farthest_file_;  // likewise
  std::uint64_t pages_without_news_ = 0;
};

// DrainGuard: the same for a loop that lists from the start again and again, since what it has
// dealt with is gone from the next listing. Names that come back are somebody else's new files, or
// a service that forgets what it was told.
class DrainGuard {
 public:
  static constexpr int kMaxReturns = 100;

  // `directory` names the loop in the error.
  explicit DrainGuard(std::string directory) : directory_(std::move(directory)) {}

  // Called with the first and the last name of each listing that is not empty. Errors: kConflict
  // (retryable) when the first one is that of the listing before, and when names have come back
  // kMaxReturns times.
  Status Check(std::string_view first, std::string_view last);

 private:
  const std::string directory_;
  std::string first_;
  std::string last_;
  int returns_ = 0;
};

}  // namespace skybridge
