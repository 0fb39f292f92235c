// What programs may rely on, through the kernel.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "tests/mount/files.h"
#include "tests/mount/test_mount.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::testing {
namespace {

class PosixMount : public ::testing::Test {
 protected:
  SystemClock clock;
  FakeObjectStore store{clock};
  TestMount mount{store};
};

TEST_F(PosixMount, WhatIsWrittenIsReadBackAndInTheStoreAtClose) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += std::to_string(i) + "\n";
  ASSERT_EQ(WriteFile(mount / "a", text), 0);
  EXPECT_EQ(store.ContentOf("a"), text);
  EXPECT_EQ(ReadFile(mount / "a"), text);
  const struct stat info = StatOf(mount / "a");
  EXPECT_EQ(info.st_size, static_cast<off_t>(text.size()));
  EXPECT_EQ(info.st_blocks, static_cast<blkcnt_t>((text.size() + 511) / 512));
  EXPECT_EQ(info.st_nlink, 1U);
  EXPECT_EQ(info.st_blksize, 1 << 20);
}

TEST_F(PosixMount, AppendTruncateAndSparseWrites) {
  ASSERT_EQ(WriteFile(mount / "a", "hello"), 0);
  {
    File file(mount / "a", O_WRONLY | O_APPEND);
    ASSERT_EQ(file.Write(" world"), 0);
    ASSERT_EQ(file.Close(), 0);
  }
  EXPECT_EQ(store.ContentOf("a"), "hello world");
  ASSERT_EQ(::truncate((mount / "a").c_str(), 4), 0);
  EXPECT_EQ(store.ContentOf("a"), "hell");
  {
    File file(mount / "a", O_RDWR);
    ASSERT_EQ(file.WriteAt("end", 10), 0);
    EXPECT_EQ(file.ReadAll(), std::string("hell\0\0\0\0\0\0end", 13));
    ASSERT_EQ(::ftruncate(file.fd(), 2), 0);
    ASSERT_EQ(::ftruncate(file.fd(), 5), 0);
    EXPECT_EQ(file.ReadAll(), std::string("he\0\0\0", 5));
    ASSERT_EQ(::posix_fallocate(file.fd(), 0, 8), 0);
    ASSERT_EQ(::fsync(file.fd()), 0);
    EXPECT_EQ(store.ContentOf("a"), std::string("he\0\0\0\0\0\0", 8));
  }
  {
    const File file(mount / "a", O_WRONLY | O_TRUNC);
    ASSERT_TRUE(file.ok());
  }
  EXPECT_EQ(StatOf(mount / "a").st_size, 0);
  EXPECT_EQ(store.ContentOf("a"), "");
}

TEST_F(PosixMount, RenameReplacesUnlessToldNotTo) {
  ASSERT_EQ(WriteFile(mount / "a", "new"), 0);
  ASSERT_EQ(WriteFile(mount / "b", "old"), 0);
  const std::string a = mount / "a", b = mount / "b";
  EXPECT_EQ(::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_NOREPLACE), -1);
  EXPECT_EQ(errno, EEXIST);
  EXPECT_EQ(::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE), -1);
  EXPECT_EQ(errno, EINVAL);
  File old(b, O_RDONLY);
  const ino_t ino = StatOf(a).st_ino;
  ASSERT_EQ(::rename(a.c_str(), b.c_str()), 0);
  EXPECT_EQ(ReadFile(b), "new");
  EXPECT_EQ(StatOf(b).st_ino, ino);
  EXPECT_EQ(StatError(a), ENOENT);
  EXPECT_EQ(old.ReadAll(), "old");
}

TEST_F(PosixMount, DirectoriesAreMadeRenamedAndRemovedOnlyWhenEmpty) {
  ASSERT_EQ(::mkdir((mount / "d").c_str(), 0750), 0);
  ASSERT_EQ(WriteFile(mount / "d/a", "x"), 0);
  EXPECT_EQ(::rmdir((mount / "d").c_str()), -1);
  EXPECT_EQ(errno, ENOTEMPTY);
  ASSERT_EQ(::rename((mount / "d").c_str(), (mount / "e").c_str()), 0);
  EXPECT_EQ(ReadFile(mount / "e/a"), "x");
  EXPECT_EQ(StatError(mount / "d"), ENOENT);
  EXPECT_EQ(StatOf(mount / "e").st_mode, static_cast<mode_t>(S_IFDIR | 0750));
  ASSERT_EQ(::mkdir((mount / "f").c_str(), 0755), 0);
  EXPECT_EQ(::rename((mount / "f").c_str(), (mount / "e").c_str()), -1);
  EXPECT_EQ(errno, ENOTEMPTY);
  ASSERT_EQ(::unlink((mount / "e/a").c_str()), 0);
  ASSERT_EQ(::rename((mount / "f").c_str(), (mount / "e").c_str()), 0);
  ASSERT_EQ(::rmdir((mount / "e").c_str()), 0);
  EXPECT_TRUE(NamesIn(mount.path()).empty());
}

