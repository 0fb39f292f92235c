// Executor: carries decisions out, and counts what came of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "sync/compare.h"
#include "sync/pass/decision.h"
#include "sync/pass/directories.h"
#include "sync/pass/step_log.h"
#include "sync/pass/sync_state.h"
#include "sync/pass_stop.h"
#include "sync/root_check.h"
#include "sync/side.h"
#include "sync/transfer/transfer.h"

namespace skybridge {

struct ExecutorOptions {
  SyncSide source;
  SyncSide destination;
  std::size_t part_jobs = 32;
  std::uint64_t memory_bytes = 0;
  TransferLimits transfer = {};
  std::string temp_directory = {};
};

// What the executor reports to, and who may stop it. All outlive it.
struct ExecutorLinks {
  const CallPolicy& policy;
  PassStop& stop;
  SyncState& state;
  StepLog& log;
};

class Executor {
 public:
  Executor(ExecutorOptions options, const ExecutorLinks& links);

  // Returns when the decision is carried out, or has failed and is counted. Safe from many threads.
  // kMakeWay, and whatever needs the name that it frees, comes from one thread in the order of the
  // plan. The attributes of directories with children wait for Finish.
  void CarryOut(Decision decision);
  // Whether a way that could not be made keeps `key` from being written; the failure is counted
  // then. From the thread of kMakeWay.
  bool IsBlocked(const ObjectKey& key);

  // When all decisions are carried out: the attributes of directories, on the pool.
  Status Finish(WorkPool& pool);

  // An object failed. The pass ends if the error is the trouble of all.
  void Fails(const ObjectKey& key, Error error);

  // Moved by copies until now.
  std::uint64_t bytes_copied() const { return transfer_.bytes_copied(); }

 private:
  void Done(const Decision& decision, std::uint64_t bytes = 0);
  void Settle(const Decision& decision, Status outcome);
  void Copy(const Decision& decision);
  void CopyFailed(const ObjectKey& key, Error error);
  void TakeDirectory(Decision decision);
  void MakeWay(const Decision& decision);
  Status MakeDirectory(const Decision& decision);
  Status SetAttributes(const Decision& decision, const ObjectInfo& there);
  Status FinishDirectory(Decision& decision);

  ObjectStore& destination() const { return options_.destination.store; }

  const ExecutorOptions options_;
  const CallPolicy& policy_;
  PassStop& stop_;
  SyncState& state_;
  StepLog& log_;
  const CompareRules rules_;
  RootCheck roots_;
  ByteBudget budget_;
  WorkPool parts_;
  Transfer transfer_;
  Directories directories_;
  std::optional<ObjectKey> blocked_;
};

}  // namespace skybridge
