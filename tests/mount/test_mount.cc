#include "tests/mount/test_mount.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <future>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <gtest/gtest.h>

#include "fuse/session/mount_point.h"

namespace skybridge::testing {
namespace {

constexpr std::chrono::seconds kMountDeadline{20};

void RemoveDeadMounts() {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::string id, parent, device, root, path;
    std::istringstream(line) >> id >> parent >> device >> root >> path;
    struct stat info {};
    if (path.find("/skybridge-test-") == std::string::npos || ::lstat(path.c_str(), &info) == 0)
      continue;
    if (errno != ENOTCONN && errno != ECONNABORTED) continue;
    const auto mount = fuse::FindMount(path);
    if (mount) {
      EXPECT_TRUE(fuse::Unmount(*mount));
    }
  }
}

}  // namespace

TestMount::TestMount(ObjectStore& store, fuse::FilesystemOptions filesystem_options,
                     fuse::MountOptions mount_options, bool handle_signals) {
  Mount({{.name = "test", .store = store}}, /*as_directories=*/false, std::move(filesystem_options),
        std::move(mount_options), handle_signals);
}

TestMount::TestMount(const std::vector<NamedStore>& stores,
                     fuse::FilesystemOptions filesystem_options) {
  Mount(stores, /*as_directories=*/true, std::move(filesystem_options), {},
        /*handle_signals=*/false);
}

void TestMount::Mount(const std::vector<NamedStore>& stores, bool as_directories,
                      fuse::FilesystemOptions filesystem_options, fuse::MountOptions mount_options,
                      bool handle_signals) {
  RemoveDeadMounts();
  path_ = directory_.Sub("mnt");
  EXPECT_EQ(::mkdir(path_.c_str(), 0755), 0);
  metadata_ =
      cache::MetadataCache::Open({.directory = directory_.Sub("metadata"), .identity = "test"})
          .value();
  staging_ = cache::Staging::Open({.directory = directory_.Sub("staging"),
                                   .capacity_bytes = std::uint64_t{1} << 30,
                                   .keep_free_bytes = 0,
                                   .clock = &clock_})
                 .value();
  blocks_ =
      cache::BlockCache::Open({.directory = directory_.Sub("blocks"), .capacity_bytes = 256 << 20})
          .value();
  unpublished_ = std::make_unique<cache::UnpublishedFiles>(directory_.Sub("unpublished"));
  filesystem_options.default_uid = ::getuid();
  filesystem_options.default_gid = ::getgid();
  fuse::FilesystemParts parts{.remotes_as_directories = as_directories,
                              .metadata = metadata_.get(),
                              .staging = staging_.get(),
                              .unpublished = unpublished_.get(),
                              .clock = &clock_};
  for (const auto& [name, store] : stores) {
    Paths paths{.reads = fuse::ReadPath::Create(store, blocks_.get(), clock_, name, {})};
    paths.writes =
        fuse::WritePath::Create(store, *paths.reads, blocks_.get(), *staging_, clock_, name, {});
    parts.remotes.push_back(
        {.name = name, .store = &store, .reads = paths.reads.get(), .writes = paths.writes.get()});
    paths_.push_back(std::move(paths));
  }
  filesystem_ = fuse::Filesystem::Create(parts, filesystem_options).value();
  mount_options.mount_point = path_;
  mount_options.source = "test:/";
  mount_options.read_only = filesystem_options.read_only;
  std::promise<void> ready;
  auto is_ready = ready.get_future();
  auto session = fuse::Session::Mount(
      mount_options, *filesystem_,
      {.on_ready = [&ready] { ready.set_value(); }, .handle_signals = handle_signals});
  if (!session) {
    ADD_FAILURE() << "cannot mount here: " << session.error().ToString();
    throw std::runtime_error(session.error().ToString());
  }
  session_ = *std::move(session);
  runner_ = std::thread([this] { ended_ = session_->Run(); });
  EXPECT_EQ(is_ready.wait_for(kMountDeadline), std::future_status::ready);
}

TestMount::~TestMount() {
  if (session_) session_->RequestStop();
  if (runner_.joinable()) runner_.join();
}

Status TestMount::WaitUntilEnded() {
  if (runner_.joinable()) runner_.join();
  return ended_;
}

}  // namespace skybridge::testing
