// What a file system in an object store has not, or has otherwise: each is told, none is pretended.
// And what programs do with descriptors, users and numbers beyond opening and closing.
#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include <gtest/gtest.h>

#include "tests/mount/files.h"
#include "tests/mount/test_mount.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::testing {
namespace {

class MountLimits : public ::testing::Test {
 protected:
  // What `work` returns, in a process of another user.
  static int AsNobody(const std::function<int()>& work) {
    constexpr uid_t kNobody = 65534;
    const pid_t child = ::fork();
    if (child == 0) {
      const bool is_nobody =
          ::setgroups(0, nullptr) == 0 && ::setgid(kNobody) == 0 && ::setuid(kNobody) == 0;
      ::_exit(is_nobody ? work() : 255);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  SystemClock clock;
  FakeObjectStore store{clock};
  TestMount mount{store, {}, {.allow_other = true}};
};

TEST_F(MountLimits, FifosSocketsAndDevicesAreRefused) {
  EXPECT_EQ(::mkfifo((mount / "fifo").c_str(), 0644), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::mknod((mount / "device").c_str(), S_IFCHR | 0644, 0x103), -1);
  EXPECT_EQ(errno, EPERM);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = mount / "socket";
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), -1);
  EXPECT_EQ(errno, EPERM);
  ::close(fd);
  EXPECT_TRUE(store.Paths().empty());
}

TEST_F(MountLimits, ATimeOfAccessIsNotKeptAndNotClaimed) {
  const std::string a = mount / "a";
  ASSERT_EQ(WriteFile(a, "x"), 0);
  const std::array<timespec, 2> access_alone{timespec{.tv_sec = 1'000'000'000},
                                             timespec{.tv_nsec = UTIME_OMIT}};
  EXPECT_EQ(::utimensat(AT_FDCWD, a.c_str(), access_alone.data(), 0), -1);
  EXPECT_EQ(errno, EOPNOTSUPP);
  const std::array<timespec, 2> both{timespec{.tv_sec = 1'000'000'000},
                                     timespec{.tv_sec = 1'100'000'000}};
  ASSERT_EQ(::utimensat(AT_FDCWD, a.c_str(), both.data(), 0), 0);
  EXPECT_EQ(StatOf(a).st_mtim.tv_sec, 1'100'000'000);
  EXPECT_EQ(StatOf(a).st_atim.tv_sec, 1'100'000'000) << "the time of the last change is shown";
}

TEST_F(MountLimits, APathLongerThanAKeyIsRefusedWhenItIsMade) {
  const std::string part(200, 'n');
  std::string path = mount.path();
  int error = 0;
  for (int depth = 0; depth < 10 && error == 0; ++depth) {
    path += "/" + part;
    if (::mkdir(path.c_str(), 0755) != 0) error = errno;
  }
  EXPECT_EQ(error, ENAMETOOLONG);
  EXPECT_EQ(WriteFile(path, "x"), ENAMETOOLONG);
  EXPECT_LE(store.Paths().back().size(), store.capabilities().max_key_bytes);
}

TEST_F(MountLimits, DirectoriesHaveOneLink) {
  ASSERT_EQ(::mkdir((mount / "d").c_str(), 0755), 0);
  ASSERT_EQ(::mkdir((mount / "d/e").c_str(), 0755), 0);
  EXPECT_EQ(StatOf(mount / "d").st_nlink, 1U);
  std::string output;
  EXPECT_EQ(Shell("find '" + mount / "d' -type d | wc -l", &output), 0);
  EXPECT_EQ(std::stoi(output), 2) << "find does not count by it";
}

TEST_F(MountLimits, ThereAreNoFilesWithoutAName) {
  const File file(mount.path(), O_TMPFILE | O_RDWR);
  EXPECT_EQ(file.error(), EOPNOTSUPP);
}

TEST_F(MountLimits, AFileThatNoUploadCouldHoldIsRefusedWhenItGrows) {
  const File file(mount / "a", O_CREAT | O_RDWR);
  EXPECT_EQ(::ftruncate(file.fd(), off_t{1} << 62), -1);
  EXPECT_EQ(errno, EFBIG);
  EXPECT_EQ(::pwrite(file.fd(), "x", 1, off_t{1} << 62), -1);
  EXPECT_EQ(errno, EFBIG);
  EXPECT_EQ(StatOf(mount / "a").st_size, 0);
}

TEST_F(MountLimits, FallocateExtendsAndNothingElse) {
  const File file(mount / "a", O_CREAT | O_RDWR);
  EXPECT_EQ(::fallocate(file.fd(), 0, 0, 100), 0);
  EXPECT_EQ(StatOf(mount / "a").st_size, 100);
  EXPECT_EQ(::fallocate(file.fd(), 0, 0, 10), 0);
  EXPECT_EQ(StatOf(mount / "a").st_size, 100);
  for (const int mode : {FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE}) {
    EXPECT_EQ(::fallocate(file.fd(), mode, 0, 10), -1);
    EXPECT_EQ(errno, EOPNOTSUPP) << mode;
  }
}

TEST_F(MountLimits, AnotherUsersChangeTakesTheSetIdBits) {
  for (const char* name : {"truncated", "written", "cut"}) {
    ASSERT_EQ(WriteFile(mount / name, "text"), 0);
    ASSERT_EQ(::chmod((mount / name).c_str(), 04777), 0);
  }
  const std::string above = mount.path().substr(0, mount.path().rfind('/'));
  ASSERT_EQ(::chmod(above.c_str(), 0711), 0);
  EXPECT_EQ(AsNobody([&] { return File(mount / "truncated", O_WRONLY | O_TRUNC).error(); }), 0);
  EXPECT_EQ(StatOf(mount / "truncated").st_mode & 07777, 0777U);
  EXPECT_EQ(AsNobody([&] { return File(mount / "written", O_WRONLY).WriteAt("x", 0); }), 0);
  EXPECT_EQ(StatOf(mount / "written").st_mode & 07777, 0777U);
  EXPECT_EQ(AsNobody([&] { return ::truncate((mount / "cut").c_str(), 1); }), 0);
  EXPECT_EQ(StatOf(mount / "cut").st_mode & 07777, 0777U);
  ASSERT_EQ(::chmod((mount / "cut").c_str(), 04777), 0);
  ASSERT_EQ(::chown((mount / "cut").c_str(), 7, 7), 0);
  EXPECT_EQ(StatOf(mount / "cut").st_mode & 07777, 0777U);
}

TEST_F(MountLimits, CopiesOfADescriptorPublishOnce) {
  ASSERT_EQ(Shell("for i in 1 2 3 4 5; do /bin/echo $i; done > '" + mount / "a'"), 0);
  EXPECT_EQ(store.ContentOf("a"), "1\n2\n3\n4\n5\n");
  EXPECT_EQ(store.calls(StoreOp::kPut), 1U);
}

// The program that opened the file has ended: its child is the one that finishes it.
TEST_F(MountLimits, AChildThatOutlivesItsParentPublishesAtItsClose) {
  ASSERT_EQ(Shell("exec > '" + mount / "a'; (sleep 0.3; echo late) & exit 0"), 0);
  for (int i = 0; i < 500 && store.ContentOf("a") != "late\n"; ++i) ::usleep(10'000);
  EXPECT_EQ(store.ContentOf("a"), "late\n");
}

TEST_F(MountLimits, CopiesKeepTheXattrsOfFilesThatWereNeverClosed) {
  ASSERT_EQ(WriteFile(mount / "a", "x"), 0);
  ASSERT_EQ(::setxattr((mount / "a").c_str(), "user.k", "value", 5, 0), 0);
  ASSERT_EQ(Shell("cp -a '" + mount / "a' '" + mount / "b'"), 0);
  EXPECT_EQ(store.InfoOf("b")->attributes->xattrs["user.k"], "value");
}

// As an NFS server does it, which knows files by handles.
TEST_F(MountLimits, AHandleOpensItsFileAfterTheKernelHasForgottenIt) {
  ASSERT_EQ(::mkdir((mount / "d").c_str(), 0755), 0);
  ASSERT_EQ(WriteFile(mount / "d/f", "hello"), 0);
  std::array<std::byte, sizeof(file_handle) + MAX_HANDLE_SZ> room{};
  auto* handle = reinterpret_cast<file_handle*>(room.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  ASSERT_EQ(::name_to_handle_at(AT_FDCWD, (mount / "d/f").c_str(), handle, &mount_id, 0), 0);
  ASSERT_EQ(Shell("echo 2 > /proc/sys/vm/drop_caches"), 0);
  const File root(mount.path(), O_RDONLY | O_DIRECTORY);
  const int fd = ::open_by_handle_at(root.fd(), handle, O_RDONLY);
  ASSERT_GE(fd, 0) << errno;
  char text[6] = {};
  EXPECT_EQ(::read(fd, text, 5), 5);
  EXPECT_STREQ(text, "hello");
  ::close(fd);
  ASSERT_EQ(::unlink((mount / "d/f").c_str()), 0);
  ASSERT_EQ(Shell("echo 2 > /proc/sys/vm/drop_caches"), 0);
  EXPECT_EQ(::open_by_handle_at(root.fd(), handle, O_RDONLY), -1);
  EXPECT_EQ(errno, ESTALE);
}

}  // namespace
}  // namespace skybridge::testing
