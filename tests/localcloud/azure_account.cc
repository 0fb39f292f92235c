#include "tests/localcloud/azure_account.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "core/encoding.h"
#include "core/log.h"
#include "core/time_text.h"
#include "tests/localcloud/azure_record.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr unsigned kNewDirectoryMode = 0777;
constexpr unsigned kDefaultUmask = 0027;

std::set<const void*> OwnersOf(const Content& content) {
  std::set<const void*> owners;
  for (const Slice& part : content.parts()) owners.insert(part.owner.get());
  return owners;
}

// Records of a durable storage are our own work: a broken one is not served around.
void DropWithComplaint(const Error& error) {
  Log(LogLevel::kError, "localcloud: a record of the data directory cannot be used: {}",
      error.ToString());
}

}  // namespace

std::string Container::quoted_etag() const { return fmt::format("\"0x{:X}\"", etag_ticks); }

Account::Account(std::string name, std::string key, bool hierarchical, Storage& storage)
    : name_(std::move(name)),
      key_(std::move(key)),
      hierarchical_(hierarchical),
      prefix_("azure/" + name_ + "/"),
      storage_(storage),
      queues_(prefix_, storage) {
  if (storage_.durable()) Load();
}

void Account::Subscribe(EventOptions events) {
  events_ = std::move(events);
  if (!events_.queue.empty() && queues_.Find(events_.queue) == nullptr)
    queues_.Create(events_.queue, {});
}

std::string Account::NextSequencer(WallTime now) { return fmt::format("{:032X}", NextTicks(now)); }

Container* Account::FindContainer(std::string_view name) {
  const auto found = containers_.find(name);
  return found == containers_.end() ? nullptr : found->second.get();
}

Container& Account::CreateContainer(std::string_view name, Metadata metadata, WallTime now) {
  auto container = std::make_unique<Container>();
  container->name = name;
  container->metadata = std::move(metadata);
  if (hierarchical_) {
    container->root = std::make_shared<Node>();
    container->root->directory = true;
    container->root->id = next_id_++;
    container->root->acl = Acl::FromMode(0750);
    container->root->created = now;
    Touch(*container->root, now);
    Save(*container, *container->root);
    container->tree = MakeHierarchicalTree(container->root);
  } else {
    container->tree = MakeFlatTree();
  }
  Touch(*container, now);
  SaveContainer(*container);
  return *(containers_[std::string(name)] = std::move(container));
}

void Account::SaveContainer(const Container& container) {
  if (storage_.durable())
    storage_.SetRecord(Key("c/" + container.name), ContainerToRecord(container));
}

void Account::DeleteContainer(std::string_view name) {
  Container& container = *FindContainer(name);
  container.tree->ForEach("", [&](const NodePtr& node) { Forget(*node); });
  while (!container.uncommitted.empty())
    DropBlocks(container, std::string(container.uncommitted.begin()->first), {});
  if (storage_.durable()) storage_.EraseRecord(Key("c/" + container.name));
  containers_.erase(containers_.find(name));
}

std::uint64_t Account::NextTicks(WallTime now) {
  last_ticks_ = std::max(TicksOf(now), last_ticks_ + 1);
  return last_ticks_;
}

void Account::Touch(Node& node, WallTime now) {
  if (!node.lease.active(now)) node.lease.Clear();  // a write ends what is left of a lost lease
  node.etag_ticks = NextTicks(now);
  node.last_modified = TimeOfTicks(node.etag_ticks);
}

void Account::Touch(Container& container, WallTime now) {
  container.etag_ticks = NextTicks(now);
  container.last_modified = TimeOfTicks(container.etag_ticks);
}

NodePtr Account::MakeDirectory(const Node& parent, WallTime now) {
  auto node = std::make_shared<Node>();
  node->directory = true;
  node->id = next_id_++;
  node->acl = parent.acl.ForChild(/*is_directory=*/true, kNewDirectoryMode, kDefaultUmask);
  node->group = parent.group;
  Touch(*node, now);
  node->created = node->last_modified;
  return node;
}

void Account::Insert(Container& container, std::string_view path, const NodePtr& node,
                     WallTime now) {
  std::vector<NodePtr> made;
  node->id = next_id_++;
  container.tree->Insert(path, node, [&](const Node& parent) {
    made.push_back(MakeDirectory(parent, now));
    return made.back();
  });
  for (const NodePtr& directory : made) Save(container, *directory);
}

