#include "backends/listing_guard.h"

#include <algorithm>

#include <fmt/format.h>

namespace skybridge {

void ListingGuard::Circle::Note(std::string_view text) {
  if (++texts_since_ < keep_for_) return;
  kept_ = text;
  texts_since_ = 0;
  keep_for_ *= 2;
}

tl::unexpected<Error> ListingGuard::Endless(std::string_view why) const {
  return Fail(ErrorCode::kCorrupt,
              fmt::format("list '{}': the service {}, its pages would never end", directory_, why));
}

bool ListingGuard::BringsNews(const ListPage& page) const {
  if (!sorted_) return !page.entries.empty();
  return std::any_of(page.entries.begin(), page.entries.end(),
                     [&](const ObjectInfo& entry) { return entry.key.path > farthest_; });
}

Status ListingGuard::Check(const ListPage& page) {
  const bool has_entries = !page.entries.empty();
  // A directory may come twice: by a marker and as what names have in common.
  const auto file = std::find_if(page.entries.begin(), page.entries.end(), [](const auto& entry) {
    return entry.kind != NodeKind::kDirectory;
  });
  if (sorted_ && file != page.entries.end() && !farthest_file_.empty() &&
      file->key.path <= farthest_file_) {
    return Endless(fmt::format("gave '{}' after '{}'", file->key.path, farthest_file_));
  }
  if (continuations_.Closes(page.continuation)) return Endless("gave the same continuation twice");
  if (!sorted_ && has_entries && first_names_.Closes(page.entries.front().key.path))
    return Endless("gave the same names twice");
  const bool news = BringsNews(page);
  if (!news && !page.continuation.empty() && pages_without_news_ >= kMaxPagesWithoutNews)
    return Endless(fmt::format("gave {} pages without a new name", kMaxPagesWithoutNews));

  pages_without_news_ = news ? 0 : pages_without_news_ + 1;
  if (!page.continuation.empty()) continuations_.Note(page.continuation);
  if (!has_entries) return {};
  if (!sorted_) {
    first_names_.Note(page.entries.front().key.path);
    return {};
  }
  std::string_view farthest = farthest_;
  std::string_view farthest_file = farthest_file_;
  for (const ObjectInfo& entry : page.entries) {
    farthest = std::max<std::string_view>(farthest, entry.key.path);
    if (entry.kind != NodeKind::kDirectory)
      farthest_file = std::max<std::string_view>(farthest_file, entry.key.path);
  }
  farthest_ = std::string(farthest);
  farthest_file_ = std::string(farthest_file);
  return {};
}

Status DrainGuard::Check(std::string_view first, std::string_view last) {
  const bool came_back = !last_.empty() && first <= last_;
  if (came_back && (first == first_ || ++returns_ > kMaxReturns)) {
    return Fail(Error{.code = ErrorCode::kConflict,
                      .message = fmt::format("'{}': '{}' came back while its directory was moved",
                                             directory_, first),
                      .retryable = true});
  }
  first_ = first;
  last_ = last;
  return {};
}

}  // namespace skybridge
