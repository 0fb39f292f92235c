// FilesystemImpl: the Filesystem, its methods grouped by idea:
//
//   filesystem.cc             names and attributes
//   filesystem_tree.cc        making, removing and renaming nodes
//   filesystem_directory.cc   reading directories
//   filesystem_file.cc        open, read, write, publish
//   filesystem_xattr.cc       extended attributes
//
// Of an inode that has an OpenFile, that says what is so; of every other one the Namespace does.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/mutex.h"
#include "fuse/filesystem/delayed_publisher.h"
#include "fuse/filesystem/filesystem.h"
#include "fuse/filesystem/handle_table.h"
#include "fuse/filesystem/kept_files.h"
#include "fuse/filesystem/own_versions.h"
#include "fuse/names/directory_scan.h"
#include "fuse/names/inode_table.h"
#include "fuse/names/namespace.h"
#include "fuse/open/open_file.h"

namespace skybridge::fuse {

struct FileHandle {
  std::shared_ptr<OpenFile> file;
  OpenFlags flags;
  std::uint32_t opened_by = 0;                    // pid
  std::unique_ptr<OpenFile::WritingRight> right;  // of a handle that may write
};

// An open directory: a window on the stream of its entries. A cookie is 2 plus the number of
// entries before it ("." and ".." have 1 and 2). The kernel goes back a little when a program's
// buffer was too small, so the last kWindow entries are kept. For a program that seeks further back
// the directory is read again from its start, in the order of the first time; names in `marks` tell
// where in the stream that is, though entries have come and gone.
struct DirectoryHandle {
  static constexpr std::size_t kWindow = 16'384;
  static constexpr std::size_t kMarkEvery = 4'096;

  explicit DirectoryHandle(InodeNumber number) : ino(number) {}

  const InodeNumber ino;
  Mutex mutex;  // one reader at a time: held while the next page comes from the store
  std::unique_ptr<DirectoryScan> scan GUARDED_BY(mutex);
  std::deque<cache::InodeRecord> window GUARDED_BY(mutex);
  std::uint64_t window_begin GUARDED_BY(mutex) = 0;  // entries before the window
  bool ended GUARDED_BY(mutex) = false;
  // Every kMarkEvery-th entry that has left the window, by its name.
  std::map<std::string, std::uint64_t, std::less<>> marks GUARDED_BY(mutex);
  // Files that only this mount sees come first; the scan may meet them again, published meanwhile.
  std::set<std::string, std::less<>> shown_unpublished GUARDED_BY(mutex);
  // Names changed here since the first entry was read are looked at again before they are shown.
  std::optional<LocalChanges::Question> question GUARDED_BY(mutex);
};

class FilesystemImpl final : public Filesystem {
 public:
  FilesystemImpl(const FilesystemParts& parts, const FilesystemOptions& options);
  Status Start();

  void SetNotifier(KernelNotifier* notifier) override { inodes_.kernel().SetNotifier(notifier); }
  const FilesystemOptions& options() const override { return options_; }
  Clock& clock() const override { return *parts_.clock; }
  std::size_t remote_count() const override { return parts_.remotes.size(); }
  std::optional<std::size_t> RemoteOf(InodeNumber ino) override;

  Result<NodeReply> Lookup(InodeNumber parent, std::string_view name, const Call& call) override;
  void Forget(InodeNumber ino, std::uint64_t count) override {
    inodes_.kernel().Forget(ino, count);
  }
  Result<NodeReply> GetAttributes(InodeNumber ino, const Call& call) override;
  Result<NodeReply> SetAttributes(InodeNumber ino, std::optional<HandleId> handle,
                                  const AttributeChange& change, const Call& call) override;
  Result<std::string> ReadLink(InodeNumber ino, const Call& call) override;

  Result<NodeReply> MakeDirectory(InodeNumber parent, std::string_view name, std::uint32_t mode,
                                  const Call& call) override;
  Result<NodeReply> MakeSymlink(InodeNumber parent, std::string_view name, std::string_view target,
                                const Call& call) override;
  Result<NodeReply> MakeFile(InodeNumber parent, std::string_view name, std::uint32_t mode,
                             const Call& call) override;
  Status Unlink(InodeNumber parent, std::string_view name, const Call& call) override;
  Status RemoveDirectory(InodeNumber parent, std::string_view name, const Call& call) override;
  Result<RenameResult> Rename(InodeNumber parent, std::string_view name, InodeNumber new_parent,
                              std::string_view new_name, RenameMode mode,
                              const Call& call) override;

