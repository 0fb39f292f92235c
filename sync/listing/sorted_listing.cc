#include "sync/listing/sorted_listing.h"

#include <algorithm>
#include <map>
#include <queue>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/log.h"
#include "sync/listing/page_prefetcher.h"
#include "sync/listing/spool.h"
#include "sync/mirror_names.h"

namespace skybridge {
namespace {

// Bytewise, directories as "path/", without building the two texts.
int CompareSortKeys(const ObjectInfo& a, const ObjectInfo& b) {
  const std::string_view x = a.key.path;
  const std::string_view y = b.key.path;
  const std::size_t common = std::min(x.size(), y.size());
  if (const int order = x.compare(0, common, y.substr(0, common)); order != 0) return order;
  const auto byte_at = [common](const ObjectInfo& info) {
    if (info.key.path.size() > common)
      return static_cast<int>(static_cast<unsigned char>(info.key.path[common]));
    return info.kind == NodeKind::kDirectory ? static_cast<int>('/') : -1;
  };
  const int p = byte_at(a);
  const int q = byte_at(b);
  if (p != q) return p - q;
  // One has ended (in its '/'), the other goes on after the same '/', or is a file whose last part
  // is empty: the directory comes first.
  return (x.size() > common) - (y.size() > common);
}

bool Before(const ObjectInfo& a, const ObjectInfo& b) { return CompareSortKeys(a, b) < 0; }

// What a node needs in memory, roughly.
std::size_t MemoryOf(const ObjectInfo& info) {
  std::size_t bytes = sizeof(ObjectInfo) + info.key.path.size() + info.etag.value.size();
  if (info.attributes) {
    for (const auto& [name, value] : info.attributes->xattrs)
      bytes += 96 + name.size() + value.size();
    for (const auto& [name, value] : info.attributes->foreign)
      bytes += 96 + name.size() + value.size();
    if (info.attributes->access) bytes += 64 + info.attributes->access->acl.size();
  }
  return bytes;
}

}  // namespace

std::string SortKey(const ObjectInfo& info) {
  return info.kind == NodeKind::kDirectory ? info.key.path + "/" : info.key.path;
}

class SortedListing::Impl {
 public:
  Impl(ObjectStore& store, SortedListingOptions options, CallPolicy policy)
      : store_(store), options_(std::move(options)), policy_(std::move(policy)) {}

  Result<std::optional<ObjectInfo>> Next() {
    if (error_) return Fail(*error_);
    Result<std::optional<ObjectInfo>> next = NextInOrder();
    if (!next) error_ = next.error();
    return next;
  }

  std::uint64_t hidden_names() const { return hidden_names_; }

  const Error* Unlisted(const ObjectKey& directory) const {
    const auto found = unlisted_.find(directory);
    return found == unlisted_.end() ? nullptr : &found->second;
  }

 private:
  Result<std::optional<ObjectInfo>> NextInOrder() {
    for (;;) {
      std::optional<ObjectInfo> info =
          TRY(store_.capabilities().list_is_sorted ? NextOfPages() : NextOfRuns());
      if (!info) return info;
      if (last_ && CompareSortKeys(*last_, *info) == 0)
        continue;  // flat stores may name a directory twice
      if (last_ && Before(*info, *last_)) {
        return Fail(ErrorCode::kCorrupt, fmt::format("the listing is not in order: '{}' after '{}'",
                                                     info->key.path, last_->key.path));
      }
      if (IsMirrorsOwn(info->key.path)) continue;
      last_.emplace();
      last_->key = info->key;
      last_->kind = info->kind;
      return info;
    }
  }

  // The next node in the order of the service.
  Result<std::optional<ObjectInfo>> NextOfPages() {
    if (!prefetcher_) prefetcher_.emplace(store_, options_.root, policy_);
    while (used_ == page_.entries.size()) {
      Result<std::optional<ListPage>> next = prefetcher_->Next();
      if (!next) {
        const bool no_root = next.error().code == ErrorCode::kNotFound && !saw_page_;
        if (no_root && options_.missing_root_is_empty) return std::optional<ObjectInfo>();
        return Fail(std::move(next).error());
      }
      if (!*next) return std::optional<ObjectInfo>();
      saw_page_ = true;
      page_ = **std::move(next);
      used_ = 0;
      hidden_names_ += page_.hidden_names.size();
      for (const std::string& name : page_.hidden_names)
        Log(LogLevel::kWarning, "'{}' has no name as a path: it is left out", name);
      TRY_VOID(Remember(page_.unlisted));
    }
    std::optional<ObjectInfo> info = std::move(page_.entries[used_++]);
    TRY_VOID(MakeRelative(info->key));
    return info;
  }

