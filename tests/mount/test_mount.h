// TestMount: a remote mounted for real, in this process, over a store of the test's choice. Always
// unmounted; what a crashed run left mounted is removed when the next one starts.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cache/block_cache.h"
#include "core/clock.h"
#include "fuse/filesystem/filesystem.h"
#include "fuse/read/read_path.h"
#include "fuse/session/session.h"
#include "fuse/write/write_path.h"
#include "tests/support/temp_directory.h"

namespace skybridge::testing {

struct NamedStore {
  std::string name;
  ObjectStore& store;
};

class TestMount {
 public:
  // Mounts at a new directory, with caches of its own. Fails the test where there is no /dev/fuse:
  // a mount that cannot be tested must be seen.
  explicit TestMount(ObjectStore& store, fuse::FilesystemOptions filesystem_options = {},
                     fuse::MountOptions mount_options = {}, bool handle_signals = false);
  // Several remotes: each is a directory of the mount.
  explicit TestMount(const std::vector<NamedStore>& stores,
                     fuse::FilesystemOptions filesystem_options = {});
  ~TestMount();
  TestMount(const TestMount&) = delete;
  TestMount& operator=(const TestMount&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  fuse::Session& session() { return *session_; }
  fuse::Filesystem& filesystem() { return *filesystem_; }
  // What Run has returned; waits for it.
  Status WaitUntilEnded();

 private:
  struct Paths {
    std::unique_ptr<fuse::ReadPath> reads;
    std::unique_ptr<fuse::WritePath> writes;
  };
  void Mount(const std::vector<NamedStore>& stores, bool as_directories,
             fuse::FilesystemOptions filesystem_options, fuse::MountOptions mount_options,
             bool handle_signals);

  SystemClock clock_;
  TempDirectory directory_;
  std::string path_;
  std::unique_ptr<cache::MetadataCache> metadata_;
  std::unique_ptr<cache::BlockCache> blocks_;
  std::unique_ptr<cache::Staging> staging_;
  std::unique_ptr<cache::UnpublishedFiles> unpublished_;
  std::vector<Paths> paths_;
  std::unique_ptr<fuse::Filesystem> filesystem_;
  std::unique_ptr<fuse::Session> session_;
  Status ended_;
  std::thread runner_;
};

}  // namespace skybridge::testing
