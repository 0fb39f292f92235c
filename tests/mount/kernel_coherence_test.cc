// The kernel keeps attributes, pages, names and link targets of its own. What the daemon learns of
// a change by somebody else must reach them, long before the ttl (30 s here) makes the kernel ask.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/mount/files.h"
#include "tests/mount/test_mount.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto kTtl = 30s;

class KernelCoherence : public ::testing::Test {
 protected:
  // True as soon as `condition` holds; false when it does not long before the ttl.
  static bool Soon(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + kTtl / 3;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(10ms);
    }
    return true;
  }
  // The daemon lists the directory, unknown to the kernel: it does so by itself when many other
  // names are looked up, once within the ttl.
  void LetTheDaemonList() {
    for (int i = 0; i < 12; ++i)
      EXPECT_EQ(StatError(mount / ("missing-" + std::to_string(i))), ENOENT);
    ASSERT_EQ(store.calls(StoreOp::kList), 1U);
  }

  SystemClock clock;
  FakeObjectStore store{clock};
  // Names that did not exist are asked for again at once, so that the directory is listed.
  TestMount mount{store, {.ttl = kTtl, .negative_ttl = 0ms}};
};

TEST_F(KernelCoherence, AFileIsOpenedWithTheSizeOfTheVersionThatIsRead) {
  store.PutText("f", "0123456789");
  ASSERT_EQ(ReadFile(mount / "f"), "0123456789");
  store.PutText("f", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  LetTheDaemonList();
  EXPECT_EQ(ReadFile(mount / "f"), "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  EXPECT_EQ(StatOf(mount / "f").st_size, 26);
}

TEST_F(KernelCoherence, AFileThatBecameShorterEndsWhereItEnds) {
  store.PutText("f", "0123456789");
  ASSERT_EQ(ReadFile(mount / "f"), "0123456789");
  store.PutText("f", "short");
  LetTheDaemonList();
  EXPECT_EQ(ReadFile(mount / "f"), "short");
  EXPECT_EQ(StatOf(mount / "f").st_size, 5);
}

TEST_F(KernelCoherence, StatShowsWhatAListingHasShown) {
  store.PutText("f", "0123456789", {.mode = 0644});
  ASSERT_EQ(StatOf(mount / "f").st_size, 10);
  store.PutText("f", "longer than it was", {.mode = 0600});
  LetTheDaemonList();
  EXPECT_TRUE(Soon([&] { return StatOf(mount / "f").st_size == 18; }));
  EXPECT_EQ(StatOf(mount / "f").st_mode & 07777, 0600U);
}

TEST_F(KernelCoherence, BytesWrittenAtTheEndAreAtTheEndOfTheNewVersion) {
  store.PutText("f", "0123456789");
  ASSERT_EQ(ReadFile(mount / "f"), "0123456789");
  store.PutText("f", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  LetTheDaemonList();
  File file(mount / "f", O_RDWR);
  const off_t end = ::lseek(file.fd(), 0, SEEK_END);
  EXPECT_EQ(end, 26);
  ASSERT_EQ(file.Write("xx"), 0);
  ASSERT_EQ(file.Close(), 0);
  EXPECT_EQ(store.ContentOf("f"), "ABCDEFGHIJKLMNOPQRSTUVWXYZxx");
  EXPECT_EQ(ReadFile(mount / "f"), "ABCDEFGHIJKLMNOPQRSTUVWXYZxx");
}

TEST_F(KernelCoherence, AnAppendIsReadBackWhereItIs) {
  store.PutText("f", "0123456789");
  ASSERT_EQ(ReadFile(mount / "f"), "0123456789");
  store.PutText("f", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  LetTheDaemonList();
  File file(mount / "f", O_RDWR | O_APPEND);
  ASSERT_EQ(file.Write("xx"), 0);
  EXPECT_TRUE(Soon([&] { return file.ReadAll() == "ABCDEFGHIJKLMNOPQRSTUVWXYZxx"; }));
  ASSERT_EQ(file.Close(), 0);
  EXPECT_EQ(store.ContentOf("f"), "ABCDEFGHIJKLMNOPQRSTUVWXYZxx");
  EXPECT_EQ(ReadFile(mount / "f"), "ABCDEFGHIJKLMNOPQRSTUVWXYZxx");
}

TEST_F(KernelCoherence, PagesOfAnOldVersionOfTheSameSizeAreNotRead) {
  const std::string first(3 << 20, 'a');
  const std::string second(3 << 20, 'b');
  store.PutText("f", first);
  ASSERT_EQ(ReadFile(mount / "f"), first);
  store.PutText("f", second);
  LetTheDaemonList();
  EXPECT_TRUE(ReadFile(mount / "f") == second);
  EXPECT_TRUE(ReadFile(mount / "f") == second);
}

// In a child, as for every mapping: the daemon is in this process.
TEST_F(KernelCoherence, AMappingShowsTheNewVersion) {
  store.PutText("f", "0123456789");
  ASSERT_EQ(ReadFile(mount / "f"), "0123456789");
  store.PutText("f", std::string(10'000, 'x'));
  LetTheDaemonList();
  EXPECT_EQ(Shell("python3 -c 'import mmap,sys; f=open(sys.argv[1],\"rb\"); "
                  "m=mmap.mmap(f.fileno(),0,access=mmap.ACCESS_READ); "
                  "assert m[:]==b\"x\"*10000, (len(m), m[:20])' " +
                  mount / "f"),
            0);
}

TEST_F(KernelCoherence, ALinkThatWasReplacedLeadsElsewhere) {
  store.PutLink("l", "first");
  char target[100] = {};
  const auto read_link = [&] {
    const ssize_t got = ::readlink((mount / "l").c_str(), target, sizeof target);
    return got < 0 ? "<errno " + std::to_string(errno) + ">"
                   : std::string(target, static_cast<std::size_t>(got));
  };
  ASSERT_EQ(read_link(), "first");
  ASSERT_EQ(read_link(), "first");
  store.PutLink("l", "second-target");
  LetTheDaemonList();
  EXPECT_TRUE(Soon([&] { return read_link() == "second-target"; })) << read_link();
  EXPECT_EQ(StatOf(mount / "l").st_size, 13);
}

TEST_F(KernelCoherence, ALinkIsFollowedAnewAlsoWhereOnlyItsReadTellsOfTheChange) {
  store.PutLink("l", "first");
  ASSERT_EQ(StatOf(mount / "l").st_size, 5);
  store.PutLink("l", "second");  // before the kernel has read a target
  EXPECT_TRUE(Soon([&] {
    char target[100];
    const ssize_t got = ::readlink((mount / "l").c_str(), target, sizeof target);
    return got > 0 && std::string(target, static_cast<std::size_t>(got)) == "second";
  }));
}

TEST_F(KernelCoherence, ANameFollowsWhatTheStoreHasThere) {
  store.PutText("a", "a file");
  store.PutText("b", "another");
  ASSERT_TRUE(S_ISREG(StatOf(mount / "a").st_mode));
  ASSERT_EQ(StatError(mount / "b"), 0);
  store.Remove("a");
  store.PutText("a/c", "below a directory");
  store.Remove("b");
  LetTheDaemonList();
  EXPECT_TRUE(Soon([&] { return ReadFile(mount / "a/c") == "below a directory"; }));
  EXPECT_TRUE(Soon([&] { return StatError(mount / "b") == ENOENT; }));
}

TEST_F(KernelCoherence, WhoeverGetsEstaleFindsTheNewVersionByItsName) {
  const std::string first(24 << 20, 'a');
  store.PutText("f", first);
  File file(mount / "f", O_RDONLY);
  char byte = 0;
  ASSERT_EQ(::pread(file.fd(), &byte, 1, 0), 1);
  store.PutText("f", "second");
  ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
  file.ReadAll(20 << 20);
  ASSERT_EQ(file.error(), ESTALE);
  EXPECT_TRUE(Soon([&] { return ReadFile(mount / "f") == "second"; }));
}

// Of two replies to two opens of a new version, one may drop the pages that the other one saves.
TEST(KernelCoherenceOfManyOpens, NeverReadsTheBytesOfAnOlderVersion) {
  constexpr int kVersions = 15;
  constexpr auto kShortTtl = 10ms;
  constexpr auto kLongEnough = 250ms;  // also on a busy machine
  constexpr std::size_t kBytes = 64 << 10;
  const auto content = [](int version) {
    return std::string(kBytes, static_cast<char>('!' + version));
  };
  SystemClock clock;
  FakeObjectStore store{clock};
  TestMount mount{store, {.ttl = kShortTtl, .negative_ttl = 0ms}};
  store.PutText("f", content(0));
  std::atomic<int> oldest = 0;  // what an open that begins now must find at the least
  std::atomic<int> too_old = 0;
  std::atomic<int> mixed = 0;
  std::atomic<int> whole = 0;
  std::atomic<bool> done = false;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const int at_least = oldest;
        const std::string text = ReadFile(mount / "f");
        if (text.starts_with("<errno") || text.empty()) continue;  // replaced between two steps
        ++whole;
        if (text != std::string(kBytes, text[0])) ++mixed;
        if (text[0] - '!' < at_least) ++too_old;
      }
    });
  }
  for (int version = 1; version <= kVersions; ++version) {
    store.PutText("f", content(version));
    std::this_thread::sleep_for(kLongEnough);
    oldest = version;
    std::this_thread::sleep_for(kShortTtl);
  }
  done = true;
  readers.clear();
  EXPECT_GT(whole, kVersions);
  EXPECT_EQ(mixed, 0);
  EXPECT_EQ(too_old, 0);
}

}  // namespace
}  // namespace skybridge::testing