  Status MakeRelative(ObjectKey& key) const {
    if (!options_.root.is_root() && !key.is_below(options_.root)) {
      return Fail(ErrorCode::kCorrupt,
                  fmt::format("listing '{}' gave '{}'", options_.root.path, key.path));
    }
    key = key.relative_to(options_.root);
    return {};
  }

  Status Remember(std::vector<UnlistedDirectory>& unlisted) {
    for (UnlistedDirectory& directory : unlisted) {
      if (unlisted_.size() == kMaxUnlisted) return Fail(std::move(directory.error));
      TRY_VOID(MakeRelative(directory.key));
      unlisted_.emplace(std::move(directory.key), std::move(directory.error));
    }
    return {};
  }

  struct Run {
    std::unique_ptr<SpoolReader> reader;
    ObjectInfo head;
  };
  // The heap's top is the run with the least head.
  struct Later {
    bool operator()(const std::unique_ptr<Run>& a, const std::unique_ptr<Run>& b) const {
      return Before(b->head, a->head);
    }
  };

  Result<std::optional<ObjectInfo>> NextOfRuns() {
    if (!runs_made_) TRY_VOID(MakeRuns());
    if (runs_.empty()) {
      if (in_memory_used_ == in_memory_.size()) return std::optional<ObjectInfo>();
      return std::optional<ObjectInfo>(std::move(in_memory_[in_memory_used_++]));
    }
    return NextOfMerge();
  }

  Result<std::optional<ObjectInfo>> NextOfMerge() {
    if (heap_.empty()) return std::optional<ObjectInfo>();
    // priority_queue gives its top only as const; it is taken out at once.
    std::unique_ptr<Run> run = std::move(const_cast<std::unique_ptr<Run>&>(heap_.top()));
    heap_.pop();
    std::optional<ObjectInfo> info = std::move(run->head);
    if (auto next = TRY(run->reader->Next())) {
      run->head = *std::move(next);
      heap_.push(std::move(run));
    }
    return info;
  }

  // Reads the whole listing. What fits into one run stays in memory.
  Status MakeRuns() {
    runs_made_ = true;
    std::size_t bytes = 0;
    while (auto info = TRY(NextOfPages())) {
      bytes += MemoryOf(*info);
      in_memory_.push_back(*std::move(info));
      if (bytes < options_.run_bytes) continue;
      TRY_VOID(SpillRun());
      bytes = 0;
    }
    prefetcher_.reset();
    if (runs_.empty()) {
      std::sort(in_memory_.begin(), in_memory_.end(), &Before);
      return {};
    }
    if (!in_memory_.empty()) TRY_VOID(SpillRun());
    for (const auto& [begin, end] : runs_) {
      auto run = std::make_unique<Run>();
      run->reader = std::make_unique<SpoolReader>(*spool_, begin, end);
      run->head = TRY(run->reader->Next()).value();
      heap_.push(std::move(run));
    }
    return {};
  }

  Status SpillRun() {
    if (!spool_) spool_ = TRY(Spool::Create(options_.temp_directory));
    std::sort(in_memory_.begin(), in_memory_.end(), &Before);
    const std::uint64_t begin = TRY(spool_->Flush());
    for (const ObjectInfo& info : in_memory_) TRY_VOID(spool_->Append(info));
    runs_.emplace_back(begin, TRY(spool_->Flush()));
    in_memory_.clear();
    return {};
  }

  ObjectStore& store_;
  const SortedListingOptions options_;
  const CallPolicy policy_;

  std::optional<PagePrefetcher> prefetcher_;
  ListPage page_;
  std::size_t used_ = 0;  // entries of page_
  bool saw_page_ = false;
  std::uint64_t hidden_names_ = 0;
  std::map<ObjectKey, Error> unlisted_;
  std::optional<Error> error_;      // once failed, always failed
  std::optional<ObjectInfo> last_;  // key and kind only

  bool runs_made_ = false;
  std::vector<ObjectInfo> in_memory_;
  std::size_t in_memory_used_ = 0;
  std::unique_ptr<Spool> spool_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> runs_;  // from, to: bytes of the spool
  std::priority_queue<std::unique_ptr<Run>, std::vector<std::unique_ptr<Run>>, Later> heap_;
};

SortedListing::SortedListing(ObjectStore& store, SortedListingOptions options, CallPolicy policy)
    : impl_(std::make_unique<Impl>(store, std::move(options), std::move(policy))) {}
SortedListing::~SortedListing() = default;
Result<std::optional<ObjectInfo>> SortedListing::Next() { return impl_->Next(); }
std::uint64_t SortedListing::hidden_names() const { return impl_->hidden_names(); }
const Error* SortedListing::Unlisted(const ObjectKey& directory) const {
  return impl_->Unlisted(directory);
}

}  // namespace skybridge
