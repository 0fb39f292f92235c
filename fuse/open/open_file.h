// OpenFile: one inode while any handle has it open. All handles share it: one reader, one writer,
// one set of attributes, which are newer than anything a listing says. Whoever needs stat, size or
// content of an open file asks here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>

#include "cache/metadata_cache.h"
#include "cache/staging.h"
#include "core/call_context.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "fuse/open/directory_moves.h"
#include "fuse/read/read_path.h"
#include "fuse/vocabulary.h"
#include "fuse/write/write_path.h"

namespace skybridge::fuse {

// Where the file stands towards its name.
enum class FileState {
  kNew,        // made here, not in the store yet: only this mount sees it
  kPublished,  // the store has the version that `record` describes
  kUnlinked,   // deleted, or replaced by a rename: nothing is published any more
  kReplaced,   // somebody else changed or deleted it in the store: what is written here becomes a
               // conflict copy
  kLost,       // an update was lost (its conflict copy is in the store): every further use answers
               // ESTALE
};

// Safe from many threads. Lock order: turn, content gate, DirectoryMoves, mutex.
class OpenFile {
 public:
  struct Place {
    InodeNumber parent = InodeNumber::kNone;
    std::string name;
  };

  // A consistent picture, by value.
  struct View {
    Place place;
    FileState state = FileState::kNew;
    cache::InodeRecord record;  // size and mtime as they are now
    std::shared_ptr<FileWriter> writer;
    bool attributes_dirty = false;
    std::uint64_t attributes_generation = 0;
    bool mtime_set = false;  // by a program, since the last change of content

    bool content_dirty() const { return writer != nullptr && writer->dirty(); }
    bool dirty() const { return attributes_dirty || content_dirty(); }
  };

  // Where the file is, as long as this lives: see directory_moves.h.
  struct HeldKey {
    ObjectKey key;  // of a file without a name empty: nothing will use it
    std::shared_ptr<DirectoryMoves::Use> guard;
  };

  OpenFile(const Remote& remote, const cache::InodeRecord& record, FileState state);

  const Remote& remote() const { return remote_; }
  InodeNumber ino() const { return ino_; }
  View view() const;

  // The right to write: while any of them lives, the file keeps its writer. Must not outlive the
  // file.
  class WritingRight {
   public:
    ~WritingRight() { file_.EndWriting(); }
    WritingRight(const WritingRight&) = delete;
    WritingRight& operator=(const WritingRight&) = delete;

   private:
    friend class OpenFile;
    explicit WritingRight(OpenFile& file) : file_(file) {}
    OpenFile& file_;
  };

  // Whoever publishes the file, renames it or takes its name away does so in turn, across the
  // requests that it takes. Must not outlive the file.
  class Turn {
   public:
    // Waits. Errors: kTimedOut, kCancelled.
    static Result<std::unique_ptr<Turn>> Take(OpenFile& file, const Clock& clock,
                                              const CallContext& context);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    explicit Turn(OpenFile& file) : file_(file) {}
    OpenFile& file_;
  };

  struct PrepareRequest {
    // Says where the file is. Called within the content gate.
    std::function<Result<HeldKey>()> hold;
    bool write = false;
    bool truncate = false;     // only with `write`
    bool drop_set_id = false;  // as for Write, where it truncates
    WallTime now{};
  };
  // Makes reading possible; with `write` also writing, for as long as the returned right lives
  // (without: nullptr). Opens nothing twice. Errors: kPreconditionFailed when the file is lost, or
  // when its name went before anybody had opened it, so that nothing was kept.
  Result<std::unique_ptr<WritingRight>> Prepare(const PrepareRequest& request,
                                                const CallContext& context);
  std::uint64_t writers() const;  // how many have the right to write
  // Reads come from the published version again. Does nothing while somebody has the right to
  // write, or while there is something to publish.
  void DropIdleWriter(const ObjectKey& key);

