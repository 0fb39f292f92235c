#include "fuse/read/block_loader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/call_wait.h"

namespace skybridge::fuse {
namespace {

// Buffers that fetching ahead leaves for readers that wait.
constexpr std::size_t kSpareBuffers = 3;
constexpr std::string_view kRead = "the read";

}  // namespace

Status FetchRange(ObjectStore& store, const OpenObject& object, std::uint64_t offset_bytes,
                  std::span<std::byte> into, const CallContext& context) {
  GetRequest request{
      .key = object.key, .range = {offset_bytes, into.size()}, .if_match = std::nullopt};
  if (!object.etag.empty()) request.if_match = object.etag;
  Result<GetReply> reply = store.Get(request, into, context);
  if (!reply) {
    Error error = std::move(reply).error();
    // A deleted object is no longer the version that is open, either.
    if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kPreconditionFailed;
    return Fail(std::move(error));
  }
  const bool other_version =
      !object.etag.empty() && !reply->etag.empty() && reply->etag != object.etag;
  if (other_version || (object.etag.empty() && reply->object_size_bytes != object.size_bytes)) {
    return Fail(ErrorCode::kPreconditionFailed,
                fmt::format("read '{}': it is another version now", object.key.path));
  }
  if (reply->bytes_received == into.size()) return {};
  return Fail(Error{.code = ErrorCode::kCorrupt,
                    .message = fmt::format("read '{}': {} of {} bytes came", object.key.path,
                                           reply->bytes_received, into.size()),
                    .retryable = true});
}

struct BlockLoader::Block {
  enum class State { kQueued, kFetching, kLoaded, kFailed };

  std::shared_ptr<File> file;
  std::uint64_t index = 0;
  std::size_t length_bytes = 0;
  BlockBuffers::Lease buffer;
  // What follows is guarded by the loader's mutex.
  State state = State::kQueued;
  std::optional<Error> error;
  std::uint64_t bytes_read = 0;  // by readers, so far
  std::size_t users = 0;         // readers who wait for it or copy from it
  bool only_for_cache = false;   // nobody reads ahead to it
  bool being_cached = false;
  bool in_memory = false;  // in loaded_, at `place`
  std::list<std::shared_ptr<Block>>::iterator place;

  std::span<std::byte> bytes() const { return buffer.span().first(length_bytes); }
  bool read_to_the_end() const { return bytes_read >= length_bytes; }
};

class BlockLoader::File {
 public:
  File(OpenObject opened, std::uint64_t block_size_bytes)
      : object(std::move(opened)), pattern(block_size_bytes) {}

  const OpenObject object;
  std::stop_source stop;  // of what is fetched for it
  // What follows is guarded by the loader's mutex.
  AccessPattern pattern;
  std::map<std::uint64_t, std::shared_ptr<Block>> blocks;
  std::uint64_t ahead_next = 0;  // blocks from here to `ahead_end` are still to be fetched ahead
  std::uint64_t ahead_begin = 0;
  std::uint64_t ahead_end = 0;
  bool closed = false;
};

BlockLoader::BlockLoader(ObjectStore& store, cache::BlockCache* cache, Clock& clock,
                         const Options& options)
    : store_(store),
      cache_(cache),
      clock_(clock),
      options_(options),
      buffers_(options.block_size_bytes, options.buffer_count) {
  for (std::uint32_t i = 0; i < options.threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { FetchLoop(stop); });
  }
  if (cache_ != nullptr) threads_.emplace_back([this] { CacheLoop(); });
}

BlockLoader::~BlockLoader() {
  for (std::jthread& thread : threads_) thread.request_stop();
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    to_fetch_changed_.NotifyAll();
    to_cache_changed_.NotifyAll();
  }
  threads_.clear();
}

std::shared_ptr<BlockLoader::File> BlockLoader::Open(OpenObject object) {
  return std::make_shared<File>(std::move(object), options_.block_size_bytes);
}