void Account::Remove(Container& container, std::string_view path) {
  container.tree->ForEach(path, [&](const NodePtr& node) { Forget(*node); });
  container.tree->Remove(path);
}

void Account::RemoveOne(Container& container, std::string_view path) {
  Forget(*container.tree->Find(path));
  container.tree->RemoveOne(path);
}

void Account::Forget(Node& node) {
  if (!storage_.durable()) return;
  for (const auto& [time, snapshot] : node.snapshots) Forget(*snapshot);
  DropStaged(node);
  ReplaceContent(node, {});
  storage_.EraseRecord(NodeKey(node));
}

void Account::Move(Container& from, std::string_view from_path, Container& to,
                   std::string_view to_path) {
  std::vector<NodePtr> changed;
  if (hierarchical_ && &from == &to) {
    changed.push_back(from.tree->Find(from_path));
  } else {
    from.tree->ForEach(from_path, [&](const NodePtr& node) { changed.push_back(node); });
  }
  if (&from == &to) {
    from.tree->Move(from_path, to_path);
  } else {
    const NodePtr top = changed.front();
    from.tree->Remove(from_path);
    to.tree->Insert(to_path, top, nullptr);
  }
  for (const NodePtr& node : changed) Save(to, *node);
}

void Account::Save(const Container& container, const Node& node) {
  if (storage_.durable())
    storage_.SetRecord(NodeKey(node), NodeToRecord(node, container.name, storage_));
}

void Account::ReplaceContent(Node& node, Content content) {
  if (storage_.durable()) {
    const std::set<const void*> needed = OwnersOf(content);
    for (const Slice& part : node.content.parts()) {
      if (!needed.contains(part.owner.get())) storage_.Release(part);
    }
  }
  node.content = std::move(content);
}

void Account::Stage(const Node& node, std::uint64_t position) {
  if (!storage_.durable()) return;
  storage_.SetRecord(StagedKey(node, position), storage_.NameOf(node.staged.at(position)));
}

void Account::Unstage(Node& node, std::uint64_t position, bool release) {
  const auto found = node.staged.find(position);
  if (found == node.staged.end()) return;
  if (storage_.durable()) {
    storage_.EraseRecord(StagedKey(node, position));
    if (release) storage_.Release(found->second);
  }
  node.staged.erase(found);
}

void Account::DropStaged(Node& node) {
  while (!node.staged.empty()) Unstage(node, node.staged.begin()->first, /*release=*/true);
}

void Account::AddBlock(Container& container, std::string_view path, const std::string& id,
                       Slice bytes) {
  Slice& block = container.uncommitted[std::string(path)][id];
  if (storage_.durable()) {
    if (block.owner != nullptr) storage_.Release(block);
    storage_.SetRecord(BlockKey(container, path, id), storage_.NameOf(bytes));
  }
  block = std::move(bytes);
}

void Account::DropBlocks(Container& container, std::string_view path, const Content& kept) {
  const auto found = container.uncommitted.find(path);
  if (found == container.uncommitted.end()) return;
  if (storage_.durable()) {
    const std::set<const void*> needed = OwnersOf(kept);
    for (const auto& [id, block] : found->second) {
      storage_.EraseRecord(BlockKey(container, path, id));
      if (!needed.contains(block.owner.get())) storage_.Release(block);
    }
  }
  container.uncommitted.erase(found);
}

NodePtr Account::AddSnapshot(const Container& container, Node& node, Metadata metadata,
                             WallTime now) {
  auto snapshot = std::make_shared<Node>(node);
  snapshot->id = next_id_++;
  snapshot->snapshot_of = node.id;
  snapshot->snapshot = FormatRfc3339(TimeOfTicks(NextTicks(now)), 7);
  snapshot->snapshots.clear();
  snapshot->staged.clear();
  snapshot->lease.Clear();
  if (!metadata.empty()) snapshot->metadata = std::move(metadata);
  snapshot->content.Clear();
  for (const Slice& part : node.content.parts()) snapshot->content.Append(Duplicate(part));
  Save(container, *snapshot);
  node.snapshots[snapshot->snapshot] = snapshot;
  return snapshot;
}

