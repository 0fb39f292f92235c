#include "fuse/directory_moves.h"

#include <algorithm>
#include <utility>

namespace skybridge::fuse {
namespace {

// `path` is the directory, or below it.
bool IsWithin(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

bool DirectoryMoves::InAMove(const Paths& paths) const {
  return std::ranges::any_of(moves_, [&](const Paths& directories) {
    return std::ranges::any_of(directories, [&](const std::string& directory) {
      return std::ranges::any_of(
          paths, [&](const std::string& path) { return IsWithin(path, directory); });
    });
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

void DirectoryMoves::BeginUse(const Paths& paths) {
  MutexLock lock(mutex_);
  while (InAMove(paths)) changed_.Wait(mutex_);
  uses_.insert(paths.begin(), paths.end());
}

void DirectoryMoves::EndUse(const Paths& paths) {
  MutexLock lock(mutex_);
  for (const std::string& path : paths) uses_.erase(uses_.find(path));
  if (!moves_.empty()) changed_.NotifyAll();
}

std::list<DirectoryMoves::Paths>::iterator DirectoryMoves::BeginMove(Paths paths) {
  MutexLock lock(mutex_);
  const auto meets_another = [&](const Paths& others) {
    return std::ranges::any_of(others, [&](const std::string& other) {
      return std::ranges::any_of(paths, [&](const std::string& path) {
        return IsWithin(path, other) || IsWithin(other, path);
      });
    });
  };
  while (std::ranges::any_of(moves_, meets_another)) changed_.Wait(mutex_);
  const auto entry = moves_.insert(moves_.end(), std::move(paths));
  while (IsUsed(*entry)) changed_.Wait(mutex_);
  return entry;
}

void DirectoryMoves::EndMove(std::list<Paths>::iterator entry) {
  MutexLock lock(mutex_);
  moves_.erase(entry);
  changed_.NotifyAll();
}

}  // namespace skybridge::fuse
