// WritePath: writes of remote files. Data is staged on local disk. Full parts are uploaded while the
// file is still being written; a later write to an uploaded range sends that part again. Publish
// makes the new content visible whole. Small files (up to one part) are a single Put. Each remote of
// a mount has one WritePath.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/object_store.h"
#include "cache/block_cache.h"
#include "cache/staging.h"
#include "core/byte_range.h"
#include "core/call_context.h"
#include "core/ids.h"
#include "core/result.h"
#include "fuse/read/read_path.h"

namespace skybridge::fuse {

struct OpenWriterRequest {
  ObjectKey key;  // where it would be published now
  // The version that is being changed; nothing for a file that does not exist yet (published with
  // must_not_exist).
  std::optional<ObjectInfo> base;
  bool truncate = false;  // start from an empty file instead of the base's bytes
};

struct PublishRequest {
  ObjectKey key;  // may differ from the key it was opened with: the file was renamed meanwhile
  Attributes attributes;
  // `attributes.mtime` is only the local time of the last write: nobody has set it. It may be left
  // to the store where recording it would cost a copy of the object.
  bool mtime_is_of_last_write = false;
};

// What a later process needs to publish the content (cache/unpublished_files.h).
struct UnpublishedContent {
  std::uint64_t size_bytes = 0;
  std::uint64_t base_size_bytes = 0;
  std::uint64_t base_shown_until_bytes = 0;
  std::vector<ByteRange> ranges;         // of the staging file, ascending
  cache::StagingFile* staged = nullptr;  // the writer's own
};

// The content of one inode while any handle has it open for writing. Safe from many threads.
class FileWriter {
 public:
  virtual ~FileWriter() =
      default;  // unpublished changes are dropped, an upload in progress is aborted

  // Errors: kNoSpace (staging bound, or a rewrite of bytes that had to leave staging already),
  // kTooLarge, kIo.
  virtual Status Write(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context) = 0;
  // The written bytes, and the base's where nothing was written. Errors: those of FileReader::Read;
  // kNoSpace for bytes that left staging before Publish.
  virtual Result<std::size_t> Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                                   const CallContext& context) = 0;
  // Growing makes zeros; what is cut off and grown again reads as zeros.
  virtual Status Truncate(std::uint64_t size_bytes, const CallContext& context) = 0;
  virtual std::uint64_t size_bytes() const = 0;
  // Content differs from what was last published (a new file is dirty from the start).
  virtual bool dirty() const = 0;

  // Makes the content durable and visible in the store, conditional on the base version, and makes
  // the result the new base. Bytes written while it runs stay dirty. Where the reply's attributes
  // are not those of the request, the object has the reply's: an upload on a store that can change
  // attributes only by writing the object anew. The caller sets the others then. Errors:
  // kPreconditionFailed/kAlreadyExists when somebody else changed the object (data stays in
  // staging), and the store's own.
  virtual Result<ObjectInfo> Publish(const PublishRequest& request, const CallContext& context) = 0;
  // Saves the content as another, new object: what the loser of a lost update does before it
  // reports ESTALE. Errors: kAlreadyExists when that name is taken; kPreconditionFailed or kNotFound
  // when bytes of the base are needed and the base is not in the store any more; kNoSpace when bytes
  // have left staging; the store's own.
  virtual Result<ObjectInfo> PublishConflictCopy(const ObjectKey& key, const Attributes& attributes,
                                                 const CallContext& context) = 0;
  // Saves only what was written, in the format of written_ranges.h: where the base is gone. `name`
  // is that of the file. Errors: as PublishConflictCopy, but the base is not needed.
  virtual Result<ObjectInfo> PublishWrittenRanges(const ObjectKey& key, std::string_view name,
                                                  const Attributes& attributes,
                                                  const CallContext& context) = 0;
  // Errors: kNoSpace when bytes have left staging.
  virtual Result<UnpublishedContent> Unpublished() = 0;
  // The attributes that the file has now, as far as they are settled: an upload that starts while the
  // file is still being written is started with them.
  virtual void NoteAttributes(const Attributes& attributes) = 0;
  // Tells the writer that the base's version or key changed without its content (SetAttributes or
  // Rename of the object while it is open): `base.key` and `base.etag` are what it must use from
  // now on.
  virtual void RebaseTo(const ObjectInfo& base) = 0;
};

class WritePath {
 public:
  struct Options {
    std::uint64_t part_size_bytes =
        8 << 20;  // of the first parts; later ones grow to stay under max_parts
    std::uint32_t max_parallel_uploads = 16;  // threads; also bounds the part buffers in memory
    std::chrono::milliseconds request_timeout{120'000};
  };
  // `reads` serves the base's bytes; `block_cache` (may be null) receives small published files.
  // All outlive it.
  static std::unique_ptr<WritePath> Create(ObjectStore& store, ReadPath& reads,
                                           cache::BlockCache* block_cache, cache::Staging& staging,
                                           Clock& clock, std::string remote_name,
                                           const Options& options);
  virtual ~WritePath() = default;
  virtual Result<std::unique_ptr<FileWriter>> Open(const OpenWriterRequest& request) = 0;
  // Puts a small file that this mount has published once more, with other attributes: for a store
  // that can change attributes only by writing the object anew. The bytes come from the block cache;
  // if they are not there, nothing happens and nothing is returned. Errors: those of Put.
  virtual Result<std::optional<ObjectInfo>> PutAgain(const ObjectInfo& version,
                                                     const Attributes& attributes,
                                                     const CallContext& context) = 0;
  // The largest file that is sent as one Put; a larger one is an upload in parts.
  virtual std::uint64_t max_put_bytes() const = 0;
  // Bytes accepted from programs that are not yet published.
  virtual std::uint64_t dirty_bytes() const = 0;
};

}  // namespace skybridge::fuse
