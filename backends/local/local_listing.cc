#include "backends/local/local_listing.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "backends/local/local_attributes.h"

namespace skybridge {
namespace {

constexpr std::uint32_t kPageEntries = 5000;

// As the order of listings sees it.
std::string WirePath(const ObjectKey& directory, const LocalName& name) {
  return directory.child(name.name).path + (name.is_directory ? "/" : "");
}

Result<ObjectInfo> Describe(const FileDescriptor& directory, const ObjectKey& key) {
  const FileDescriptor node = TRY(OpenNode(directory, std::string(key.name())));
  return DescribeLocal(key, node);
}

// Removed, or replaced by a file or link, since its name was read.
bool IsGone(const Error& error) {
  return error.code == ErrorCode::kNotFound || error.code == ErrorCode::kNotDirectory;
}

// The trouble of one node: the others can be listed.
bool IsOfOne(const Error& error) {
  return error.code == ErrorCode::kPermissionDenied || error.code == ErrorCode::kIo;
}

// Of a node that cannot be described only the name is listed: Head says why.
ObjectInfo Undescribed(const ObjectKey& key, const LocalName& name) {
  return {.key = key, .kind = name.is_directory ? NodeKind::kDirectory : NodeKind::kFile};
}

}  // namespace

LocalListing::LocalListing(const LocalTree& tree, const ListRequest& request, std::string hidden)
    : tree_(tree),
      request_(request),
      hidden_(std::move(hidden)),
      page_size_(request.max_entries == 0 ? kPageEntries
                                          : std::min(request.max_entries, kPageEntries)) {}

Status LocalListing::Enter(const ObjectKey& directory) {
  FileDescriptor handle = TRY(tree_.OpenDirectory(directory));
  LocalNames names = TRY(ReadNames(handle));
  for (const std::string& name : names.other_kinds)
    hidden_names_.push_back(directory.child(name).path);
  std::erase_if(names.names, [&](const LocalName& name) { return name.name == hidden_; });
  levels_.push_back(
      {.directory = directory, .handle = std::move(handle), .names = std::move(names.names)});
  return {};
}

Status LocalListing::Start() {
  TRY_VOID(Enter(request_.directory));
  return SkipTo(request_.continuation);
}

// Goes behind `after`, into its directory if there is more below.
Status LocalListing::SkipTo(std::string_view after) {
  if (after.empty()) return {};
  for (;;) {
    Level& level = levels_.back();
    const auto behind = [&](const LocalName& name) {
      return WirePath(level.directory, name) > after;
    };
    const auto first = std::find_if(level.names.begin(), level.names.end(), behind);
    level.next = static_cast<std::size_t>(first - level.names.begin());
    if (!request_.recursive || level.next == 0) return {};
    const LocalName& before = level.names[level.next - 1];
    const std::string path = WirePath(level.directory, before);
    if (!before.is_directory || !after.starts_with(path)) return {};
    const Status entered = Enter(level.directory.child(before.name));
    if (entered) continue;
    // It was named on the page before.
    return IsGone(entered.error()) || IsOfOne(entered.error()) ? Status() : entered;
  }
}

Status LocalListing::EnterOrName(const ObjectKey& directory, ListPage& page) {
  const Status entered = Enter(directory);
  if (entered || IsGone(entered.error())) return {};
  if (!IsOfOne(entered.error())) return entered;
  page.unlisted.push_back({directory, entered.error()});
  return {};
}

Result<ListPage> LocalListing::NextPage() {
  ListPage page;
  std::string last;
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.next == level.names.size()) {
      levels_.pop_back();
      continue;
    }
    if (page.entries.size() == page_size_) {
      page.continuation = last;
      break;
    }
    const LocalName name = level.names[level.next++];
    last = WirePath(level.directory, name);
    const ObjectKey key = level.directory.child(name.name);
    Result<ObjectInfo> info = Describe(level.handle, key);
    if (!info && IsGone(info.error())) continue;
    if (!info && !IsOfOne(info.error())) return Fail(info.error());
    if (request_.recursive && name.is_directory) TRY_VOID(EnterOrName(key, page));
    page.entries.push_back(info ? *std::move(info) : Undescribed(key, name));
  }
  page.hidden_names = std::exchange(hidden_names_, {});
  return page;
}

}  // namespace skybridge
