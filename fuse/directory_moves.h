// DirectoryMoves: while a directory is renamed in the store, nothing else is asked or done there
// below its old and its new path: it would meet a tree that is half moved, or make the old path
// anew. Whoever reads or changes the store by the path of a name is a Use for just that request,
// and works out the path within it.
//
//   const DirectoryMoves::Use use(moves, {key});     // waits for a move above `key`
//   const DirectoryMoves::Move move(moves, {from, to});   // waits for the uses below
//
// A thread that has a Use or a Move takes no other.
#pragma once

#include <list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/mutex.h"

namespace skybridge::fuse {

// Safe from many threads. Paths are those of one remote after its name: "azure:a/b".
class DirectoryMoves {
 public:
  using Paths = std::vector<std::string>;

  class Use {
   public:
    Use(DirectoryMoves& moves, Paths paths) : moves_(moves), paths_(std::move(paths)) {
      moves_.BeginUse(paths_);
    }
    ~Use() { moves_.EndUse(paths_); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    DirectoryMoves& moves_;
    const Paths paths_;
  };

  class Move {
   public:
    Move(DirectoryMoves& moves, Paths paths) : moves_(moves) {
      entry_ = moves_.BeginMove(std::move(paths));
    }
    ~Move() { moves_.EndMove(entry_); }
    Move(const Move&) = delete;
    Move& operator=(const Move&) = delete;

   private:
    DirectoryMoves& moves_;
    std::list<Paths>::iterator entry_;
  };

 private:
  void BeginUse(const Paths& paths);
  void EndUse(const Paths& paths);
  std::list<Paths>::iterator BeginMove(Paths paths);
  void EndMove(std::list<Paths>::iterator entry);
  bool InAMove(const Paths& paths) const REQUIRES(mutex_);
  bool IsUsed(const Paths& directories) const REQUIRES(mutex_);

  Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::list<Paths> moves_ GUARDED_BY(mutex_);  // also those that still wait for uses to end
  std::multiset<std::string, std::less<>> uses_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
