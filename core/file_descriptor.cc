#include "core/file_descriptor.h"

#include <unistd.h>

#include <cerrno>

namespace skybridge {

void FileDescriptor::Reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Result<std::size_t> ReadUpTo(int fd, char* into, std::size_t size, const std::string& label) {
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = read(fd, into + filled, size - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(ErrorFromErrno(errno, label));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

}  // namespace skybridge
