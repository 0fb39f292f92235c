// The life of a mount: where it may be, what interrupts it, how it ends.
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "fuse/session/mount_point.h"
#include "tests/mount/files.h"
#include "tests/mount/test_mount.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::testing {
namespace {

using namespace std::chrono_literals;

class MountSession : public ::testing::Test {
 protected:
  ErrorCode MountError(const fuse::MountOptions& options, fuse::Filesystem& filesystem) {
    const auto session = fuse::Session::Mount(options, filesystem);
    if (session) return ErrorCode::kInternal;
    EXPECT_EQ(session.error().message.find('\n'), std::string::npos) << "one line";
    return session.error().code;
  }

  SystemClock clock;
  FakeObjectStore store{clock};
};

TEST_F(MountSession, BadMountPointsAreRefusedClearly) {
  TestMount mount(store);
  TempDirectory local;
  const std::string file = local.Sub("file");
  const std::string full = local.Sub("full");
  const std::string empty = local.Sub("empty");
  ASSERT_EQ(WriteFile(file, "x"), 0);
  ASSERT_EQ(::mkdir(full.c_str(), 0755), 0);
  ASSERT_EQ(::mkdir(empty.c_str(), 0755), 0);
  ASSERT_EQ(WriteFile(full + "/x", "x"), 0);
  fuse::Filesystem& filesystem = mount.filesystem();
  EXPECT_EQ(MountError({.mount_point = local.Sub("missing")}, filesystem), ErrorCode::kNotFound);
  EXPECT_EQ(MountError({.mount_point = file}, filesystem), ErrorCode::kNotDirectory);
  EXPECT_EQ(MountError({.mount_point = full}, filesystem), ErrorCode::kNotEmpty);
  EXPECT_EQ(MountError({.mount_point = mount.path()}, filesystem), ErrorCode::kLocked);
  EXPECT_EQ(
      MountError({.mount_point = empty, .local_paths = {empty + "/cache/blocks"}}, filesystem),
      ErrorCode::kInvalidArgument);
  EXPECT_FALSE(fuse::FindMount(empty));
}

TEST_F(MountSession, TheMountNamesItsRemoteAndType) {
  const TestMount mount(store);
  const auto entry = fuse::FindMount(mount.path());
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->type, "fuse.skybridge");
  std::string output;
  ASSERT_EQ(Shell("findmnt -n -o SOURCE,OPTIONS '" + mount.path() + "'", &output), 0);
  EXPECT_EQ(output.rfind("test:/", 0), 0U);
  EXPECT_NE(output.find("default_permissions"), std::string::npos);
}

TEST_F(MountSession, TheKernelGetsItsOptions) {
  const TestMount mount(store, {}, {.kernel_options = {"noexec", "sync"}});
  std::string output;
  ASSERT_EQ(Shell("findmnt -n -o OPTIONS '" + mount.path() + "'", &output), 0);
  EXPECT_NE(output.find("noexec"), std::string::npos) << output;
  EXPECT_NE(output.find("sync"), std::string::npos) << output;
}

TEST_F(MountSession, TheReadAheadWindowIsRaised) {
  const TestMount mount(store);
  std::ifstream knob("/sys/class/bdi/" + fuse::FindMount(mount.path())->device + "/read_ahead_kb");
  int kib = 0;
  knob >> kib;
  EXPECT_GE(kib, 4096);
}

TEST_F(MountSession, StoppingPublishesWhatOpenFilesHold) {
  TestMount mount(store);
  File file(mount / "a", O_CREAT | O_WRONLY);
  ASSERT_EQ(file.Write("hello"), 0);
  mount.session().RequestStop();
  EXPECT_TRUE(mount.WaitUntilEnded());
  EXPECT_EQ(store.ContentOf("a"), "hello");
  EXPECT_FALSE(fuse::FindMount(mount.path()));
  EXPECT_NE(file.Write("more"), 0);  // the mount has gone; the program is told
}

TEST_F(MountSession, WhatCouldNotBePublishedIsTheErrorOfTheEnd) {
  TestMount mount(store);
  File file(mount / "a", O_CREAT | O_WRONLY);
  ASSERT_EQ(file.Write("hello"), 0);
  store.script().FailNext(StoreOp::kPut, {.code = ErrorCode::kUnavailable, .message = "gone"}, 10);
  mount.session().RequestStop();
  const Status ended = mount.WaitUntilEnded();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kUnavailable);
}