  Result<HandleId> OpenDirectory(InodeNumber ino, const Call& call) override;
  Status ReadDirectory(HandleId handle, std::uint64_t cookie, bool with_attributes,
                       const DirectorySink& sink, const Call& call) override;
  void ReleaseDirectory(HandleId handle) override { directories_.Remove(handle); }

  Result<CreateReply> CreateFile(InodeNumber parent, std::string_view name, std::uint32_t mode,
                                 OpenFlags flags, const Call& call) override;
  Result<OpenReply> Open(InodeNumber ino, OpenFlags flags, const Call& call) override;
  Result<std::size_t> Read(HandleId handle, std::uint64_t offset_bytes, std::span<std::byte> into,
                           const Call& call) override;
  Status Write(HandleId handle, std::uint64_t offset_bytes, ByteSpan bytes,
               const Call& call) override;
  Status WriteMapped(HandleId handle, std::uint64_t offset_bytes, ByteSpan bytes,
                     const Call& call) override;
  Status Flush(HandleId handle, const Call& call) override;
  Status Close(HandleId handle, const WritingDescriptors& copies, const Call& call) override;
  void Release(HandleId handle, const Call& call) override;
  Status Allocate(HandleId handle, int mode, ByteRange range, const Call& call) override;

  Result<std::optional<std::string>> GetXattr(InodeNumber ino, std::string_view name,
                                              const Call& call) override;
  Result<bool> SetXattr(InodeNumber ino, std::string_view name, std::string_view value,
                        XattrWrite how, const Call& call) override;
  Result<std::vector<std::string>> ListXattrs(InodeNumber ino, const Call& call) override;
  Result<bool> RemoveXattr(InodeNumber ino, std::string_view name, const Call& call) override;

  Status Drain(const CallContext& context) override;
  FilesystemCounters counters() const override;

 private:
  using RecordChange = std::function<void(cache::InodeRecord&)>;

  // An inode's open file for as long as this lives.
  class OpenUser {
   public:
    OpenUser(InodeTable& inodes, std::shared_ptr<OpenFile> file)
        : inodes_(inodes), file_(std::move(file)) {}
    ~OpenUser() {
      if (file_) inodes_.Close(file_->ino());
    }
    OpenUser(const OpenUser&) = delete;
    OpenUser& operator=(const OpenUser&) = delete;
    const std::shared_ptr<OpenFile>& file() const { return file_; }
    // From here on the handle that gets it closes it.
    std::shared_ptr<OpenFile> Keep() { return std::exchange(file_, nullptr); }

   private:
    InodeTable& inodes_;
    std::shared_ptr<OpenFile> file_;
  };

  // filesystem.cc
  Status CheckWritable() const;
  Result<NodeReply> LookupByNumber(InodeNumber ino, std::string_view dots, const Call& call);
  // What the kernel is told, and what is remembered of that.
  NodeReply Reply(const cache::InodeRecord& record);
  NodeReply Reply(const OpenFile& file);
  // The same of a node whose record was read after `closed_files` of the inode table: if it is not
  // open now, it may have been open then, and have been published and closed since.
  NodeReply NewestReply(const cache::InodeRecord& record, std::uint64_t closed_files);
  NodeReply CountedReply(const cache::InodeRecord& record, std::uint64_t closed_files);
  // The remote of any inode, also of a file that has no name there (yet, or any more).
  Result<const Remote*> RemoteHolding(InodeNumber ino);
  // The record of any inode, open or not, without its parent's name being checked again.
  Result<cache::InodeRecord> RecordOf(InodeNumber ino, const CallContext& context);
  // Changes attributes of any node: in memory for a file with unpublished content, else in the
  // store.
  Result<NodeReply> Change(InodeNumber ino, const RecordChange& change, const CallContext& context);
  Result<NodeReply> ChangeOpen(OpenFile& file, const RecordChange& change,
                               const CallContext& context);
  Result<NodeReply> ChangeFile(InodeNumber ino, const RecordChange& change,
                               const CallContext& context);
  Result<NodeReply> ChangeInStore(const cache::InodeRecord& record, const RecordChange& change,
                                  const CallContext& context);
  // Gives a node of the store other attributes. On a store that must write the object anew, bytes
  // that this mount has put there come from here.
  Result<ObjectInfo> StoreAttributes(const Remote& remote, SetAttributesRequest request,
                                     const CallContext& context);
  Result<NodeReply> Resize(InodeNumber ino, bool has_handle, const AttributeChange& change,
                           const RecordChange& rest, const CallContext& context);