void Account::RemoveSnapshot(Node& node, std::string_view time) {
  const auto found = node.snapshots.find(time);
  Forget(*found->second);
  node.snapshots.erase(found);
}

Slice Account::Duplicate(const Slice& slice) {
  return storage_.durable() ? storage_.Keep(std::string(slice.bytes)) : slice;
}

std::string Account::NodeKey(const Node& node) const {
  return Key(fmt::format("n/{:016x}", node.id));
}

std::string Account::StagedKey(const Node& node, std::uint64_t position) const {
  return Key(fmt::format("s/{:016x}/{}", node.id, position));
}

std::string Account::BlockKey(const Container& container, std::string_view path,
                              std::string_view id) const {
  return Key(
      fmt::format("b/{}/{}/{}", container.name, HexEncode(AsBytes(path)), HexEncode(AsBytes(id))));
}

void Account::Load() {
  storage_.ForEachRecord(Key("c/"), [&](std::string_view key, std::string_view record) {
    const std::string container_name(key.substr(prefix_.size() + 2));
    auto loaded = ContainerFromRecord(container_name, record);
    if (!loaded) return DropWithComplaint(loaded.error());
    last_ticks_ = std::max(last_ticks_, loaded->container->etag_ticks);
    containers_[container_name] = std::move(loaded->container);
  });
  LoadNodes();
  LoadBlocks();
}

void Account::LoadNodes() {
  std::unordered_map<std::uint64_t, LoadedNode> nodes;
  storage_.ForEachRecord(Key("n/"), [&](std::string_view, std::string_view record) {
    auto loaded = NodeFromRecord(record, storage_);
    if (!loaded) return DropWithComplaint(loaded.error());
    const std::uint64_t id = loaded->node->id;
    last_ticks_ = std::max(last_ticks_, loaded->node->etag_ticks);
    next_id_ = std::max(next_id_, id + 1);
    nodes.emplace(id, *std::move(loaded));
  });
  storage_.ForEachRecord(Key("s/"), [&](std::string_view key, std::string_view data_name) {
    const std::vector<std::string_view> fields = Split(key.substr(prefix_.size()), '/');
    const auto found = nodes.find(std::stoull(std::string(fields.at(1)), nullptr, 16));
    auto bytes = storage_.Find(data_name);
    if (found == nodes.end() || !bytes) return;
    found->second.node->staged[std::stoull(std::string(fields.at(2)))] = *std::move(bytes);
  });
  for (auto& [container_name, container] : containers_) {
    if (!hierarchical_) container->tree = MakeFlatTree();
  }
  for (auto& [id, loaded] : nodes) {
    Container* container = FindContainer(loaded.container);
    if (container == nullptr) continue;
    if (loaded.node->snapshot_of != 0) {
      const auto base = nodes.find(loaded.node->snapshot_of);
      if (base != nodes.end()) base->second.node->snapshots[loaded.node->snapshot] = loaded.node;
    } else if (!hierarchical_) {
      container->tree->Insert(std::string(loaded.node->name), loaded.node, nullptr);
    } else if (loaded.parent_id == 0) {
      container->root = loaded.node;
      container->tree = MakeHierarchicalTree(loaded.node);
    } else if (const auto parent = nodes.find(loaded.parent_id); parent != nodes.end()) {
      loaded.node->parent = parent->second.node.get();
      parent->second.node->children[loaded.node->name] = loaded.node;
    }
  }
  std::erase_if(containers_, [](const auto& entry) { return entry.second->tree == nullptr; });
}

void Account::LoadBlocks() {
  storage_.ForEachRecord(Key("b/"), [&](std::string_view key, std::string_view data_name) {
    const std::vector<std::string_view> fields = Split(key.substr(prefix_.size()), '/');
    Container* container = FindContainer(fields.at(1));
    auto bytes = storage_.Find(data_name);
    if (container == nullptr || !bytes) return;
    const auto path = HexDecode(fields.at(2));
    const auto id = HexDecode(fields.at(3));
    if (path && id) container->uncommitted[*path][*id] = *std::move(bytes);
  });
}

}  // namespace skybridge::localcloud::azure
