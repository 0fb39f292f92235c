#include "fuse/names/directory_scan.h"

#include <algorithm>
#include <utility>

namespace skybridge::fuse {
namespace {

constexpr std::size_t kCacheBatch = 1024;

}  // namespace

DirectoryScan::~DirectoryScan() {
  listing_.reset();  // unfinished: removes nothing
  if (owns_listing_) names_.ReleaseListing(directory_);
}

Status DirectoryScan::Begin() {
  Enter(TRY(names_.Locate(directory_)));
  begun_at_ = names_.Now();
  if (source_ == Source::kNewest) {
    const bool from_cache = names_.HasFreshListing(directory_) ||
                            (names_.IsOut(directory_) && names_.KeepsListing(directory_));
    source_ = from_cache ? Source::kCache : Source::kStore;
  }
  if (source_ == Source::kStore) {
    question_.emplace(names_.changes());
    owns_listing_ = names_.ClaimListing(directory_);
    if (owns_listing_) listing_ = names_.cache().BeginListing(directory_);
  }
  begun_ = true;
  return {};
}

void DirectoryScan::Enter(Location location) {
  location_ = std::move(location);
  guard_.emplace(location_.key.path, location_.remote->store->capabilities().list_is_sorted);
}

Result<std::vector<cache::InodeRecord>> DirectoryScan::Next(const CallContext& context) {
  if (!begun_) TRY_VOID(Begin());
  while (!ended_) {
    auto entries = source_ == Source::kCache ? NextCached() : NextListed(context);
    if (!entries && entries.error().IsOutOfReach() && GoOnFromCache()) continue;
    if (!entries || !entries->empty()) return entries;
  }
  return std::vector<cache::InodeRecord>();
}

// The store is out of reach: what was listed completely before stands in for it, if nothing of a
// new listing has been shown yet.
bool DirectoryScan::GoOnFromCache() {
  names_.NoteOutage(directory_);
  const bool is_first_page = source_ == Source::kStore && continuation_.empty();
  if (!is_first_page || !names_.KeepsListing(directory_)) return false;
  listing_.reset();
  if (std::exchange(owns_listing_, false)) names_.ReleaseListing(directory_);
  question_.reset();
  source_ = Source::kCache;
  return true;
}

Result<std::vector<cache::InodeRecord>> DirectoryScan::NextCached() {
  auto entries = TRY(names_.cache().Children(directory_, after_, kCacheBatch));
  ended_ = entries.size() < kCacheBatch;
  if (!entries.empty()) after_ = entries.back().name;
  return entries;
}

Result<std::vector<cache::InodeRecord>> DirectoryScan::NextListed(const CallContext& context) {
  const HeldForUse held = TRY(names_.Hold(directory_, context));
  if (held.at.front() != location_) {
    if (!continuation_.empty())
      return Fail(ErrorCode::kPreconditionFailed, "the directory was renamed while it was read");
    Enter(held.at.front());
  }
  const auto question = names_.changes().Ask();
  ListPage page = TRY(location_.remote->store->List(
      {.directory = location_.key, .continuation = continuation_}, context));
  DropRepeatedDirectories(page.entries);
  auto learned = names_.LearnPage(
      directory_,
      {.page = page, .question = question, .listing_begun = begun_at_, .stored = listing_.get()});
  if (!learned && !names_.changes().Remembers(question))
    return std::vector<cache::InodeRecord>();  // the same page is asked for again
  auto entries = TRY(std::move(learned));
  // From here on the page counts as seen; before, it would have to be asked for again.
  TRY_VOID(guard_->Check(page));
  RememberDirectories(page.entries);
  continuation_ = std::move(page.continuation);
  if (continuation_.empty()) TRY_VOID(FinishListing());
  return entries;
}

void DirectoryScan::DropRepeatedDirectories(std::vector<ObjectInfo>& entries) const {
  std::erase_if(entries, [this](const ObjectInfo& entry) {
    return entry.kind == NodeKind::kDirectory && repeats_.MayRepeat(entry.key.name());
  });
}

void DirectoryScan::RememberDirectories(const std::vector<ObjectInfo>& entries) {
  if (location_.remote->store->capabilities().real_directories) return;
  repeats_.AddPage(entries);
}

Status DirectoryScan::FinishListing() {
  ended_ = true;
  Status status;
  // Where changes of the time of this scan have been forgotten, it proves nothing absent.
  if (listing_ && names_.changes().Remembers(*question_)) {
    status = listing_->Finish(begun_at_, [this](std::string_view name) {
      if (names_.changes().ChangedSince(*question_, directory_, name)) return true;
      names_.NoteVanished(directory_, name);
      return false;
    });
    listing_.reset();
    if (status) status = names_.TrimCache();
  }
  listing_.reset();
  if (std::exchange(owns_listing_, false)) names_.ReleaseListing(directory_);
  question_.reset();
  return status;
}

}  // namespace skybridge::fuse
