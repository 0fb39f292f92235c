// What the mount tests do with files: plain system calls, with errno as the outcome.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

namespace skybridge::testing {

// A file descriptor that closes itself. `fd` is -1 if the open failed; `error` says why.
class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0644);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int fd() const { return fd_; }
  int error() const { return error_; }
  bool ok() const { return fd_ >= 0; }
  int Close();                         // 0 or errno
  int Write(const std::string& text);  // 0 or errno
  int WriteAt(const std::string& text, off_t offset);
  // All from `offset` on; what goes wrong is in error().
  std::string ReadAll(off_t offset = 0);

 private:
  int fd_;
  int error_ = 0;
};

int WriteFile(const std::string& path, const std::string& text);  // 0 or errno, that of close too
std::string ReadFile(const std::string& path);                    // "<errno 116>" when it fails
struct stat StatOf(const std::string& path);  // lstat; fails the test if there is none
int StatError(const std::string& path);       // 0 or errno
std::vector<std::string> NamesIn(const std::string& path);  // sorted, without "." and ".."
// Runs a command with the shell; its exit status. Output goes to `output`.
int Shell(const std::string& command, std::string* output = nullptr);

}  // namespace skybridge::testing