void BlockLoader::Close(File& file) {
  file.stop.request_stop();
  MutexLock lock(mutex_);
  file.closed = true;
  const auto blocks = file.blocks;
  for (const auto& [index, block] : blocks) Remove(block);
}

const OpenObject& BlockLoader::object_of(const File& file) const { return file.object; }

// --- reading

bool BlockLoader::NoteRead(const std::shared_ptr<File>& file, ByteRange range) {
  const std::uint64_t block_count =
      (file->object.size_bytes + options_.block_size_bytes - 1) / options_.block_size_bytes;
  {
    MutexLock lock(mutex_);
    const ReadAdvice advice = file->pattern.Note(range, WindowLimit(), clock_.Now());
    if (!advice.sequential) return false;
    const bool goes_on =
        advice.first_block >= file->ahead_begin && advice.first_block <= file->ahead_next;
    if (!goes_on) file->ahead_next = advice.first_block;
    file->ahead_begin = advice.first_block;
    file->ahead_end = std::min(block_count, advice.first_block + advice.block_count);
    if (file->ahead_next >= file->ahead_end) return true;
  }
  FetchAhead(file);
  return true;
}

void BlockLoader::FetchAhead(const std::shared_ptr<File>& file) {
  while (true) {
    std::uint64_t index = 0;
    {
      MutexLock lock(mutex_);
      if (file->ahead_next >= file->ahead_end) return;
      index = file->ahead_next;
    }
    const bool cached = InCache(*file, index);  // looks it up without our lock
    MutexLock lock(mutex_);
    if (file->ahead_next != index) continue;  // another thread took it
    const bool there = cached || file->blocks.contains(index);
    if (!there && StartLoading(file, index, Urgency::kAhead) == nullptr) return;
    ++file->ahead_next;
  }
}

Result<bool> BlockLoader::ReadIfLoaded(File& file, std::uint64_t index,
                                       std::uint64_t offset_in_block, std::span<std::byte> into,
                                       const CallContext& context) {
  std::shared_ptr<Block> block;
  {
    MutexLock lock(mutex_);
    const auto found = file.blocks.find(index);
    if (found == file.blocks.end()) return false;
    block = found->second;
    Use(block);
  }
  const Status copied = CopyWhenLoaded(block, offset_in_block, into, context);
  if (copied) return true;
  TRY_VOID(CheckContext(context, clock_, kRead));
  if (copied.error().code == ErrorCode::kPreconditionFailed) return Fail(copied.error());
  return false;  // a fetch ahead failed: whoever needs the block asks again
}

Status BlockLoader::Load(const std::shared_ptr<File>& file, std::uint64_t index,
                         std::uint64_t offset_in_block, std::span<std::byte> into,
                         const CallContext& context) {
  std::shared_ptr<Block> block;
  while (block == nullptr) {
    TRY_VOID(CheckContext(context, clock_, kRead));
    {
      MutexLock lock(mutex_);
      const auto found = file->blocks.find(index);
      block = found != file->blocks.end() ? found->second
                                          : StartLoading(file, index, Urgency::kWaitedFor);
      if (block != nullptr) Use(block);
    }
    if (block == nullptr) buffers_.WaitForOne(clock_);
  }
  return CopyWhenLoaded(block, offset_in_block, into, context);
}

void BlockLoader::LoadInBackground(const std::shared_ptr<File>& file, std::uint64_t index) {
  MutexLock lock(mutex_);
  if (file->blocks.contains(index)) return;
  if (const auto block = StartLoading(file, index, Urgency::kAhead)) block->only_for_cache = true;
}

// A reader waits for this block: it goes before the blocks that are fetched ahead.
void BlockLoader::Use(const std::shared_ptr<Block>& block) {
  ++block->users;
  if (block->state == Block::State::kQueued && std::erase(ahead_, block) > 0)
    waited_for_.push_back(block);
}

