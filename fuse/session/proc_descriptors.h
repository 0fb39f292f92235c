// ProcDescriptors: which files of a mount a process still has open for writing, from /proc (proc(5),
// /proc/pid/fd and /proc/pid/fdinfo; `ino` in the latter since Linux 5.14).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "fuse/vocabulary.h"

namespace skybridge::fuse {

// Safe from many threads. Asks nothing of the mount: links and fdinfo are answered by the kernel.
class ProcDescriptors final : public WritingDescriptors {
 public:
  // A process with more descriptors than this has none for us: its closes must stay cheap.
  static constexpr std::size_t kMaxDescriptors = 256;

  explicit ProcDescriptors(std::string mount_point) : mount_point_(std::move(mount_point)) {}

  bool Has(std::uint32_t pid, InodeNumber ino) const override;

 private:
  const std::string mount_point_;
};

}  // namespace skybridge::fuse