  // filesystem_tree.cc
  // What a new node gets: the caller's ids, the group (and for directories the bit) of a setgid
  // parent, times of now.
  Result<cache::InodeRecord> NewRecord(InodeNumber parent, std::string_view name,
                                       cache::InodeKind kind, std::uint32_t mode, const Call& call);
  // A node that was made in the store: into the cache, and looked up.
  // `empty_since`: of a directory, when it was known that nothing is in it.
  Result<NodeReply> Made(cache::InodeRecord record, const ObjectInfo& info,
                         std::optional<WallTime> empty_since);
  // On flat stores a directory lives by its children: before the last one goes it gets a marker.
  Status KeepDirectoryAlive(InodeNumber directory, std::string_view leaving,
                            const CallContext& context);
  // Content with the name of a directory's marker has left: the directory may have lived by it.
  Status MakeEmptied(InodeNumber directory, std::string_view left, const CallContext& context);
  // A change by name that somebody else's change came before: made again on what is there now, a
  // few times.
  Status RetryOnNewest(const std::function<Status()>& change,
                       const std::function<void()>& look_again);
  Status DeleteObject(InodeNumber parent, std::string_view name, bool ask_first,
                      const CallContext& context);
  // A file that the store does not have. Errors: kPreconditionFailed when it has it by now.
  Status DropUnpublished(const std::shared_ptr<OpenFile>& file, const CallContext& context);
  // `remove` takes the open file's name away; its handles keep the content. What is being published
  // is there before.
  Status TakeName(const std::shared_ptr<OpenFile>& open, const std::function<Status()>& remove,
                  const CallContext& context);

  // One end of a rename. Nothing in it: there is no such name.
  struct NamedNode {
    std::shared_ptr<OpenFile> open;
    std::optional<cache::InodeRecord> record;
    bool in_store() const { return record && !(open && open->view().state == FileState::kNew); }
    std::string etag() const { return open ? open->view().record.etag : record->etag; }
  };
  Result<NamedNode> FindNamed(const OpenFile::Place& place, const CallContext& context);
  // A file of the store stays open while its name changes: whoever opens it meanwhile shares what
  // becomes of it.
  std::shared_ptr<OpenFile> OpenNamed(NamedNode& node, const Remote& remote);
  Status CheckRename(const NamedNode& source, const NamedNode& target, RenameMode mode,
                     const OpenFile::Place& to);
  Status RenameOnce(const OpenFile::Place& from, const OpenFile::Place& to, RenameMode mode,
                    const CallContext& context);
  Status RenameInStore(const NamedNode& source, const NamedNode& target,
                       const OpenFile::Place& from, const OpenFile::Place& to,
                       const CallContext& context);
  Status RenameHeld(const NamedNode& source, const NamedNode& target, const OpenFile::Place& from,
                    const OpenFile::Place& to, const std::vector<Location>& places,
                    const CallContext& context);
  // Errors: kPreconditionFailed when the store has it by now.
  Status RenameUnpublished(const std::shared_ptr<OpenFile>& file, const OpenFile::Place& from,
                           const OpenFile::Place& to, const CallContext& context);
  Status FollowRename(const NamedNode& source, const OpenFile::Place& to, const ObjectInfo& info,
                      const CallContext& context);
  // Open files below a directory that was renamed: their readers go on under the new key. Those
  // whose new version is not known must be opened again; the first error other than kNotFound is
  // returned.
  Status FollowDirectoryRename(InodeNumber directory, const CallContext& context);
  // What an open file is after its directory was renamed.
  Result<ObjectInfo> MovedVersion(const Remote& remote, const OpenFile::View& view, bool atomic,
                                  const CallContext& context);
  std::vector<std::shared_ptr<OpenFile>> OpenBelow(InodeNumber directory);

