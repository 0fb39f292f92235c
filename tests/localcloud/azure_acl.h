// POSIX access control lists of a hierarchical account: text forms, modes, and what a child takes
// from its parent. Source: Azure documentation: Access control lists in Azure Data Lake Storage;
// REST: Path - Create, Path - Update.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skybridge::localcloud::azure {

enum class AclType { kUser, kGroup, kMask, kOther };

struct AclEntry {
  bool is_default = false;
  AclType type = AclType::kUser;
  std::string id;     // "" for the owner, the owning group, mask and other
  unsigned bits = 0;  // rwx as 4, 2, 1

  bool SameSubject(const AclEntry& other) const {
    return is_default == other.is_default && type == other.type && id == other.id;
  }
};

class Acl {
 public:
  // The three base entries of a mode like 0750.
  static Acl FromMode(unsigned mode);

  // "rwxr-x--T" and a "+" when there are named entries or a mask.
  std::string Permissions() const;
  std::string Text() const;     // x-ms-acl
  unsigned mode() const;        // base classes and the sticky bit; the mask stands for the group
  void SetMode(unsigned mode);  // chmod: owner, mask (or group), other, sticky
  bool extended() const;

  // These throw Refusal 400 for a malformed text and for more than 32 entries of one kind, and then
  // change nothing. What a text leaves out of a list is completed: owner, owning group and other of
  // the access list from what they were (the whole access list when the text has only default
  // entries), those of the default list from the access list, a mask where there are named entries.
  // Source: Microsoft's own ACL tests of Hadoop's driver, 2026-11-29; nobody has asked the service.
  void Set(std::string_view text, bool is_directory);  // the whole list
  void Modify(std::string_view text, bool is_directory);
  void Remove(std::string_view text, bool is_directory);  // entries without permissions

  // The list of a new child: the parent's default entries, cut down to `mode`, when it has any, else
  // `mode` after `umask`. So files get no x of a directory's entries, as POSIX has it (Microsoft's
  // own ACL tests of Hadoop's driver, 2026-11-29).
  Acl ForChild(bool is_directory, unsigned mode, unsigned umask) const;

 private:
  AclEntry* Find(bool is_default, AclType type);
  const AclEntry* Find(bool is_default, AclType type) const;
  void Complete(const Acl& before);
  void CutDown(unsigned mode);
  void FixMask(bool is_default);
  void CheckCounts(std::string_view text) const;
  void Sort();

  std::vector<AclEntry> entries_;
  bool sticky_ = false;
};

// "0750", "1777" or "rwxr-x---" (with t, T and a trailing "+"). Throws Refusal 400.
unsigned ParsePermissions(std::string_view text);
unsigned ParseUmask(std::string_view text);
// Of an x-ms-acl text, the entries that a file can have: not the default ones.
std::string AccessEntriesOf(std::string_view text);

}  // namespace skybridge::localcloud::azure