Status BlockLoader::CopyWhenLoaded(const std::shared_ptr<Block>& block,
                                   std::uint64_t offset_in_block, std::span<std::byte> into,
                                   const CallContext& context) {
  Status loaded = WaitUntilLoaded(*block, context);
  if (loaded) std::memcpy(into.data(), block->bytes().data() + offset_in_block, into.size());
  MutexLock lock(mutex_);
  --block->users;
  if (!loaded) return loaded;
  block->bytes_read += into.size();
  // A block that was read whole is the next one to be dropped; any other is the last one.
  if (block->in_memory)
    loaded_.splice(block->read_to_the_end() ? loaded_.begin() : loaded_.end(), loaded_,
                   block->place);
  return {};
}

Status BlockLoader::WaitUntilLoaded(Block& block, const CallContext& context) {
  MutexLock lock(mutex_);
  while (block.state == Block::State::kQueued || block.state == Block::State::kFetching) {
    TRY_VOID(WaitWithin(context, clock_, loaded_changed_, mutex_, kRead));
  }
  if (block.state == Block::State::kFailed) return Fail(*block.error);
  return {};
}

bool BlockLoader::InCache(const File& file, std::uint64_t index) const {
  return cache_ != nullptr && !file.object.etag.empty() &&
         cache_->Contains(
             {.object = file.object.cache_name, .etag = file.object.etag.value, .index = index});
}

// --- memory

// A share of the buffers for each file that is being read.
std::uint64_t BlockLoader::WindowLimit() const {
  const std::size_t usable =
      options_.buffer_count > kSpareBuffers ? options_.buffer_count - kSpareBuffers : 1;
  return std::max<std::uint64_t>(1, usable / std::max<std::size_t>(1, files_with_blocks_));
}

std::shared_ptr<BlockLoader::Block> BlockLoader::StartLoading(const std::shared_ptr<File>& file,
                                                              std::uint64_t index,
                                                              Urgency urgency) {
  BlockBuffers::Lease buffer = TakeBuffer(urgency);
  if (!buffer || file->closed || stopping_) return nullptr;
  auto block = std::make_shared<Block>();
  block->file = file;
  block->index = index;
  block->length_bytes = std::min(options_.block_size_bytes,
                                 file->object.size_bytes - index * options_.block_size_bytes);
  block->buffer = std::move(buffer);
  if (file->blocks.empty()) ++files_with_blocks_;
  file->blocks[index] = block;
  (urgency == Urgency::kWaitedFor ? waited_for_ : ahead_).push_back(block);
  to_fetch_changed_.NotifyOne();
  return block;
}

BlockBuffers::Lease BlockLoader::TakeBuffer(Urgency urgency) {
  const std::size_t spare =
      urgency == Urgency::kAhead ? std::min(kSpareBuffers, options_.buffer_count - 1) : 0;
  do {
    if (BlockBuffers::Lease buffer = buffers_.TryTake(spare)) return buffer;
  } while (GiveUpOne(urgency));
  return {};
}

bool BlockLoader::GiveUpOne(Urgency urgency) {
  const MonotonicTime now = clock_.Now();
  const auto is_free = [](const std::shared_ptr<Block>& block) {
    return block->users == 0 && !block->being_cached;
  };
  auto victim =
      std::find_if(loaded_.begin(), loaded_.end(), [&](const std::shared_ptr<Block>& block) {
        return is_free(block) &&
               (block->read_to_the_end() || !block->file->pattern.Wants(block->index, now));
      });
  if (victim == loaded_.end() && urgency == Urgency::kWaitedFor) {
    victim = std::find_if(loaded_.begin(), loaded_.end(), is_free);
  }
  if (victim == loaded_.end()) return false;
  Remove(std::shared_ptr<Block>(*victim));
  return true;
}

