// DirectoryMoves: while a directory is renamed in the store, nothing else is asked or done there
// below its old and its new path: it would meet a tree that is half moved, or make the old path
// anew. Whoever reads or changes the store by the path of a name is a Use for just that request,
// and works out the path within it.
//
//   // No move above `key` while it lives:
//   const auto use = TRY(DirectoryMoves::Use::Begin(moves, {key}, context));
//   // No use below `from` or `to` while it lives:
//   const auto move = TRY(DirectoryMoves::Move::Begin(moves, {from, to}, context));
//
// Begin waits. Errors: kTimedOut, kCancelled. A thread that has a Use or a Move takes no other.
#pragma once

#include <list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/call_context.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"

namespace skybridge::fuse {

// Safe from many threads. Paths are those of one remote after its name: "azure:a/b".
class DirectoryMoves {
 public:
  using Paths = std::vector<std::string>;

  class Use {
   public:
    static Result<std::unique_ptr<Use>> Begin(DirectoryMoves& moves, Paths paths,
                                              const CallContext& context);
    ~Use() { moves_.EndUse(paths_); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    Use(DirectoryMoves& moves, Paths paths) : moves_(moves), paths_(std::move(paths)) {}

    DirectoryMoves& moves_;
    const Paths paths_;
  };

  class Move {
   public:
    static Result<std::unique_ptr<Move>> Begin(DirectoryMoves& moves, Paths paths,
                                               const CallContext& context);
    ~Move() { moves_.EndMove(entry_); }
    Move(const Move&) = delete;
    Move& operator=(const Move&) = delete;

   private:
    Move(DirectoryMoves& moves, std::list<Paths>::iterator entry) : moves_(moves), entry_(entry) {}

    DirectoryMoves& moves_;
    const std::list<Paths>::iterator entry_;
  };

  explicit DirectoryMoves(const Clock& clock) : clock_(clock) {}

 private:
  Status BeginUse(const Paths& paths, const CallContext& context);
  void EndUse(const Paths& paths);
  Result<std::list<Paths>::iterator> Announce(Paths paths, const CallContext& context);
  Status WaitForUses(const Paths& directories, const CallContext& context);
  void EndMove(std::list<Paths>::iterator entry);
  bool MeetsAMove(const Paths& directories) const REQUIRES(mutex_);
  bool InAMove(const Paths& paths) const REQUIRES(mutex_);
  bool IsUsed(const Paths& directories) const REQUIRES(mutex_);

  const Clock& clock_;
  Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::list<Paths> moves_ GUARDED_BY(mutex_);  // also those that still wait for uses to end
  std::multiset<std::string, std::less<>> uses_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
