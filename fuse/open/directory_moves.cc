#include "fuse/open/directory_moves.h"

#include <algorithm>
#include <utility>

#include "core/call_wait.h"

namespace skybridge::fuse {
namespace {

// `path` is the directory, or below it.
bool IsWithin(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

bool AnyIsWithin(const DirectoryMoves::Paths& paths, const DirectoryMoves::Paths& directories) {
  return std::ranges::any_of(directories, [&](const std::string& directory) {
    return std::ranges::any_of(paths,
                               [&](const std::string& path) { return IsWithin(path, directory); });
  });
}

}  // namespace

bool DirectoryMoves::InAMove(const Paths& paths) const {
  return std::ranges::any_of(
      moves_, [&](const Paths& directories) { return AnyIsWithin(paths, directories); });
}

bool DirectoryMoves::MeetsAMove(const Paths& directories) const {
  return InAMove(directories) || std::ranges::any_of(moves_, [&](const Paths& others) {
           return AnyIsWithin(others, directories);
         });
}

bool DirectoryMoves::IsUsed(const Paths& directories) const {
  for (const std::string& directory : directories) {
    const auto below = uses_.lower_bound(directory + "/");
    if (uses_.contains(directory) || (below != uses_.end() && IsWithin(*below, directory)))
      return true;
  }
  return false;
}

Result<std::unique_ptr<DirectoryMoves::Use>> DirectoryMoves::Use::Begin(
    DirectoryMoves& moves, Paths paths, const CallContext& context) {
  TRY_VOID(moves.BeginUse(paths, context));
  return std::unique_ptr<Use>(new Use(moves, std::move(paths)));
}

Status DirectoryMoves::BeginUse(const Paths& paths, const CallContext& context) {
  MutexLock lock(mutex_);
  while (InAMove(paths))
    TRY_VOID(WaitWithin(context, clock_, changed_, mutex_, "the rename of a directory above"));
  uses_.insert(paths.begin(), paths.end());
  return {};
}

void DirectoryMoves::EndUse(const Paths& paths) {
  MutexLock lock(mutex_);
  for (const std::string& path : paths) uses_.erase(uses_.find(path));
  if (!moves_.empty()) changed_.NotifyAll();
}

Result<std::unique_ptr<DirectoryMoves::Move>> DirectoryMoves::Move::Begin(
    DirectoryMoves& moves, Paths paths, const CallContext& context) {
  const auto entry = TRY(moves.Announce(std::move(paths), context));
  std::unique_ptr<Move> move(new Move(moves, entry));  // ended again if the wait fails
  TRY_VOID(moves.WaitForUses(*entry, context));
  return move;
}

// From here on no new use begins there: else the move could wait for ever.
Result<std::list<DirectoryMoves::Paths>::iterator> DirectoryMoves::Announce(
    Paths paths, const CallContext& context) {
  MutexLock lock(mutex_);
  while (MeetsAMove(paths))
    TRY_VOID(WaitWithin(context, clock_, changed_, mutex_, "another rename of the directory"));
  return moves_.insert(moves_.end(), std::move(paths));
}

Status DirectoryMoves::WaitForUses(const Paths& directories, const CallContext& context) {
  MutexLock lock(mutex_);
  while (IsUsed(directories))
    TRY_VOID(WaitWithin(context, clock_, changed_, mutex_, "a request below the directory"));
  return {};
}

void DirectoryMoves::EndMove(std::list<Paths>::iterator entry) {
  MutexLock lock(mutex_);
  moves_.erase(entry);
  changed_.NotifyAll();
}

}  // namespace skybridge::fuse