void BlockLoader::Remove(const std::shared_ptr<Block>& block) {
  File& file = *block->file;
  const auto found = file.blocks.find(block->index);
  if (found == file.blocks.end() || found->second != block) return;
  file.blocks.erase(found);
  if (file.blocks.empty()) --files_with_blocks_;
  if (block->in_memory) loaded_.erase(block->place);
  block->in_memory = false;
}

// --- threads

void BlockLoader::FetchLoop(const std::stop_token& stop) {
  while (const std::shared_ptr<Block> block = NextToFetch()) FetchOne(block, stop);
}

// Waits for a block to fetch; nothing when the loader stops.
std::shared_ptr<BlockLoader::Block> BlockLoader::NextToFetch() {
  MutexLock lock(mutex_);
  while (true) {
    while (!stopping_ && waited_for_.empty() && ahead_.empty()) to_fetch_changed_.Wait(mutex_);
    if (stopping_) return nullptr;
    auto& queue = waited_for_.empty() ? ahead_ : waited_for_;
    std::shared_ptr<Block> block = std::move(queue.front());
    queue.pop_front();
    const bool ahead_in_vain =
        !block->only_for_cache && !block->file->pattern.Wants(block->index, clock_.Now());
    if (block->users == 0 && (block->file->closed || ahead_in_vain)) {
      Remove(block);
      continue;
    }
    block->state = Block::State::kFetching;
    return block;
  }
}

void BlockLoader::FetchOne(const std::shared_ptr<Block>& block, const std::stop_token& stop) {
  File& file = *block->file;
  // Ends with the file or with the loader, whichever comes first.
  const std::stop_callback end_with_loader(stop, [&file] { file.stop.request_stop(); });
  const CallContext context{.deadline = clock_.Now() + options_.request_timeout,
                            .stop = file.stop.get_token()};
  const std::uint64_t offset = block->index * options_.block_size_bytes;
  const Status fetched = FetchRange(store_, file.object, offset, block->bytes(), context);
  MutexLock lock(mutex_);
  if (fetched) {
    block->state = Block::State::kLoaded;
    block->in_memory = !file.closed;
    if (block->in_memory) block->place = loaded_.insert(loaded_.end(), block);
    HandToCache(block);
  } else {
    Remove(block);
    block->error = fetched.error();
    block->state = Block::State::kFailed;
  }
  loaded_changed_.NotifyAll();
}

// Blocks that wait for a slow disk hold buffers, which slows fetching ahead. The queue has a bound,
// so that readers always find buffers: at the bound a block is not written to the cache, and a disk
// that hangs does not stop reading.
void BlockLoader::HandToCache(const std::shared_ptr<Block>& block) {
  const std::size_t bound =
      options_.buffer_count > kSpareBuffers ? options_.buffer_count - kSpareBuffers : 1;
  if (cache_ == nullptr || block->file->object.etag.empty() || to_cache_.size() >= bound) return;
  block->being_cached = true;
  to_cache_.push_back(block);
  to_cache_changed_.NotifyOne();
}

void BlockLoader::CacheLoop() {
  while (true) {
    std::shared_ptr<Block> block;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && to_cache_.empty()) to_cache_changed_.Wait(mutex_);
      if (to_cache_.empty()) return;  // a stop comes after the last block is written
      block = std::move(to_cache_.front());
      to_cache_.pop_front();
    }
    const OpenObject& object = block->file->object;
    cache_->Write({.object = object.cache_name, .etag = object.etag.value, .index = block->index},
                  block->bytes());
    {
      MutexLock lock(mutex_);
      block->being_cached = false;
      const bool serves_nobody = block->only_for_cache || block->read_to_the_end();
      if (block->users == 0 && serves_nobody) Remove(block);
    }
    const std::shared_ptr<File> file = std::exchange(block, nullptr)->file;
    FetchAhead(file);  // its buffer may be what the next block waited for
  }
}

}  // namespace skybridge::fuse
