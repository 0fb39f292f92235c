#include "cli/mount_stack.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cache/block_cache.h"
#include "cache/cache_directory.h"
#include "cache/metadata_cache.h"
#include "cache/staging.h"
#include "cache/unpublished_files.h"
#include "cli/listed_uploads.h"
#include "core/units.h"
#include "fuse/read/read_path.h"
#include "fuse/write/write_path.h"

namespace skybridge::cli {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
// Twice what one file needs to go on: its first part (10 MiB at most) and a write of the kernel.
constexpr std::uint64_t kStagingReserveBytes = 2 * (std::uint64_t{12} << 20);

struct RemoteParts {
  std::string name;
  std::unique_ptr<OpenStore> opened;
  std::unique_ptr<fuse::ReadPath> reads;
  std::unique_ptr<fuse::WritePath> writes;
};

fuse::FilesystemOptions MakeFilesystemOptions(const MountSettings& settings) {
  return {.read_only = settings.read_only,
          .default_uid = settings.uid.value_or(getuid()),
          .default_gid = settings.gid.value_or(getgid()),
          .default_file_mode = settings.file_mode,
          .default_directory_mode = settings.dir_mode,
          .ttl = settings.ttl,
          .negative_ttl = settings.negative_ttl,
          .offline_max = settings.offline_max,
          .operation_timeout = settings.timeout};
}

class Stack final : public MountStack {
 public:
  Stack(const MountPlan& plan, const CommandContext& context) : plan_(plan), context_(context) {}

  Outcome<ExitCode> Build() {
    CLI_TRY(OpenLocal());
    CLI_TRY(OpenRemotes());
    filesystem_ =
        CLI_TRY_IN(fuse::Filesystem::Create(Parts(), MakeFilesystemOptions(plan_.settings)),
                   "metadata cache", Phase::kLocal);
    return ExitCode::kOk;
  }
  fuse::Filesystem& filesystem() override { return *filesystem_; }

 private:
  // Local parts come first, because they fail at once.
  Outcome<ExitCode> OpenLocal() {
    const std::string& path = plan_.settings.cache_dir;
    const std::string what = "cache directory";
    directory_ = CLI_TRY_IN(cache::CacheDirectory::Take({.path = path,
                                                         .wait = kCacheLockWait,
                                                         .clock = &context_.clock,
                                                         .stop = context_.stop}),
                            what, Phase::kLocal);
    const std::uint64_t disk_bytes = CLI_TRY_IN(directory_->DiskBytes(), what, Phase::kLocal);
    const std::uint64_t capacity =
        CLI_TRY(CacheSizeFor(plan_.settings.cache_size_bytes, disk_bytes));
    // The block cache comes first: it removes blocks from a disk that other programs have filled.
    blocks_ = CLI_TRY_IN(cache::BlockCache::Open({.directory = path + "/blocks",
                                                  .capacity_bytes = capacity,
                                                  .keep_free_bytes = kNeedFreeBytes}),
                         what, Phase::kLocal);
    const Status has_room = directory_->RequireFree(kNeedFreeBytes);
    if (!has_room) return Fails(what, has_room.error(), Phase::kLocal);
    staging_ = CLI_TRY_IN(cache::Staging::Open({.directory = path + "/staging",
                                                .capacity_bytes = plan_.settings.staging_size_bytes,
                                                .reserve_bytes = kStagingReserveBytes,
                                                .clock = &context_.clock}),
                          what, Phase::kLocal);
    unpublished_ = std::make_unique<cache::UnpublishedFiles>(path + "/unpublished");
    metadata_ = CLI_TRY_IN(cache::MetadataCache::Open({.directory = path + "/metadata",
                                                       .identity = plan_.identity,
                                                       .max_bytes = std::max(kGiB, capacity / 5)}),
                           what, Phase::kLocal);
    return ExitCode::kOk;
  }

