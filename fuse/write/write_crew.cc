#include "fuse/write/write_crew.h"

#include "fuse/write/staged_writer.h"

namespace skybridge::fuse {

std::uint64_t WriteCrew::dirty_bytes() const {
  MutexLock lock(mutex_);
  std::uint64_t bytes = 0;
  for (const StagedWriter* writer : writers_) bytes += writer->unpublished_bytes();
  return bytes;
}

void WriteCrew::MakeRoomIfWanted() {
  if (room_wanted_ == 0) return;
  // An eighth at a time: the oldest parts go, the newest may still be rewritten.
  const std::uint64_t enough = staging.capacity_bytes() / 8;
  MutexLock lock(mutex_);
  std::uint64_t freed = 0;
  for (StagedWriter* writer : writers_) {
    if (freed >= enough) return;
    freed += writer->MakeRoom(enough - freed);
  }
}

}  // namespace skybridge::fuse
