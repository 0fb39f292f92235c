// WriteCrew: what the writers of one remote share: the store, staging, threads and memory for parts,
// and how staging gets room again when one of them waits for it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "backends/object_store.h"
#include "cache/block_cache.h"
#include "cache/staging.h"
#include "core/call_context.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "fuse/read/read_path.h"
#include "fuse/write/part_buffers.h"
#include "fuse/write/part_layout.h"
#include "fuse/write/task_crew.h"
#include "fuse/write/upload.h"
#include "fuse/write/write_path.h"

namespace skybridge::fuse {

class StagedWriter;

// Safe from many threads.
class WriteCrew {
 public:
  WriteCrew(ObjectStore& the_store, ReadPath& the_reads, cache::BlockCache* the_cache,
            cache::Staging& the_staging, Clock& the_clock, std::string the_remote_name,
            const WritePath::Options& options)
      : store(the_store),
        reads(the_reads),
        cache(the_cache),
        staging(the_staging),
        clock(the_clock),
        remote_name(std::move(the_remote_name)),
        request_timeout(options.request_timeout),
        first_part_bytes(FirstPart(the_store.capabilities(), options)),
        buffers(first_part_bytes, std::max<std::uint32_t>(1, options.max_parallel_uploads),
                the_clock),
        uploads{.store = the_store,
                .clock = the_clock,
                .buffers = buffers,
                .tasks = tasks,
                .layout = PartLayout(
                    {.first_part_bytes = first_part_bytes,
                     .largest_part_bytes = LargestPart(the_store.capabilities(), buffers),
                     .max_parts = MaxParts(the_store.capabilities())}),
                .request_timeout = options.request_timeout,
                .on_part_sent = [this] { MakeRoomIfWanted(); }},
        tasks(std::max<std::uint32_t>(1, options.max_parallel_uploads), the_clock) {}

  CallContext Limited(const CallContext& context) const {
    return {.deadline = std::min(context.deadline, clock.Now() + request_timeout),
            .stop = context.stop};
  }
  // A small file's only block.
  cache::BlockId BlockOf(const ObjectKey& key, const ETag& etag) const {
    return {.object = remote_name + ":" + key.path, .etag = etag.value};
  }
  // The largest file that is sent as one Put.
  std::uint64_t max_put_bytes() const {
    return std::min(first_part_bytes, store.capabilities().max_put_bytes);
  }

  void Register(StagedWriter* writer) {
    MutexLock lock(mutex_);
    writers_.push_back(writer);
  }
  void Unregister(StagedWriter* writer) {
    MutexLock lock(mutex_);
    std::erase(writers_, writer);
  }
  std::uint64_t dirty_bytes() const;

  // Lives while a writer waits for room: bytes that the store has leave staging, at once and as
  // further parts arrive there.
  class RoomWanted {
   public:
    explicit RoomWanted(WriteCrew& shared) : shared_(shared) {
      ++shared_.room_wanted_;
      shared_.MakeRoomIfWanted();
    }
    ~RoomWanted() { --shared_.room_wanted_; }
    RoomWanted(const RoomWanted&) = delete;
    RoomWanted& operator=(const RoomWanted&) = delete;

   private:
    WriteCrew& shared_;
  };

  ObjectStore& store;
  ReadPath& reads;
  cache::BlockCache* const cache;
  cache::Staging& staging;
  Clock& clock;
  const std::string remote_name;
  const std::chrono::milliseconds request_timeout;
  const std::uint64_t first_part_bytes;
  PartBuffers buffers;

 private:
  static std::uint64_t FirstPart(const Capabilities& capabilities,
                                 const WritePath::Options& options) {
    std::uint64_t bytes = std::max(options.part_size_bytes, capabilities.min_part_bytes);
    if (capabilities.max_part_bytes > 0) bytes = std::min(bytes, capabilities.max_part_bytes);
    return std::max<std::uint64_t>(1, bytes);
  }
  static std::uint64_t LargestPart(const Capabilities& capabilities, const PartBuffers& buffers) {
    const std::uint64_t in_memory = buffers.max_bytes();
    if (capabilities.max_part_bytes == 0) return in_memory;
    return std::min(in_memory, capabilities.max_part_bytes);
  }
  static std::uint32_t MaxParts(const Capabilities& capabilities) {
    constexpr std::uint32_t kWhenUnlimited = 50'000;
    return capabilities.max_parts > 0 ? capabilities.max_parts : kWhenUnlimited;
  }
  void MakeRoomIfWanted();

  mutable Mutex mutex_;  // before every writer's own
  std::vector<StagedWriter*> writers_ GUARDED_BY(mutex_);
  std::atomic<int> room_wanted_{0};

 public:
  UploadCrew uploads;
  // The last member: it ends before the members that its tasks use.
  TaskCrew tasks;
};

}  // namespace skybridge::fuse