TEST_F(MountSession, EndsOnSigterm) {
  TestMount mount(store, {}, {}, true);
  ASSERT_EQ(WriteFile(mount / "a", "x"), 0);
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  EXPECT_TRUE(mount.WaitUntilEnded());
  EXPECT_FALSE(fuse::FindMount(mount.path()));
}

TEST_F(MountSession, EndsWhenItIsUnmountedFromOutside) {
  TestMount mount(store);
  EXPECT_EQ(Shell("fusermount3 -u '" + mount.path() + "'"), 0);
  EXPECT_TRUE(mount.WaitUntilEnded());
  EXPECT_FALSE(fuse::FindMount(mount.path()));
}

TEST_F(MountSession, ADeadMountIsRemovedByTheNextOne) {
  TempDirectory local;
  const std::string path = local.Sub("mnt");
  ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
  // A process that mounts and is killed.
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("TMPDIR", local.path().c_str(), 1);  // what it leaves behind goes with the test's own
    FakeObjectStore own(clock);
    TestMount donor(own);
    const auto session = fuse::Session::Mount({.mount_point = path}, donor.filesystem());
    if (session) ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(StatError(path), ENOTCONN);

  TestMount mount(store);
  auto session = fuse::Session::Mount({.mount_point = path}, mount.filesystem());
  ASSERT_TRUE(session) << session.error().ToString();
  session->reset();
  EXPECT_FALSE(fuse::FindMount(path));
}

TEST_F(MountSession, AMountThatDiedJustNowIsRemovedToo) {
  TempDirectory local;
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("TMPDIR", local.path().c_str(), 1);  // what it leaves behind goes with the test's own
    FakeObjectStore own(clock);
    const TestMount dying(own);
    if (StatError(dying.path()) == 0 && WriteFile(local.Sub("path"), dying.path()) == 0)
      ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const std::string path = ReadFile(local.Sub("path"));
  ASSERT_EQ(StatError(path), 0);  // the kernel remembers

  TestMount mount(store);
  auto session = fuse::Session::Mount({.mount_point = path}, mount.filesystem());
  ASSERT_TRUE(session) << session.error().ToString();
  session->reset();
  EXPECT_FALSE(fuse::FindMount(path));
}

TEST_F(MountSession, LookupsInOneDirectoryDoNotWaitForEachOther) {
  store.PutText("a", "x");
  store.PutText("b", "x");
  TestMount mount(store);
  store.script().Block(StoreOp::kHead);
  std::thread first([&] { EXPECT_EQ(StatError(mount / "a"), 0); });
  std::thread second([&] { EXPECT_EQ(StatError(mount / "b"), 0); });
  store.script().WaitForBlocked(StoreOp::kHead, 2);  // for ever, if the second waits for the first
  store.script().Release(StoreOp::kHead);
  first.join();
  second.join();
}

TEST_F(MountSession, AReadThatWaitsForTheNetworkCanBeInterrupted) {
  store.PutText("a", "x");
  TestMount mount(store);
  File file(mount / "a", O_RDONLY);
  ASSERT_TRUE(file.ok());
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGUSR1, &action, nullptr), 0);
  store.script().Block(StoreOp::kHead);
  std::atomic<int> error{0};
  std::thread reader([&] { error = StatError(mount / "b"); });
  store.script().WaitForBlocked(StoreOp::kHead, 1);
  while (error == 0) {
    ::pthread_kill(reader.native_handle(), SIGUSR1);
    std::this_thread::sleep_for(10ms);
  }
  reader.join();
  EXPECT_EQ(error, EINTR);
  store.script().Release(StoreOp::kHead);
}

TEST_F(MountSession, NothingWaitsForEverOnAStoreThatDoesNotAnswer) {
  store.PutText("a", "x");
  TestMount mount(store, {.operation_timeout = 300ms});
  store.script().Block(StoreOp::kHead);
  EXPECT_EQ(StatError(mount / "a"), ETIMEDOUT);
  store.script().Release(StoreOp::kHead);
  EXPECT_EQ(StatError(mount / "a"), 0);  // recovers by itself
}

