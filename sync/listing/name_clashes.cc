#include "sync/listing/name_clashes.h"

#include <string>
#include <utility>

namespace skybridge {

Result<std::optional<Pair>> NameClashes::Next() {
  while (ready_.empty()) {
    std::optional<Pair> pair = TRY(pairing_.Next());
    if (!pair) {
      if (held_.empty()) return pair;
      ready_.push_back(std::move(held_.back()));
      held_.pop_back();
      break;
    }
    ReleaseBefore(*pair);
    if (pair->any().kind == NodeKind::kDirectory) {
      ready_.push_back(*std::move(pair));
    } else {
      held_.push_back(*std::move(pair));
    }
  }
  std::optional<Pair> next = std::move(ready_.front());
  ready_.pop_front();
  return next;
}

// Of the held files, those whose directory comes now or can come no more.
void NameClashes::ReleaseBefore(const Pair& pair) {
  const std::string name = SortKey(pair.any());
  while (!held_.empty()) {
    Pair& file = held_.back();
    const ObjectKey key = file.any().key;
    const std::string directory = key.path + "/";
    if (name.starts_with(directory)) {
      file.beside_source = pairing_.AtSource(key, pair);
      file.beside_destination = pairing_.AtDestination(key, pair);
    } else if (name < directory) {
      return;
    }
    ready_.push_back(std::move(file));
    held_.pop_back();
  }
}

}  // namespace skybridge
