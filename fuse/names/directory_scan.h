// DirectoryScan: one pass over a directory for one open handle, in bounded memory, first entries
// after the first page.
//
// A fresh complete listing is read from the cache, in the order of names. Otherwise the store is
// listed page by page, each page goes to the cache and to the reader as it comes, and the last one
// makes the cache's listing complete. One scan at a time stores a directory's listing; others list
// along without that.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/listing_guard.h"
#include "fuse/names/namespace.h"
#include "fuse/names/repeated_directories.h"

namespace skybridge::fuse {

// Not safe from many threads.
class DirectoryScan {
 public:
  // Where the entries come from, and so their order.
  enum class Source { kNewest, kCache, kStore };

  DirectoryScan(Namespace& names, InodeNumber directory, Source source = Source::kNewest)
      : names_(names), directory_(directory), source_(source) {}
  ~DirectoryScan();
  DirectoryScan(const DirectoryScan&) = delete;
  DirectoryScan& operator=(const DirectoryScan&) = delete;

  // The next entries; none: the directory has ended. After an error the same entries can be asked
  // for again.
  Result<std::vector<cache::InodeRecord>> Next(const CallContext& context);

  // kNewest becomes one of the others with the first entries.
  Source source() const { return source_; }

 private:
  Status Begin();
  void Enter(Location location);
  bool GoOnFromCache();
  Result<std::vector<cache::InodeRecord>> NextCached();
  Result<std::vector<cache::InodeRecord>> NextListed(const CallContext& context);
  // On flat stores a directory may come on two pages: only its first is shown.
  void DropRepeatedDirectories(std::vector<ObjectInfo>& entries) const;
  void RememberDirectories(const std::vector<ObjectInfo>& entries);
  Status FinishListing();

  Namespace& names_;
  const InodeNumber directory_;
  Source source_;
  bool begun_ = false;
  bool ended_ = false;
  bool owns_listing_ = false;
  std::string after_;         // in the cache
  std::string continuation_;  // in the store
  WallTime begun_at_{};
  Location location_;
  std::optional<ListingGuard> guard_;
  RepeatedDirectories repeats_;
  std::optional<LocalChanges::Question> question_;  // open since the first page was asked for
  std::unique_ptr<cache::MetadataCache::Listing> listing_;
};

}  // namespace skybridge::fuse