TEST_F(MountSession, AReadOnlyMountRefusesWrites) {
  store.PutText("a", "x");
  TestMount mount(store, {.read_only = true});
  EXPECT_EQ(WriteFile(mount / "a", "y"), EROFS);
  EXPECT_EQ(ReadFile(mount / "a"), "x");
}

struct BusyMount {
  std::string name;
  Capabilities capabilities;
  std::chrono::milliseconds
      ttl;  // the shorter, the more the store is asked in the middle of things
};

class ManyThreads : public ::testing::TestWithParam<BusyMount> {};

TEST_P(ManyThreads, ReadWriteAndListAtOnce) {
  SystemClock clock;
  FakeObjectStore store(clock, {.capabilities = GetParam().capabilities});
  TestMount mount(store, {.ttl = GetParam().ttl, .negative_ttl = GetParam().ttl});
  const auto work = [&](int t) {
    const std::string directory = mount / std::to_string(t % 3);
    ::mkdir(directory.c_str(), 0755);
    for (int i = 0; i < 60; ++i) {
      const std::string path = directory + "/" + std::to_string(t) + "-" + std::to_string(i % 7);
      const std::string text(static_cast<std::size_t>(100 * i), static_cast<char>('a' + t));
      EXPECT_EQ(WriteFile(path, text), 0);
      const std::string got = ReadFile(path);
      EXPECT_TRUE(got == text) << path << ": " << got.size() << " bytes, not " << text.size();
      NamesIn(directory);
      if (i % 3 == 0) {
        EXPECT_EQ(::unlink(path.c_str()), 0) << path << ": " << std::strerror(errno);
      } else if (i % 3 == 1) {
        EXPECT_EQ(::rename(path.c_str(), (path + "-moved").c_str()), 0)
            << path << ": " << std::strerror(errno);
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) threads.emplace_back(work, t);
  }
  EXPECT_EQ(mount.filesystem().counters().conflicts, 0U);
}

// What an editor or a build does: the new version is written beside the old one and renamed over
// it.
TEST_P(ManyThreads, AReplacedFileIsAlwaysOneWholeVersion) {
  SystemClock clock;
  FakeObjectStore store(clock, {.capabilities = GetParam().capabilities});
  TestMount mount(store, {.ttl = GetParam().ttl, .negative_ttl = GetParam().ttl});
  const auto version = [](int number) {
    return std::string(static_cast<std::size_t>(1000 + 37 * (number % 50)),
                       static_cast<char>('a' + number % 26));
  };
  const std::string path = mount / "file";
  ASSERT_EQ(WriteFile(path, version(0)), 0);
  std::atomic<bool> ended = false;
  std::atomic<int> newest = 0;
  const auto read = [&] {
    while (!ended) {
      const int at_least = newest;
      File file(path, O_RDONLY);
      if (file.error() == ESTALE) continue;  // replaced twice since it was looked up
      const std::string got = file.ReadAll();
      EXPECT_EQ(file.error(), 0);
      bool whole = false;
      for (int number = at_least; number <= newest + 1; ++number) whole |= got == version(number);
      EXPECT_TRUE(whole) << got.size() << " bytes, '" << got.substr(0, 20) << "', of version "
                         << at_least << " to " << newest;
    }
  };
  {
    std::vector<std::jthread> readers;
    for (int t = 0; t < 3; ++t) readers.emplace_back(read);
    for (int number = 1; number <= 150; ++number) {
      EXPECT_EQ(WriteFile(path + ".new", version(number)), 0);
      EXPECT_EQ(::rename((path + ".new").c_str(), path.c_str()), 0);
      newest = number;
    }
    ended = true;
  }
  EXPECT_EQ(store.Paths(), std::vector<std::string>{"file"});
}

INSTANTIATE_TEST_SUITE_P(
    Mounts, ManyThreads,
    ::testing::Values(BusyMount{"Hierarchical", HierarchicalCapabilities(), 5s},
                      BusyMount{"HierarchicalShortTtl", HierarchicalCapabilities(), 1ms},
                      BusyMount{"FlatShortTtl", FlatCapabilities(), 1ms},
                      BusyMount{"OciShortTtl", OciLikeCapabilities(), 1ms}),
    [](const auto& mount) { return mount.param.name; });

}  // namespace
}  // namespace skybridge::testing
