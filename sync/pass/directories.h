// Directories: those whose attributes are set when everything else is done, since on some stores a
// directory's mtime moves with every child, and some directories come into being with their files.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/mutex.h"
#include "sync/listing/spool.h"
#include "sync/pass/decision.h"
#include "sync/work_pool.h"

namespace skybridge {

// Kept in temporary files: memory does not grow with their number. Safe from many threads.
class Directories {
 public:
  explicit Directories(std::string temp_directory) : temp_directory_(std::move(temp_directory)) {}

  // Of a decision only step and source are kept. kLeave: the directory was right, and a child may
  // have moved its times. Errors: those of temporary files.
  Status Keep(const Decision& decision);

  // Calls `finish` for each that was kept, on the pool; returns when all are done. Nothing is kept
  // afterwards. Errors: those of temporary files.
  Status Finish(WorkPool& pool, const std::function<void(Decision)>& finish);

 private:
  std::unique_ptr<Spool>& SpoolOf(Step step) REQUIRES(mutex_);

  const std::string temp_directory_;
  Mutex mutex_;  // held while a record is written to a temporary file
  std::unique_ptr<Spool> made_ GUARDED_BY(mutex_);
  std::unique_ptr<Spool> changed_ GUARDED_BY(mutex_);
  std::unique_ptr<Spool> left_ GUARDED_BY(mutex_);
};

}  // namespace skybridge
