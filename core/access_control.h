// AccessControl: owner, group and access control list of a path in an Azure account with
// hierarchical namespace, in the account's own words. Vocabulary for stores and caches.
#pragma once

#include <string>

namespace skybridge {

struct AccessControl {
  std::string owner;  // an object id of Entra ID, or "$superuser"; empty: not told
  std::string group;
  std::string acl;  // "user::rw-,user:OBJECT-ID:r--,group::r--,mask::r--,other::---"

  bool operator==(const AccessControl&) const = default;
};

}  // namespace skybridge
