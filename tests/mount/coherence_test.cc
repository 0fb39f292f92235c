// Several mounts, or other tools, on one store.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/mount/files.h"
#include "tests/mount/test_mount.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto kTtl = 300ms;
constexpr auto kNegativeTtl = 100ms;

class MountCoherence : public ::testing::Test {
 protected:
  // True as soon as `condition` holds; false when it does not within the TTL, and a margin for a
  // busy machine.
  static bool Soon(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + kTtl + 5s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(10ms);
    }
    return true;
  }

  SystemClock clock;
  FakeObjectStore store{clock};
  const fuse::FilesystemOptions options{.ttl = kTtl, .negative_ttl = kNegativeTtl};
  TestMount one{store, options};
  TestMount two{store, options};
};

TEST_F(MountCoherence, EachMountSeesTheOthersChangesWithinTheTtl) {
  EXPECT_EQ(StatError(two / "a"), ENOENT);
  ASSERT_EQ(WriteFile(one / "a", "first"), 0);
  EXPECT_TRUE(Soon([&] { return ReadFile(two / "a") == "first"; }));
  ASSERT_EQ(WriteFile(two / "a", "second version"), 0);
  EXPECT_TRUE(Soon([&] { return ReadFile(one / "a") == "second version"; }));
  ASSERT_EQ(::mkdir((one / "d").c_str(), 0755), 0);
  EXPECT_TRUE(Soon([&] { return NamesIn(two.path()) == std::vector<std::string>{"a", "d"}; }));
  ASSERT_EQ(::chmod((one / "a").c_str(), 0600), 0);
  EXPECT_TRUE(Soon([&] { return (StatOf(two / "a").st_mode & 07777) == 0600; }));
  ASSERT_EQ(::unlink((two / "a").c_str()), 0);
  EXPECT_TRUE(Soon([&] { return StatError(one / "a") == ENOENT; }));
}

TEST_F(MountCoherence, AChangeUnderAnOpenHandleIsEstaleNeverAMix) {
  const std::string first(48 << 20, 'a');  // more than one read brings to the block cache
  const std::string second(48 << 20, 'b');
  store.PutText("a", first);
  File file(one / "a", O_RDONLY);
  std::string begin(4096, '\0');
  ASSERT_EQ(::pread(file.fd(), begin.data(), begin.size(), 0), 4096);
  ASSERT_EQ(WriteFile(two / "a", second), 0);
  ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
  const std::string rest = file.ReadAll();
  EXPECT_EQ(rest.find('b'), std::string::npos);
  EXPECT_EQ(file.error(), ESTALE);
  EXPECT_TRUE(Soon([&] { return ReadFile(one / "a") == second; }));
  EXPECT_EQ(file.ReadAll().find('b'), std::string::npos);
}

TEST_F(MountCoherence, TheLoserOfALostUpdateGetsEstaleAndKeepsItsData) {
  store.PutText("a", "base");
  File loser(one / "a", O_RDWR);
  ASSERT_EQ(loser.WriteAt("loser", 0), 0);
  ASSERT_EQ(WriteFile(two / "a", "winner"), 0);
  EXPECT_EQ(loser.Close(), ESTALE);
  EXPECT_EQ(store.ContentOf("a"), "winner");
  EXPECT_TRUE(Soon([&] { return ReadFile(one / "a") == "winner"; }));
  const auto names = NamesIn(one.path());
  ASSERT_EQ(names.size(), 2U);
  EXPECT_THAT(names[1], ::testing::StartsWith("a.conflict-"));
  EXPECT_EQ(ReadFile(one / names[1]), "loser");
}

TEST_F(MountCoherence, TwoMountsThatMakeOneNameDoNotOverwriteEachOther) {
  File first(one / "a", O_CREAT | O_EXCL | O_WRONLY);
  File second(two / "a", O_CREAT | O_EXCL | O_WRONLY);
  ASSERT_EQ(first.Write("first"), 0);
  ASSERT_EQ(second.Write("second"), 0);
  EXPECT_EQ(first.Close(), 0);
  EXPECT_EQ(second.Close(), ESTALE);
  EXPECT_EQ(store.ContentOf("a"), "first");
  EXPECT_EQ(store.Paths().size(), 2U);
}

TEST_F(MountCoherence, ReadersOfTheSameMountSeeWritesAtOnce) {
  store.PutText("a", "base");
  File reader(one / "a", O_RDONLY);
  EXPECT_EQ(reader.ReadAll(), "base");
  File writer(one / "a", O_WRONLY);
  ASSERT_EQ(writer.WriteAt("more than base", 0), 0);
  EXPECT_EQ(reader.ReadAll(), "more than base");
  ASSERT_EQ(writer.Close(), 0);
  EXPECT_EQ(reader.ReadAll(), "more than base");
}

}  // namespace
}  // namespace skybridge::testing
