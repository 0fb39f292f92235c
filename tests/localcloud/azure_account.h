// One storage account: its containers and what stands in them, and its queues, kept in a Storage so
// that a durable one brings everything back after a restart. Everything here is guarded by
// AzureService's mutex, which it holds around a handler.
//
// Records (keys begin with "azure/ACCOUNT/"):
//   c/NAME                        a container: ETag, metadata, id of its root directory
//   n/ID                          a node: its container, parent's id, name, properties, and the
//                                 names of its data parts; of a snapshot also its time and whose it is
//   s/ID/POSITION                 appended, not yet flushed bytes of a node
//   b/CONTAINER/HEX(PATH)/HEX(ID) an uncommitted block
//   (queues: azure_queue.h)
// A renamed directory is one changed record, because nodes name their parent by id.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "tests/localcloud/azure_event_options.h"
#include "tests/localcloud/azure_node.h"
#include "tests/localcloud/azure_queue.h"
#include "tests/localcloud/azure_tree.h"
#include "tests/localcloud/storage.h"

namespace skybridge::localcloud::azure {

struct Container {
  std::string name;
  std::uint64_t etag_ticks = 0;
  WallTime last_modified{};
  Metadata metadata;
  Lease lease;
  NodePtr root;  // of a hierarchical account
  std::unique_ptr<Tree> tree;
  // Put Block without Put Block List so far: path -> block id -> bytes.
  std::map<std::string, std::map<std::string, Slice>, std::less<>> uncommitted;

  std::string quoted_etag() const;
};

class Account {
 public:
  // Loads what `storage` (which outlives it) has of the account. `key` is decoded.
  Account(std::string name, std::string key, bool hierarchical, Storage& storage);

  const std::string& name() const { return name_; }
  const std::string& key() const { return key_; }
  bool hierarchical() const { return hierarchical_; }

  const std::map<std::string, std::unique_ptr<Container>, std::less<>>& containers() const {
    return containers_;
  }
  Queues& queues() { return queues_; }
  // Where its events go; the queue is made when it is not there.
  void Subscribe(EventOptions events);
  const EventOptions& events() const { return events_; }
  // Larger, as a text, than every one before: tells which of two events of one name came later.
  std::string NextSequencer(WallTime now);

  Container* FindContainer(std::string_view name);  // nullptr when there is none
  Container& CreateContainer(std::string_view name, Metadata metadata, WallTime now);
  void SaveContainer(const Container& container);
  void DeleteContainer(std::string_view name);

  // A new ETag, later than every one before, and the Last-Modified that goes with it.
  void Touch(Node& node, WallTime now);
  void Touch(Container& container, WallTime now);

  // A node in `container` at a path that is free; missing parents are made, too. The caller saves
  // the node.
  void Insert(Container& container, std::string_view path, const NodePtr& node, WallTime now);
  void Remove(Container& container, std::string_view path);     // with all that is below
  void RemoveOne(Container& container, std::string_view path);  // that node alone
  // Moves within the account; the destination is free and has a parent.
  void Move(Container& from, std::string_view from_path, Container& to, std::string_view to_path);
  void Save(const Container& container, const Node& node);

  // New data for a node (the caller saves it); parts that are no longer used are given up.
  void ReplaceContent(Node& node, Content content);
  void Stage(const Node& node, std::uint64_t position);  // after node.staged[position] was set
  void Unstage(Node& node, std::uint64_t position,
               bool release);  // release: the bytes are not needed
  void DropStaged(Node& node);

  void AddBlock(Container& container, std::string_view path, const std::string& id, Slice bytes);
  // Takes the uncommitted blocks of a path away; those not in `kept` are given up.
  void DropBlocks(Container& container, std::string_view path, const Content& kept);

  // A copy of the node as it is, kept beside it (saved), and where it is found in node.snapshots.
  // `metadata` replaces the node's own unless it is empty.
  NodePtr AddSnapshot(const Container& container, Node& node, Metadata metadata, WallTime now);
  void RemoveSnapshot(Node& node, std::string_view time);

  // Bytes of one node for another: shared in memory, a copy of their own in a durable storage.
  Slice Duplicate(const Slice& slice);

 private:
  std::string Key(std::string_view rest) const { return prefix_ + std::string(rest); }
  std::string NodeKey(const Node& node) const;
  std::string StagedKey(const Node& node, std::uint64_t position) const;
  std::string BlockKey(const Container& container, std::string_view path,
                       std::string_view id) const;
  std::uint64_t NextTicks(WallTime now);
  NodePtr MakeDirectory(const Node& parent, WallTime now);
  void Forget(Node& node);
  void Load();
  void LoadNodes();
  void LoadBlocks();

  const std::string name_;
  const std::string key_;
  const bool hierarchical_;
  const std::string prefix_;
  Storage& storage_;
  std::map<std::string, std::unique_ptr<Container>, std::less<>> containers_;
  Queues queues_;
  EventOptions events_;
  std::uint64_t last_ticks_ = 0;
  std::uint64_t next_id_ = 1;
};

}  // namespace skybridge::localcloud::azure