  Outcome<ExitCode> OpenRemotes() {
    if (plan_.tree) CLI_TRY(OpenTree(*plan_.tree, context_, TreeRoot::kMustExist));
    for (std::size_t i = 0; i < plan_.places.size(); ++i) {
      const RemoteConfig& remote = plan_.places[i].remote;
      auto opened = CLI_TRY(context_.stores.Open(remote, context_.Within(kOpenTimeout)));
      if (!plan_.settings.read_only)
        opened = ListUploads(std::move(opened), remote, plan_.settings.cache_dir, context_);
      RemoteParts parts{.name = plan_.names[i], .opened = std::move(opened)};
      ObjectStore& store = parts.opened->store();
      const std::string what = remote.name.empty() ? remote.Label() : "remote " + remote.name;
      CLI_TRY_IN(
          store.List({.directory = ObjectKey(), .max_entries = 1}, context_.Within(kOpenTimeout)),
          what, Phase::kRemote);
      MakePaths(parts, store);
      remotes_.push_back(std::move(parts));
    }
    return ExitCode::kOk;
  }

  void MakePaths(RemoteParts& parts, ObjectStore& store) {
    const MountSettings& settings = plan_.settings;
    // The bound is for the whole mount; its remotes share it.
    const std::uint64_t prefetch_bytes = settings.prefetch_bytes / plan_.places.size();
    parts.reads = fuse::ReadPath::Create(store, blocks_.get(), context_.clock, parts.name,
                                         {.max_prefetch_bytes = prefetch_bytes,
                                          .max_parallel_requests = settings.max_reads,
                                          .request_timeout = settings.timeout});
    parts.writes =
        fuse::WritePath::Create(store, *parts.reads, blocks_.get(), *staging_, context_.clock,
                                parts.name, {.max_parallel_uploads = settings.max_uploads});
  }

  fuse::FilesystemParts Parts() {
    fuse::FilesystemParts parts{.remotes_as_directories = plan_.as_directories,
                                .metadata = metadata_.get(),
                                .staging = staging_.get(),
                                .unpublished = unpublished_.get(),
                                .clock = &context_.clock};
    for (const RemoteParts& remote : remotes_) {
      parts.remotes.push_back({.name = remote.name,
                               .store = &remote.opened->store(),
                               .reads = remote.reads.get(),
                               .writes = remote.writes.get()});
    }
    return parts;
  }

  const MountPlan plan_;
  const CommandContext& context_;
  std::unique_ptr<cache::CacheDirectory> directory_;
  std::unique_ptr<cache::Staging> staging_;
  std::unique_ptr<cache::UnpublishedFiles> unpublished_;
  std::unique_ptr<cache::MetadataCache> metadata_;
  std::unique_ptr<cache::BlockCache> blocks_;
  std::vector<RemoteParts> remotes_;
  std::unique_ptr<fuse::Filesystem> filesystem_;
};

}  // namespace

Outcome<std::uint64_t> CacheSizeFor(std::optional<std::uint64_t> asked_bytes,
                                    std::uint64_t disk_bytes) {
  constexpr std::uint64_t kDefaultBytes = std::uint64_t{10} << 30;
  if (!asked_bytes) return std::min(kDefaultBytes, disk_bytes / 2);
  if (*asked_bytes <= disk_bytes) return *asked_bytes;
  return Fails(ExitCode::kLocalResource,
               fmt::format("cache_size: {} are more than the whole disk of the cache directory has "
                           "({}); lower it, or choose another directory with --cache-dir",
                           FormatBytes(*asked_bytes), FormatBytes(disk_bytes)));
}

Outcome<std::unique_ptr<MountStack>> MountStack::Build(const MountPlan& plan,
                                                       const CommandContext& context) {
  auto stack = std::make_unique<Stack>(plan, context);
  CLI_TRY(stack->Build());
  return stack;
}

}  // namespace skybridge::cli
