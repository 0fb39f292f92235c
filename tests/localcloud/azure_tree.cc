#include "tests/localcloud/azure_tree.h"

#include <utility>

#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

// "a/b/c" as {"a/b", "c"}; "c" as {"", "c"}.
std::pair<std::string_view, std::string_view> SplitLast(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::pair<std::string_view, std::string_view> SplitFirst(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {path, ""};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

class HierarchicalTree final : public Tree {
 public:
  explicit HierarchicalTree(NodePtr root) : root_(std::move(root)) {}

  NodePtr Find(std::string_view path) const override {
    NodePtr node = root_;
    for (const std::string_view name : Split(path, '/')) {
      const auto found = node->children.find(name);
      if (found == node->children.end()) return nullptr;
      node = found->second;
    }
    return node;
  }

  void Insert(std::string_view path, NodePtr node,
              const std::function<NodePtr(const Node& parent)>& make_directory) override {
    const auto [parents, name] = SplitLast(path);
    Node* parent = root_.get();
    for (const std::string_view step : Split(parents, '/')) {
      auto found = parent->children.find(step);
      if (found == parent->children.end()) {
        NodePtr directory = make_directory(*parent);
        Attach(*parent, step, directory);
        found = parent->children.find(step);
      }
      if (!found->second->directory) {
        Refuse(409, "PathConflict",
               "The specified path, or an element of the path, exists and its resource type is "
               "invalid.");
      }
      parent = found->second.get();
    }
    Attach(*parent, name, std::move(node));
  }

  void Remove(std::string_view path) override {
    const NodePtr node = Find(path);
    node->parent->children.erase(node->name);
    node->parent = nullptr;
  }

  void RemoveOne(std::string_view path) override { Remove(path); }

  void Move(std::string_view from, std::string_view to) override {
    const NodePtr node = Find(from);
    Remove(from);
    const auto [parents, name] = SplitLast(to);
    Attach(*Find(parents), name, node);
  }

  bool HasChildren(std::string_view path) const override { return !Find(path)->children.empty(); }

  ListPage List(const ListQuery& query) const override {
    const auto [directory_path, name_prefix] = SplitLast(query.prefix);
    const NodePtr directory = FindDirectory(directory_path);
    if (directory == nullptr) return {};
    const std::string base = directory_path.empty() ? "" : std::string(directory_path) + '/';
    std::string_view after = query.after;
    if (!after.empty()) after.remove_prefix(std::min(base.size(), after.size()));
    ListPage page;
    Walker walker{.query = query, .page = page};
    walker.Walk(*directory, base, name_prefix, after);
    return page;
  }

  void ForEach(std::string_view top,
               const std::function<void(const NodePtr&)>& visit) const override {
    if (const NodePtr node = Find(top)) Visit(node, visit);
  }

 private:
  // Fills one page, depth first. Walk returns false when the page is full.
  struct Walker {
    const ListQuery& query;
    ListPage& page;

    bool Walk(const Node& directory, const std::string& base, std::string_view name_prefix,
              std::string_view after) {
      const auto [first, rest] = SplitFirst(after);
      auto at = directory.children.lower_bound(after.empty() ? name_prefix : first);
      for (; at != directory.children.end() && at->first.starts_with(name_prefix); ++at) {
        const NodePtr& child = at->second;
        const std::string path = base + at->first;
        const bool listed_before = !after.empty() && at->first == first;
        if (!listed_before) {
          if (page.entries.size() == query.max) {
            page.next = page.entries.back().name;
            return false;
          }
          page.entries.push_back(
              {.name = path, .node = child, .prefix = query.delimited && child->directory});
        }
        if (!child->directory || query.delimited) continue;
        if (!Walk(*child, path + '/', "", listed_before ? rest : std::string_view())) return false;
      }
      return true;
    }
  };

  NodePtr FindDirectory(std::string_view path) const {
    NodePtr node = root_;
    for (const std::string_view name : Split(path, '/')) {
      const auto found = node->children.find(name);
      if (found == node->children.end()) return nullptr;
      node = found->second;
      if (!node->directory) {
        Refuse(409, "PathConflict",
               "The specified path, or an element of the path, exists and its resource type is "
               "invalid.");
      }
    }
    return node;
  }

  static void Attach(Node& parent, std::string_view name, NodePtr node) {
    node->parent = &parent;
    node->name = name;
    parent.children[std::string(name)] = std::move(node);
  }

  static void Visit(const NodePtr& node, const std::function<void(const NodePtr&)>& visit) {
    visit(node);
    for (const auto& [name, child] : node->children) Visit(child, visit);
  }

  const NodePtr root_;
};

class FlatTree final : public Tree {
 public:
  NodePtr Find(std::string_view path) const override {
    const auto found = nodes_.find(path);
    return found == nodes_.end() ? nullptr : found->second;
  }

  void Insert(std::string_view path, NodePtr node,
              const std::function<NodePtr(const Node&)>&) override {
    node->name = path;
    nodes_[std::string(path)] = std::move(node);
  }

  void Remove(std::string_view path) override {
    RemoveOne(path);
    const std::string below = std::string(path) + '/';
    auto at = nodes_.lower_bound(below);
    while (at != nodes_.end() && at->first.starts_with(below)) at = nodes_.erase(at);
  }

  void RemoveOne(std::string_view path) override {
    const auto found = nodes_.find(path);
    if (found != nodes_.end()) nodes_.erase(found);
  }

  void Move(std::string_view from, std::string_view to) override {
    std::vector<NodePtr> moving;
    ForEach(from, [&](const NodePtr& node) { moving.push_back(node); });
    for (const NodePtr& node : moving) {
      nodes_.erase(node->name);
      node->name = std::string(to) + node->name.substr(from.size());
      nodes_[node->name] = node;
    }
  }

  bool HasChildren(std::string_view path) const override {
    const std::string below = std::string(path) + '/';
    const auto at = nodes_.upper_bound(below);
    return at != nodes_.end() && at->first.starts_with(below);
  }

  // `next` is the last entry with 'b' (blob) or 'p' (prefix) in front: a blob may be called like a
  // prefix.
  ListPage List(const ListQuery& query) const override {
    ListPage page;
    auto at = Begin(query);
    while (at != nodes_.end() && at->first.starts_with(query.prefix)) {
      if (page.entries.size() == query.max) {
        const ListEntry& last = page.entries.back();
        page.next = (last.prefix ? 'p' : 'b') + last.name;
        return page;
      }
      const std::size_t slash =
          query.delimited ? at->first.find('/', query.prefix.size()) : std::string::npos;
      if (slash == std::string::npos) {
        page.entries.push_back({.name = at->first, .node = at->second});
        ++at;
      } else {
        page.entries.push_back({.name = at->first.substr(0, slash + 1), .prefix = true});
        at = nodes_.lower_bound(Past(page.entries.back().name));
      }
    }
    return page;
  }

  void ForEach(std::string_view top,
               const std::function<void(const NodePtr&)>& visit) const override {
    if (const NodePtr node = Find(top)) visit(node);
    const std::string below = top.empty() ? "" : std::string(top) + '/';
    for (auto at = nodes_.lower_bound(below); at != nodes_.end() && at->first.starts_with(below);
         ++at)
      visit(at->second);
  }

 private:
  using Nodes = std::map<std::string, NodePtr, std::less<>>;

  // The first name that does not begin with `prefix` (which ends with '/') any more.
  static std::string Past(std::string prefix) {
    prefix.back() = '/' + 1;
    return prefix;
  }

  Nodes::const_iterator Begin(const ListQuery& query) const {
    if (query.after.empty()) return nodes_.lower_bound(query.prefix);
    const std::string last = query.after.substr(1);
    return query.after.front() == 'p' ? nodes_.lower_bound(Past(last)) : nodes_.upper_bound(last);
  }

  Nodes nodes_;
};

}  // namespace

std::unique_ptr<Tree> MakeHierarchicalTree(NodePtr root) {
  return std::make_unique<HierarchicalTree>(std::move(root));
}
std::unique_ptr<Tree> MakeFlatTree() { return std::make_unique<FlatTree>(); }

}  // namespace skybridge::localcloud::azure
