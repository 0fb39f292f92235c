// The names of one container: where each file and directory stands. A hierarchical account has real
// directories that are renamed in one step; a flat account has one ordered list of names. Guarded
// by AzureService's mutex.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/localcloud/azure_node.h"

namespace skybridge::localcloud::azure {

struct ListQuery {
  std::string prefix;
  bool delimited = false;  // stop at '/': one level
  std::string after;       // `next` of the page before; "" begins
  std::size_t max = 5000;  // entries, prefixes included
};

struct ListEntry {
  std::string name;  // whole path; no slash at the end of a real directory
  NodePtr node;      // null for a prefix of a flat account
  bool prefix =
      false;  // of a delimited listing: a real directory, or a common prefix (ends with '/')
};

struct ListPage {
  std::vector<ListEntry> entries;
  std::string next;  // "" at the end
};

class Tree {
 public:
  virtual ~Tree() = default;
  // The node of that path; null when there is none. "" is the root directory (null in a flat
  // account).
  virtual NodePtr Find(std::string_view path) const = 0;
  // Puts `node` at a path that is free. Missing parents are made by `make_directory`. Throws
  // Refusal 409 PathConflict when a parent is a file.
  virtual void Insert(std::string_view path, NodePtr node,
                      const std::function<NodePtr(const Node& parent)>& make_directory) = 0;
  // Takes the node, and everything below it, out of the tree.
  virtual void Remove(std::string_view path) = 0;
  // Takes out that one node, which has no children in a hierarchical account.
  virtual void RemoveOne(std::string_view path) = 0;
  // Moves what stands at `from` to `to`, which is free and whose parent exists.
  virtual void Move(std::string_view from, std::string_view to) = 0;
  virtual bool HasChildren(std::string_view path) const = 0;
  // A parent before its children, siblings in byte order. Throws Refusal when a file stands in the
  // prefix's way.
  virtual ListPage List(const ListQuery& query) const = 0;
  // Every node below `top` and `top` itself, parents first.
  virtual void ForEach(std::string_view top,
                       const std::function<void(const NodePtr&)>& visit) const = 0;
};

// `root` is the root directory's node.
std::unique_ptr<Tree> MakeHierarchicalTree(NodePtr root);
std::unique_ptr<Tree> MakeFlatTree();

}  // namespace skybridge::localcloud::azure