  // filesystem_directory.cc
  Status ReadRemoteDirectories(std::uint64_t cookie, bool with_attributes,
                               const DirectorySink& sink);
  Status MoreEntries(DirectoryHandle& handle, const CallContext& context) REQUIRES(handle.mutex);
  Status GoBack(DirectoryHandle& handle, std::uint64_t position, const CallContext& context)
      REQUIRES(handle.mutex);
  // Entries before `position` leave the window.
  static void LeaveBehind(DirectoryHandle& handle, std::uint64_t position) REQUIRES(handle.mutex);
  Result<bool> EmitDots(InodeNumber ino, std::uint64_t& cookie, const DirectorySink& sink);
  Status PrepareEntry(DirectoryHandle& handle, std::size_t index, bool with_attributes,
                      const CallContext& context) REQUIRES(handle.mutex);
  bool Emit(const cache::InodeRecord& record, std::uint64_t closed_files, std::uint64_t next_cookie,
            bool with_attributes, const DirectorySink& sink);

  // filesystem_file.cc
  Result<std::shared_ptr<FileHandle>> FindHandle(HandleId id) const;
  // Gives `ino` one more user. Errors: kIsDirectory, those of RecordOf.
  Result<std::shared_ptr<OpenFile>> OpenNewest(InodeNumber ino, const CallContext& context);
  std::shared_ptr<OpenFile> OpenShared(const cache::InodeRecord& record, const Remote& remote);
  // The metadata cache has another version than the file was opened with.
  bool HasOtherVersion(const OpenFile& file);
  // Errors: kPreconditionFailed when the name is known to stand for another version by now.
  static Status CheckNewest(const OpenFile& file);
  HandleId AddHandle(OpenUser& user, OpenFlags flags, std::uint32_t pid,
                     std::unique_ptr<OpenFile::WritingRight> right);
  Result<OpenFile::HeldKey> HoldKeyOf(const OpenFile& file, const CallContext& context);
  Status Publish(OpenFile& file, const CallContext& context);
  // In the file's turn.
  Status PublishInTurn(OpenFile& file, const CallContext& context);
  Status PublishAt(const Location& location, OpenFile& file, const OpenFile::View& view,
                   const CallContext& context);
  Status PublishContent(const Location& location, OpenFile& file, const OpenFile::View& view,
                        const CallContext& context);
  Status PublishAttributes(const Location& location, OpenFile& file, const OpenFile::View& view,
                           const CallContext& context);
  Status RecordPublished(OpenFile& file, const OpenFile::View& view,
                         const std::shared_ptr<FileWriter>& by, const ObjectInfo& info);
  Status SaveLostUpdate(OpenFile& file, const OpenFile::View& view, const CallContext& context);
  // Without an offset: at the end. Returns where the bytes are.
  Result<std::uint64_t> WriteAt(const FileHandle& handle, std::optional<std::uint64_t> offset_bytes,
                                ByteSpan bytes, const Call& call);
  Status ReopenReader(OpenFile& file, const CallContext& context);
  template <class Attempt>
  auto AlsoAfterARename(OpenFile& file, const CallContext& context, const Attempt& attempt)
      -> decltype(attempt());
  // A read or write has found that the version has gone: the next lookup asks the store.
  void NoteStale(const OpenFile& file, const Error& error);
  void Park(const std::shared_ptr<OpenFile>& file);
  // It is published, or nothing of it is to be published any more.
  void Unpark(InodeNumber ino);
  // Keeps the file over a restart as it is now.
  Status Keep(const OpenFile& file);
  // The same of one that is kept already: it has another place.
  void KeepAgain(const OpenFile& file);
  bool MayWait(const OpenFile::View& before, const cache::InodeRecord& wanted);
  Status Delay(const std::shared_ptr<OpenFile>& file);
  void PublishDelayed(const std::shared_ptr<OpenFile>& file);
  void GiveToNewest(const std::shared_ptr<OpenFile>& file, const CallContext& context);
  std::string NameLeft(const OpenFile& file, const Error& why);
  // "REMOTE:PATH", for messages.
  std::string PathOf(const OpenFile& file);

  const FilesystemParts parts_;
  const FilesystemOptions options_;
  InodeTable inodes_;
  Namespace names_;
  OwnVersions own_versions_;
  HandleTable<FileHandle> files_;
  HandleTable<DirectoryHandle> directories_;
  std::atomic<std::uint64_t> conflicts_{0};
  Mutex parked_mutex_;
  std::map<InodeNumber, std::shared_ptr<OpenFile>> parked_ GUARDED_BY(parked_mutex_);
  KeptFiles kept_;
  DelayedPublisher delayed_;  // the last member: its thread uses the others
};

}  // namespace skybridge::fuse