  // The published version is read from `key` from now on.
  void ReopenReader(const ObjectKey& key);

  // Errors: kPreconditionFailed when the file is lost, or its version has gone from the store.
  Result<std::size_t> Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                           const CallContext& context);
  // Nothing as offset: at the end. Returns where the bytes are. `drop_set_id`: the writer has no
  // right to keep set-user-id and set-group-id.
  Result<std::uint64_t> Write(std::optional<std::uint64_t> offset_bytes, ByteSpan bytes,
                              bool drop_set_id, WallTime now, const CallContext& context);
  Status Truncate(std::uint64_t size_bytes, WallTime now, const CallContext& context);

  // Changes attributes in memory; the next publish writes them.
  void ChangeAttributes(const std::function<void(cache::InodeRecord&)>& change, WallTime now);
  // Takes back what ChangeAttributes did since `before`, after a publish of attributes alone has
  // failed.
  void RestoreAttributes(const View& before);

  // The store has this version now. Attributes changed after `generation` stay to be published; so
  // do those that the store says the version does not have.
  // `by`: the writer whose content it is, none for attributes alone; another writer goes on from
  // this version. `info.key`: where; the reader is opened anew for it. Returns the record as
  // published.
  cache::InodeRecord Published(const ObjectInfo& info, const std::shared_ptr<FileWriter>& by,
                               std::uint64_t generation, WallTime now);
  // The object moved, or got a new version, without a change of content.
  void Moved(const Place& place, const ObjectInfo& info, WallTime now);
  void SetPlace(const Place& place);
  void SetState(FileState state);

  // Takes the file's name away by `remove` (a delete, or a rename over it) and keeps the content
  // for the handles: a copy in `staging`, unless all of it is here anyway. Without a copy (`staging`
  // is nullptr, or it was not done within `copying`) its readers get ESTALE. Holds the content gate
  // while it reads from the store and calls `remove`, so that no write slips in between. The error
  // is that of `remove`.
  Status LoseName(cache::Staging* staging, const std::function<Status()>& remove,
                  const CallContext& copying);

 private:
  void EndWriting();
  // Opens the reader or the writer that is not there yet. Errors: those of Prepare.
  Status OpenContentLocked(const PrepareRequest& request, const ObjectKey& key) REQUIRES(mutex_);
  std::uint64_t SizeLocked() const REQUIRES(mutex_);
  void TouchLocked(WallTime now) REQUIRES(mutex_);
  void DropSetIdLocked() REQUIRES(mutex_);
  void TellWriterLocked() REQUIRES(mutex_);
  Status CheckUsableLocked() const REQUIRES(mutex_);
  // nullptr: there is nothing to copy.
  Result<std::unique_ptr<FileWriter>> CopyContent(cache::Staging& staging,
                                                  const CallContext& context);

  const Remote& remote_;
  const InodeNumber ino_;

  Mutex turn_mutex_;  // guards what follows; held for no wait but that for the turn
  CondVar turn_ended_;
  bool turn_taken_ GUARDED_BY(turn_mutex_) = false;

  // Shared by reads and writes, exclusive for the exchange of their source by LoseName. Held across
  // the network.
  std::shared_mutex content_gate_;

  mutable Mutex mutex_;  // guards what follows; never held across a wait
  Place place_ GUARDED_BY(mutex_);
  FileState state_ GUARDED_BY(mutex_);
  cache::InodeRecord record_ GUARDED_BY(mutex_);
  bool attributes_dirty_ GUARDED_BY(mutex_) = false;
  std::uint64_t attributes_generation_ GUARDED_BY(mutex_) = 0;
  bool mtime_set_ GUARDED_BY(mutex_) = false;
  std::uint64_t writing_rights_ GUARDED_BY(mutex_) = 0;
  // shared_ptr: a request may still use one that was exchanged meanwhile.
  std::shared_ptr<FileReader> reader_ GUARDED_BY(mutex_);
  std::shared_ptr<FileWriter> writer_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
