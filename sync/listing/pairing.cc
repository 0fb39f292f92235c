#include "sync/listing/pairing.h"

#include <utility>

namespace skybridge {
namespace {

// Negative: `a` comes first. A directory "d" and a file in it whose name is empty have one sort key.
int Order(const ObjectInfo& a, const ObjectInfo& b) {
  const int order = SortKey(a).compare(SortKey(b));
  return order != 0 ? order : (a.kind != NodeKind::kDirectory) - (b.kind != NodeKind::kDirectory);
}

bool IsBelow(const std::optional<ObjectInfo>& node, const ObjectKey& directory) {
  if (!node) return false;
  const std::string& path = node->key.path;
  const std::string& above = directory.path;
  return path.size() > above.size() && path[above.size()] == '/' && path.starts_with(above);
}

bool IsBelow(const std::optional<ObjectInfo>& node, const ObjectInfo& directory) {
  return directory.kind == NodeKind::kDirectory && IsBelow(node, directory.key);
}

Beside DirectoryOf(const ObjectKey& path, const std::optional<ObjectInfo>& given,
                   const std::optional<ObjectInfo>& next) {
  if (IsBelow(given, path) || IsBelow(next, path)) return Beside::kFilledDirectory;
  const bool listed = given && given->kind == NodeKind::kDirectory && given->key == path;
  return listed ? Beside::kEmptyDirectory : Beside::kNothing;
}

}  // namespace

Status Pairing::Side::Advance() {
  started = true;
  head = TRY(listing.Next());
  return {};
}

Beside Pairing::AtSource(const ObjectKey& path, const Pair& given) const {
  return DirectoryOf(path, given.source, source_.head);
}

Beside Pairing::AtDestination(const ObjectKey& path, const Pair& given) const {
  return DirectoryOf(path, given.destination, destination_.head);
}

Result<std::optional<Pair>> Pairing::Next() {
  if (!source_.started) TRY_VOID(source_.Advance());
  if (!destination_.started) TRY_VOID(destination_.Advance());
  if (!source_.head && !destination_.head) return std::optional<Pair>();
  int order = 0;
  if (!source_.head) {
    order = 1;
  } else if (!destination_.head) {
    order = -1;
  } else {
    order = Order(*source_.head, *destination_.head);
  }
  Pair pair;
  if (order <= 0) {
    pair.source = std::exchange(source_.head, std::nullopt);
    TRY_VOID(source_.Advance());
  }
  if (order >= 0) {
    pair.destination = std::exchange(destination_.head, std::nullopt);
    TRY_VOID(destination_.Advance());
  }
  const bool source_below = IsBelow(source_.head, pair.any());
  const bool destination_below = IsBelow(destination_.head, pair.any());
  pair.has_children = pair.source ? source_below : destination_below;
  pair.other_side_implies_it = order != 0 && (pair.source ? destination_below : source_below);
  return std::optional<Pair>(std::move(pair));
}

}  // namespace skybridge
