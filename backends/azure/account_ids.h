// AccountIds: how the permissions of a hierarchical account look to POSIX programs, and back: modes
// for access control lists, uids and gids for object ids. You need it where a remote says
// "permissions": "account". Pure; safe from many threads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "backends/object_store.h"

namespace skybridge::azure {

// The table of the configuration: object ids of Entra ID, or "$superuser", by name.
struct AccountIds {
  std::map<std::string, std::uint32_t> users;
  std::map<std::string, std::uint32_t> groups;
  // Of ids that are not in the table: the user who runs skybridge.
  std::uint32_t default_uid = 0;
  std::uint32_t default_gid = 0;
};

// Permission bits of an access control list: the mask stands for the group, as in POSIX.
std::uint32_t ModeOfAcl(std::string_view acl);
// The list after a chmod to `mode`; named and default entries stay.
std::string AclWithMode(std::string_view acl, std::uint32_t mode);

// Mode, owner and group of `attributes` become those of its access; none without it.
void ShowAccess(const AccountIds& ids, NodeKind kind, Attributes& attributes);

// What `wanted` asks of a path that has `has`: the fields that must be changed, empty where there is
// nothing to do. Errors: kPermissionDenied for an owner or
// group that is not in the table, kNotSupported for set-id bits and the sticky bit.
Result<AccessControl> AccessAsWanted(const AccountIds& ids, const AccessControl& has,
                                     const Attributes& wanted);

}  // namespace skybridge::azure
