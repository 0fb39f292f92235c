// ReferenceTree: what a file system shows, as a map from path to node, with the errno that each
// operation must have. The smallest thing that a mount can be compared with.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace skybridge::testing {

struct ReferenceNode {
  enum class Kind { kFile, kDirectory, kLink } kind = Kind::kFile;
  std::string content;  // of a link: its target
  unsigned mode = 0644;

  bool operator==(const ReferenceNode&) const = default;
};

// Paths are relative to the root, which is "" and always there. Every operation returns 0 or the
// errno of the system call, and changes nothing with an errno.
class ReferenceTree {
 public:
  int WriteWhole(const std::string& path, const std::string& content);
  int Append(const std::string& path, const std::string& bytes);
  int Truncate(const std::string& path, std::size_t size_bytes);
  int ChangeMode(const std::string& path, unsigned mode);
  int MakeDirectory(const std::string& path);
  int MakeLink(const std::string& path, const std::string& target);
  int Unlink(const std::string& path);
  int RemoveDirectory(const std::string& path);
  int Rename(const std::string& from, const std::string& to);

  // What somebody else has put there, or taken away: always done, over whatever stood there.
  void Put(const std::string& path, ReferenceNode node) { nodes_[path] = std::move(node); }
  void Remove(const std::string& path) { nodes_.erase(path); }

  const ReferenceNode* Find(const std::string& path) const;
  bool IsDirectory(const std::string& path) const;
  std::vector<std::string> NamesIn(const std::string& directory) const;  // sorted
  const std::map<std::string, ReferenceNode>& nodes() const { return nodes_; }

  static std::string ParentOf(const std::string& path);

 private:
  // The errno of looking for the parent of a path.
  int CheckParent(const std::string& path) const;
  // The errno of opening a file that is there for writing.
  int CheckFile(const std::string& path) const;
  bool HasChildren(const std::string& path) const;

  std::map<std::string, ReferenceNode> nodes_;
};

}  // namespace skybridge::testing
