// UploadList: the uploads in progress of one store, written down on this machine before their first
// part is sent, so that whoever starts next can free what a killed process left.
//
// A directory with one file for each process that has uploaded, "PID-RANDOM.uploads", locked (flock)
// as long as that process lives. A line for each event:
//
//   + UPLOAD KEY      begun; on disk before the first part. Both in hexadecimal.
//   - UPLOAD          committed or aborted
//
// A last line that is not whole was not acknowledged, and is ignored.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "backends/object_store.h"
#include "core/file_descriptor.h"
#include "core/mutex.h"

namespace skybridge {

// Safe from many threads, and for many processes with one directory.
class UploadList {
 public:
  // The directory is made by the first upload (mode 0700), with those above it.
  explicit UploadList(std::string directory) : directory_(std::move(directory)) {}
  // The file of this process goes if it has no open uploads.
  ~UploadList();
  UploadList(const UploadList&) = delete;
  UploadList& operator=(const UploadList&) = delete;

  // On disk when this returns. Errors: kNoSpace, kIo, kPermissionDenied.
  Status Add(const UploadId& upload, const ObjectKey& key);
  // Need not reach the disk: aborting an upload that is over does no harm.
  void Remove(const UploadId& upload);

  struct Swept {
    std::size_t freed = 0;
    std::size_t failed = 0;  // stay listed for the next sweep
  };
  // Calls `abort` for each upload that a process which has ended left open.
  Swept Sweep(const std::function<Status(const AbortUploadRequest&)>& abort) const;

 private:
  Status MakeFile() REQUIRES(mutex_);

  const std::string directory_;
  Mutex mutex_;                          // held while a line is written and synced
  std::string name_ GUARDED_BY(mutex_);  // of this process's file; empty until the first upload
  FileDescriptor file_ GUARDED_BY(mutex_);
  std::map<std::string, ObjectKey> open_ GUARDED_BY(mutex_);
};

}  // namespace skybridge
