// RunStore: the runs of one mirror, kept as files of its state directory (runs/ID.json).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "sync/runs/run_record.h"

namespace skybridge {

// Not safe from many threads. Other processes may read at any time: each file is replaced whole.
class RunStore {
 public:
  // `directory` is made, 0700, by the first Save. `keep`: that many runs that are over stay.
  RunStore(std::string directory, std::size_t keep)
      : directory_(std::move(directory)), keep_(keep) {}

  // On disk when this returns. A run that is over pushes the oldest ones out. Errors: kIo, kNoSpace,
  // kPermissionDenied, kReadOnly.
  Status Save(const RunRecord& run);

  // All that can be read, oldest first; files that are no runs are logged and left out. Errors: kIo.
  Result<std::vector<RunRecord>> List() const;
  // Errors: kNotFound (also for what is no id), kCorrupt.
  Result<RunRecord> Find(std::string_view id) const;

  // Asks the process that carries a run out to end it: seen within about a second. Errors: kNotFound
  // for a run that is over or was never there.
  Status RequestStop(std::string_view id) const;
  // Whether somebody has asked for that.
  bool StopRequested(std::string_view id) const;

  // What a killed process left as running becomes stopped. Only for the process that has the
  // mirror's lock.
  Status CloseInterrupted(WallTime now);

 private:
  std::string PathOf(std::string_view id) const;
  std::string StopMarkOf(std::string_view id) const;
  Status RemoveOldest() const;

  const std::string directory_;
  const std::size_t keep_;
};

}  // namespace skybridge
