#include "tests/model/reference_tree.h"

#include <cerrno>
#include <utility>

namespace skybridge::testing {

using Kind = ReferenceNode::Kind;

std::string ReferenceTree::ParentOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

const ReferenceNode* ReferenceTree::Find(const std::string& path) const {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : &found->second;
}

bool ReferenceTree::IsDirectory(const std::string& path) const {
  if (path.empty()) return true;
  const ReferenceNode* const node = Find(path);
  return node != nullptr && node->kind == Kind::kDirectory;
}

bool ReferenceTree::HasChildren(const std::string& path) const {
  const auto next = nodes_.lower_bound(path + "/");
  return next != nodes_.end() && next->first.starts_with(path + "/");
}

std::vector<std::string> ReferenceTree::NamesIn(const std::string& directory) const {
  std::vector<std::string> names;
  const std::string prefix = directory.empty() ? "" : directory + "/";
  for (const auto& [path, node] : nodes_) {
    if (!path.starts_with(prefix)) continue;
    const std::string name = path.substr(prefix.size());
    if (name.find('/') == std::string::npos) names.push_back(name);
  }
  return names;
}

int ReferenceTree::CheckParent(const std::string& path) const {
  const std::string parent = ParentOf(path);
  if (parent.empty()) return 0;
  if (const int error = CheckParent(parent)) return error;
  const ReferenceNode* const node = Find(parent);
  if (node == nullptr || node->kind == Kind::kLink) return ENOENT;  // links lead nowhere
  return node->kind == Kind::kDirectory ? 0 : ENOTDIR;
}

int ReferenceTree::CheckFile(const std::string& path) const {
  if (const int error = CheckParent(path)) return error;
  const ReferenceNode* const node = Find(path);
  if (node == nullptr) return ENOENT;
  if (node->kind == Kind::kDirectory) return EISDIR;
  return node->kind == Kind::kLink ? ELOOP : 0;  // O_NOFOLLOW
}

int ReferenceTree::WriteWhole(const std::string& path, const std::string& content) {
  const int error = CheckFile(path);
  if (error != 0 && error != ENOENT) return error;
  if (error == ENOENT && CheckParent(path) != 0) return ENOENT;
  nodes_[path].content = content;
  return 0;
}

int ReferenceTree::Append(const std::string& path, const std::string& bytes) {
  if (const int error = CheckFile(path)) return error;
  nodes_[path].content += bytes;
  return 0;
}

int ReferenceTree::Truncate(const std::string& path, std::size_t size_bytes) {
  if (const int error = CheckFile(path)) return error;
  nodes_[path].content.resize(size_bytes, '\0');
  return 0;
}

int ReferenceTree::ChangeMode(const std::string& path, unsigned mode) {
  if (const int error = CheckParent(path)) return error;
  const ReferenceNode* const node = Find(path);
  if (node == nullptr) return ENOENT;
  nodes_[path].mode = mode;
  return 0;
}

int ReferenceTree::MakeDirectory(const std::string& path) {
  if (const int error = CheckParent(path)) return error;
  if (Find(path) != nullptr) return EEXIST;
  nodes_[path] = {.kind = Kind::kDirectory, .content = {}, .mode = 0755};
  return 0;
}

int ReferenceTree::MakeLink(const std::string& path, const std::string& target) {
  if (const int error = CheckParent(path)) return error;
  if (Find(path) != nullptr) return EEXIST;
  nodes_[path] = {.kind = Kind::kLink, .content = target, .mode = 0777};
  return 0;
}

int ReferenceTree::Unlink(const std::string& path) {
  if (const int error = CheckParent(path)) return error;
  const ReferenceNode* const node = Find(path);
  if (node == nullptr) return ENOENT;
  if (node->kind == Kind::kDirectory) return EISDIR;
  nodes_.erase(path);
  return 0;
}

int ReferenceTree::RemoveDirectory(const std::string& path) {
  if (const int error = CheckParent(path)) return error;
  const ReferenceNode* const node = Find(path);
  if (node == nullptr) return ENOENT;
  if (node->kind != Kind::kDirectory) return ENOTDIR;
  if (HasChildren(path)) return ENOTEMPTY;
  nodes_.erase(path);
  return 0;
}

int ReferenceTree::Rename(const std::string& from, const std::string& to) {
  if (const int error = CheckParent(from)) return error;
  if (const int error = CheckParent(to)) return error;
  const ReferenceNode* const source = Find(from);
  if (source == nullptr) return ENOENT;
  if (from == to) return 0;
  if (to.starts_with(from + "/")) return EINVAL;
  if (from.starts_with(to + "/")) return ENOTEMPTY;
  const bool directory = source->kind == Kind::kDirectory;
  if (const ReferenceNode* const target = Find(to)) {
    const bool onto_directory = target->kind == Kind::kDirectory;
    if (directory && !onto_directory) return ENOTDIR;
    if (!directory && onto_directory) return EISDIR;
    if (onto_directory && HasChildren(to)) return ENOTEMPTY;
  }
  std::map<std::string, ReferenceNode> moved;
  for (auto it = nodes_.begin(); it != nodes_.end();) {
    const bool goes = it->first == from || it->first.starts_with(from + "/");
    if (goes) moved.emplace(to + it->first.substr(from.size()), std::move(it->second));
    it = goes ? nodes_.erase(it) : std::next(it);
  }
  for (auto& [path, node] : moved) nodes_[path] = std::move(node);
  return 0;
}

}  // namespace skybridge::testing
