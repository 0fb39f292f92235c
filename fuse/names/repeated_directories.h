// RepeatedDirectories: the directories of a flat store's listing that may come again on a later page:
// by their marker on one, as what names have in common on another.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "backends/object_store.h"

namespace skybridge::fuse {

// For a listing of one level whose names come in bytewise order. Not safe from many threads. Keeps
// only directories that the names of the last page have not passed: they begin each other, so that
// there are no more of them than a name has bytes.
class RepeatedDirectories {
 public:
  bool MayRepeat(std::string_view name) const { return names_.contains(name); }
  void AddPage(const std::vector<ObjectInfo>& entries);
  std::size_t size() const { return names_.size(); }

 private:
  std::set<std::string, std::less<>> names_;
};

}  // namespace skybridge::fuse
