// KeptFiles: keeps open files that could not be published in the cache directory, so that a restart
// does not lose them (cache/unpublished_files.h), and publishes at the start of a mount what an
// earlier one kept.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "backends/object_store.h"
#include "cache/unpublished_files.h"
#include "core/call_context.h"
#include "core/clock.h"
#include "core/ids.h"
#include "core/mutex.h"
#include "core/result.h"
#include "fuse/open/open_file.h"
#include "fuse/vocabulary.h"

namespace skybridge::fuse {

// Safe from many threads; calls for one inode come one at a time.
class KeptFiles {
 public:
  // `files` may be null: then nothing is kept over a restart.
  KeptFiles(cache::UnpublishedFiles* files, Clock& clock) : files_(files), clock_(clock) {}

  // Keeps what of the file is not published, in place of what was kept of it before. `key`: where
  // it would be published. Errors: kNotSupported (nowhere to keep it), kNoSpace (bytes have left
  // staging, or the disk is full), kIo.
  Status Keep(const Remote& remote, const ObjectKey& key, const OpenFile::View& view);
  // The file is published, or gone.
  void Forget(InodeNumber ino);
  std::string directory() const { return files_ == nullptr ? "" : files_->directory(); }

  // Publishes what an earlier process kept: at its place if that still has the version that was
  // changed, else as a conflict copy. What fails stays, and is named in the log.
  Status PublishEarlier(const FilesystemParts& parts, std::chrono::milliseconds timeout);

 private:
  Status PublishOne(const Remote& remote, cache::UnpublishedFiles::Kept& kept,
                    const CallContext& context);
  Status PublishContent(const Remote& remote, cache::UnpublishedFiles::Kept& kept,
                        const CallContext& context);

  cache::UnpublishedFiles* const files_;
  Clock& clock_;
  Mutex mutex_;
  std::map<InodeNumber, cache::UnpublishedFiles::Number> numbers_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