TEST_F(PosixMount, AnUnlinkedOpenFileLivesOn) {
  ASSERT_EQ(WriteFile(mount / "a", "hello"), 0);
  File file(mount / "a", O_RDWR);
  ASSERT_EQ(::unlink((mount / "a").c_str()), 0);
  ASSERT_EQ(WriteFile(mount / "a", "another"), 0);
  EXPECT_EQ(file.ReadAll(), "hello");
  ASSERT_EQ(file.WriteAt("J", 0), 0);
  EXPECT_EQ(file.ReadAll(), "Jello");
  struct stat info {};
  ASSERT_EQ(::fstat(file.fd(), &info), 0);
  EXPECT_EQ(info.st_nlink, 0U);
  EXPECT_EQ(file.Close(), 0);
  EXPECT_EQ(store.ContentOf("a"), "another");
}

// In a child: munmap holds a process's memory map until its dirty pages are written, and the daemon
// is in this process.
int MapAndChange(const std::string& path, const std::string& expected, int more_flags = 0) {
  const int fd = ::open(path.c_str(), O_RDWR | more_flags);
  auto* bytes = static_cast<char*>(
      ::mmap(nullptr, expected.size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  if (bytes == MAP_FAILED) return 1;
  if (std::memcmp(bytes, expected.data(), expected.size()) != 0) return 2;
  bytes[5] = 'z';
  if (::munmap(bytes, expected.size()) != 0) return 3;
  return ::close(fd) == 0 ? 0 : 4;
}

TEST_F(PosixMount, MappingsReadAndWrite) {
  std::string text(3 << 20, 'x');
  text[2'000'000] = 'y';
  ASSERT_EQ(WriteFile(mount / "a", text), 0);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(MapAndChange(mount / "a", text));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  text[5] = 'z';
  EXPECT_EQ(store.ContentOf("a"), text);
}

TEST_F(PosixMount, AMappingOfAFileThatIsAppendedToIsWrittenInItsPlace) {
  std::string text(20'000, 'x');
  ASSERT_EQ(WriteFile(mount / "a", text), 0);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(MapAndChange(mount / "a", text, O_APPEND));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  text[5] = 'z';
  EXPECT_EQ(store.ContentOf("a"), text);
}

TEST_F(PosixMount, SymbolicLinksAndWhatAnObjectStoreHasNot) {
  ASSERT_EQ(WriteFile(mount / "a", "x"), 0);
  ASSERT_EQ(::symlink("a", (mount / "l").c_str()), 0);
  char target[100] = {};
  EXPECT_EQ(::readlink((mount / "l").c_str(), target, sizeof target), 1);
  EXPECT_STREQ(target, "a");
  EXPECT_EQ(ReadFile(mount / "l"), "x");
  EXPECT_EQ(StatOf(mount / "l").st_size, 1);
  EXPECT_EQ(::link((mount / "a").c_str(), (mount / "b").c_str()), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::mkfifo((mount / "p").c_str(), 0644), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::mknod((mount / "f").c_str(), S_IFREG | 0600, 0), 0);
  EXPECT_EQ(store.ContentOf("f"), "");
  File file(mount / "a", O_RDWR);
  EXPECT_EQ(::fallocate(file.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1), -1);
  EXPECT_EQ(errno, EOPNOTSUPP);
  EXPECT_NE(StatError(mount / std::string(256, 'n')), 0);
  EXPECT_EQ(WriteFile(mount / "%!x", "x"), EINVAL);
}

TEST_F(PosixMount, ModesOwnersTimesAndXattrs) {
  const std::string a = mount / "a";
  ASSERT_EQ(WriteFile(a, "x"), 0);
  ASSERT_EQ(::chmod(a.c_str(), 0751), 0);
  ASSERT_EQ(::chown(a.c_str(), 12, 34), 0);
  const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 2},
                             {.tv_sec = 1'234'567'890, .tv_nsec = 123'456'789}};
  ASSERT_EQ(::utimensat(AT_FDCWD, a.c_str(), times, 0), 0);
  struct stat info = StatOf(a);
  EXPECT_EQ(info.st_mode & 07777, 0751U);
  EXPECT_EQ(info.st_uid, 12U);
  EXPECT_EQ(info.st_gid, 34U);
  EXPECT_EQ(info.st_mtim.tv_sec, 1'234'567'890);
  EXPECT_EQ(info.st_mtim.tv_nsec, 123'456'789);
  EXPECT_GT(info.st_ctim.tv_sec, info.st_mtim.tv_sec);
  ASSERT_EQ(::utimensat(AT_FDCWD, a.c_str(), nullptr, 0), 0);
  EXPECT_GT(StatOf(a).st_mtim.tv_sec, 1'234'567'890);

  ASSERT_EQ(::setxattr(a.c_str(), "user.k", "value", 5, 0), 0);
  char value[16] = {};
  EXPECT_EQ(::getxattr(a.c_str(), "user.k", value, sizeof value), 5);
  EXPECT_STREQ(value, "value");
  EXPECT_EQ(::getxattr(a.c_str(), "user.k", value, 2), -1);
  EXPECT_EQ(errno, ERANGE);
  char names[64] = {};
  EXPECT_EQ(::listxattr(a.c_str(), names, sizeof names), 7);
  ASSERT_EQ(::removexattr(a.c_str(), "user.k"), 0);
  EXPECT_EQ(::getxattr(a.c_str(), "user.k", value, sizeof value), -1);
  EXPECT_EQ(errno, ENODATA);
}

TEST_F(PosixMount, StatfsIsLargeAndNeedsNoRequest) {
  store.script().ResetCalls();
  struct statvfs info {};
  ASSERT_EQ(::statvfs(mount.path().c_str(), &info), 0);
  EXPECT_EQ(info.f_blocks * info.f_frsize, std::uint64_t{1} << 50);
  EXPECT_EQ(info.f_namemax, 255U);
  EXPECT_EQ(store.script().total_calls(), 0U);
}

TEST_F(PosixMount, BigDirectoriesAreListedWholeAndRemoved) {
  constexpr int kFiles = 5000;
  for (int i = 0; i < kFiles; ++i) store.PutText("d/" + std::to_string(i), "x");
  EXPECT_EQ(NamesIn(mount / "d").size(), static_cast<std::size_t>(kFiles));
  std::string output;
  ASSERT_EQ(Shell("ls -l '" + mount / "d' | wc -l", &output), 0);
  EXPECT_EQ(std::stoi(output), kFiles + 1);
  EXPECT_EQ(Shell("rm -r '" + mount / "d'"), 0);
  EXPECT_TRUE(store.Paths().empty());
}

TEST_F(PosixMount, DirectoryEntriesHaveTheNumbersOfTheirFiles) {
  ASSERT_EQ(WriteFile(mount / "a", "x"), 0);
  std::string output;
  ASSERT_EQ(Shell("cd '" + mount.path() +
                      "' && [ $(ls -i a | cut -d' ' -f1) = $(ls -i | cut -d' ' -f1) ]",
                  &output),
            0);
}

TEST_F(PosixMount, CopiesKeepEverything) {
  TempDirectory local;
  ASSERT_EQ(Shell("cd '" + local.path() +
                  "' && mkdir -p t/d/e && echo one > t/a && echo two > t/d/b && ln -s ../a t/d/l "
                  "&& chmod 0640 t/a && "
                  "chmod 0711 t/d && touch -d '2001-02-03 04:05:06.789012345' t/a t/d/b && "
                  "touch -h -d '2002-02-03 04:05:06.7' t/d/l && touch -d '2003-01-01 00:00:00.5' "
                  "t/d/e t/d t"),
            0);
  ASSERT_EQ(Shell("cp -a '" + local.path() + "/t' '" + mount.path() + "'"), 0);
  const std::string show =
      "' && find . -printf '%P %y %m %U %G %s %T@ %l\\n' | sed -E 's/^(.*) d (.*) [0-9]+ ([0-9.]+) "
      "$/\\1 d \\2 \\3/' | sort";
  std::string before, after;
  ASSERT_EQ(Shell("cd '" + local.path() + "/t" + show, &before), 0);
  ASSERT_EQ(Shell("cd '" + mount / "t" + show, &after), 0);
  EXPECT_EQ(after, before);
  TestMount fresh(store);  // another machine, empty caches
  ASSERT_EQ(Shell("cd '" + fresh / "t" + show, &after), 0);
  EXPECT_EQ(after, before);
}

TEST_F(PosixMount, ASecondRsyncMovesNothing) {
  TempDirectory local;
  ASSERT_EQ(Shell("cd '" + local.path() +
                  "' && mkdir -p t/d/e && for i in 1 2 3 4 5; do echo $i > t/$i; echo $i$i > "
                  "t/d/$i; done && ln -s 1 t/l && "
                  "chmod 0600 t/1 && chmod 0700 t/d && chown 7:8 t/2"),
            0);
  const auto rsync = [&](const std::string& to) {
    std::string output;
    EXPECT_EQ(Shell("rsync -aX --itemize-changes '" + local.path() + "/t' '" + to + "'", &output),
              0)
        << output;
    return output;
  };
  EXPECT_NE(rsync(mount.path()), "");
  EXPECT_EQ(rsync(mount.path()), "");
  TestMount fresh(store);
  EXPECT_EQ(rsync(fresh.path()), "");
}

// What rsync waits for: content at close, times, mode, the final name. Each is acknowledged when it
// is in the store, and none costs more than that.
TEST(MountRequests, RsyncCostsOneRequestForEachStepOfAFile) {
  SystemClock clock;
  FakeObjectStore store(clock, {.capabilities = OciLikeCapabilities()});
  TestMount mount(store);
  TempDirectory local;
  constexpr std::size_t kFiles = 20;
  ASSERT_EQ(Shell("mkdir '" + local.path() + "/t' && cd '" + local.path() +
                  "/t' && for i in $(seq " + std::to_string(kFiles) +
                  "); do echo content $i > $i; chmod 0644 $i; done && touch -d 2020-01-02 *"),
            0);
  ASSERT_EQ(Shell("rsync -a '" + local.path() + "/t' '" + mount.path() + "'"), 0);
  EXPECT_EQ(store.ContentOf("t/7"), "content 7\n");
  EXPECT_LE(store.calls(StoreOp::kPut), 3 * kFiles);
  EXPECT_EQ(store.calls(StoreOp::kRename), kFiles);
  EXPECT_EQ(store.calls(StoreOp::kGet), 0U);
  EXPECT_LE(store.calls(StoreOp::kSetAttributes), 3U) << "of the directory";
  EXPECT_LE(store.calls(StoreOp::kHead) + store.calls(StoreOp::kList), 5U)
      << "before the directory was made";
}

// A large file that the store must copy for each change of attributes: one copy, or none when nobody
// sets its times.
TEST(MountRequests, ALargeFileCostsOneCopyByRsyncAndNoneByCp) {
  SystemClock clock;
  FakeObjectStore store(clock, {.capabilities = OciLikeCapabilities()});
  TestMount mount(store);
  TempDirectory local;
  ASSERT_EQ(Shell("head -c 67108864 /dev/urandom > '" + local.path() +
                  "/large' && touch -d "
                  "2020-01-02 '" +
                  local.path() + "/large'"),
            0);
  ASSERT_EQ(Shell("rsync -a '" + local.path() + "/large' '" + mount.path() + "'"), 0);
  ASSERT_EQ(Shell("cmp '" + local.path() + "/large' '" + mount.path() + "/large'"), 0);
  EXPECT_EQ(store.calls(StoreOp::kStartUpload), 1U);
  EXPECT_LE(store.calls(StoreOp::kUploadPart), 8U);
  EXPECT_EQ(store.calls(StoreOp::kSetAttributes), 1U);
  EXPECT_EQ(store.calls(StoreOp::kRename), 1U);
  EXPECT_TRUE(store.InfoOf("large")->attributes->mtime);
  std::string second;
  ASSERT_EQ(Shell("rsync -ai '" + local.path() + "/large' '" + mount.path() + "'", &second), 0);
  EXPECT_EQ(second, "");

  ASSERT_EQ(Shell("cp '" + local.path() + "/large' '" + mount.path() + "/copied'"), 0);
  EXPECT_EQ(store.calls(StoreOp::kSetAttributes), 1U);
}

TEST_F(PosixMount, RenamesAndWritesOfAnOpenFileReachItsNewName) {
  File file(mount / "a", O_CREAT | O_RDWR);
  ASSERT_EQ(file.Write("hello"), 0);
  ASSERT_EQ(::rename((mount / "a").c_str(), (mount / "b").c_str()), 0);
  ASSERT_EQ(file.WriteAt("J", 0), 0);
  ASSERT_EQ(file.Close(), 0);
  EXPECT_EQ(store.ContentOf("b"), "Jello");
  EXPECT_FALSE(store.ContentOf("a"));
}

TEST_F(PosixMount, CloseReportsThatTheStoreWasGone) {
  File file(mount / "a", O_CREAT | O_WRONLY);
  ASSERT_EQ(file.Write("hello"), 0);
  store.script().FailNext(StoreOp::kPut, {.code = ErrorCode::kUnavailable, .message = "gone"});
  EXPECT_EQ(file.Close(), EIO);
}

TEST_F(PosixMount, ProgramsRunInTheMount) {
  const std::string script = "cd '" + mount.path() +
                             "' && git init -q r && cd r && git config user.email a@example.com && "
                             "git config user.name a && echo x > f && "
                             "git add f && git commit -q -m one && git fsck --strict && cd .. && "
                             "tar cf r.tar r && rm -rf r && tar xf r.tar && "
                             "cd r && git status --porcelain";
  std::string output;
  EXPECT_EQ(Shell(script, &output), 0) << output;
}

}  // namespace
}  // namespace skybridge::testing
