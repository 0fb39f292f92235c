#include "tests/mount/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <gtest/gtest.h>

namespace skybridge::testing {

File::File(const std::string& path, int flags, mode_t mode)
    : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
  if (fd_ < 0) error_ = errno;
}

File::~File() { Close(); }

int File::Close() {
  if (fd_ < 0) return 0;
  const int failed = ::close(fd_);
  fd_ = -1;
  return failed != 0 ? errno : 0;
}

int File::Write(const std::string& text) {
  return ::write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
}

int File::WriteAt(const std::string& text, off_t offset) {
  return ::pwrite(fd_, text.data(), text.size(), offset) == static_cast<ssize_t>(text.size())
             ? 0
             : errno;
}

std::string File::ReadAll(off_t offset) {
  std::string text;
  std::string buffer(1 << 20, '\0');
  while (true) {
    const ssize_t got =
        ::pread(fd_, buffer.data(), buffer.size(), offset + static_cast<off_t>(text.size()));
    if (got < 0) error_ = errno;
    if (got <= 0) return text;
    text.append(buffer, 0, static_cast<std::size_t>(got));
  }
}

int WriteFile(const std::string& path, const std::string& text) {
  File file(path, O_CREAT | O_WRONLY | O_TRUNC);
  if (!file.ok()) return file.error();
  if (const int error = file.Write(text)) return error;
  return file.Close();
}

std::string ReadFile(const std::string& path) {
  File file(path, O_RDONLY);
  std::string text = file.ok() ? file.ReadAll() : "";
  if (file.error() != 0) return "<errno " + std::to_string(file.error()) + ">";
  return text;
}

struct stat StatOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path << ": errno " << errno;
  return info;
}

int StatError(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? 0 : errno;
}

std::vector<std::string> NamesIn(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  EXPECT_NE(directory, nullptr) << path << ": errno " << errno;
  if (directory == nullptr) return names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  EXPECT_EQ(errno, 0);
  ::closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

int Shell(const std::string& command, std::string* output) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "re");
  if (pipe == nullptr) return -1;
  std::string text;
  char buffer[4096];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    text.append(buffer, got);
  const int status = ::pclose(pipe);
  if (output != nullptr) *output = text;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code != 0 && output == nullptr) ADD_FAILURE() << command << ": " << text;
  return code;
}

}  // namespace skybridge::testing
