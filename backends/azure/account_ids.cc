#include "backends/azure/account_ids.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace skybridge::azure {
namespace {

constexpr std::string_view kUser = "user::";
constexpr std::string_view kGroup = "group::";
constexpr std::string_view kMask = "mask::";
constexpr std::string_view kOther = "other::";

std::vector<std::string> EntriesOf(std::string_view acl) {
  std::vector<std::string> entries;
  while (!acl.empty()) {
    const std::string_view entry = acl.substr(0, acl.find(','));
    acl.remove_prefix(std::min(acl.size(), entry.size() + 1));
    entries.emplace_back(entry);
  }
  return entries;
}

std::uint32_t BitsOf(std::string_view rwx) {
  std::uint32_t bits = 0;
  if (rwx.find('r') != std::string_view::npos) bits |= 4;
  if (rwx.find('w') != std::string_view::npos) bits |= 2;
  if (rwx.find('x') != std::string_view::npos) bits |= 1;
  return bits;
}

std::string TextOf(std::uint32_t bits) {
  std::string text = "---";
  if ((bits & 4) != 0) text[0] = 'r';
  if ((bits & 2) != 0) text[1] = 'w';
  if ((bits & 1) != 0) text[2] = 'x';
  return text;
}

bool HasMask(const std::vector<std::string>& entries) {
  return std::any_of(entries.begin(), entries.end(),
                     [](const std::string& entry) { return entry.starts_with(kMask); });
}

// The object id of `id`; nothing if the table has none.
std::optional<std::string> ObjectIdOf(const std::map<std::string, std::uint32_t>& table,
                                      std::uint32_t id) {
  for (const auto& [object_id, number] : table) {
    if (number == id) return object_id;
  }
  return std::nullopt;
}

std::uint32_t NumberOf(const std::map<std::string, std::uint32_t>& table,
                       const std::string& object_id, std::uint32_t otherwise) {
  const auto found = table.find(object_id);
  return found == table.end() ? otherwise : found->second;
}

// Nothing to change: empty.
Result<std::string> OwnerAsWanted(const std::map<std::string, std::uint32_t>& table,
                                  std::uint32_t shown, std::optional<std::uint32_t> wanted,
                                  std::string_view what) {
  if (!wanted || shown == *wanted) return std::string();
  auto object_id = ObjectIdOf(table, *wanted);
  if (object_id) return *std::move(object_id);
  return Fail(ErrorCode::kPermissionDenied,
              fmt::format("{} {} has no object id in the configuration", what, *wanted));
}

}  // namespace

std::uint32_t ModeOfAcl(std::string_view acl) {
  const std::vector<std::string> entries = EntriesOf(acl);
  const std::string_view group = HasMask(entries) ? kMask : kGroup;
  std::uint32_t mode = 0;
  for (const std::string& entry : entries) {
    const auto bits = [&](std::string_view prefix) {
      return BitsOf(std::string_view(entry).substr(prefix.size()));
    };
    if (entry.starts_with(kUser)) mode |= bits(kUser) << 6;
    if (entry.starts_with(group)) mode |= bits(group) << 3;
    if (entry.starts_with(kOther)) mode |= bits(kOther);
  }
  return mode;
}

std::string AclWithMode(std::string_view acl, std::uint32_t mode) {
  std::vector<std::string> entries = EntriesOf(acl);
  const std::string_view group = HasMask(entries) ? kMask : kGroup;
  for (std::string& entry : entries) {
    const auto set = [&](std::string_view prefix, std::uint32_t bits) {
      if (entry.starts_with(prefix)) entry = std::string(prefix) + TextOf(bits & 7);
    };
    set(kUser, mode >> 6);
    set(group, mode >> 3);
    set(kOther, mode);
  }
  return fmt::format("{}", fmt::join(entries, ","));
}

void ShowAccess(const AccountIds& ids, NodeKind kind, Attributes& attributes) {
  attributes.mode.reset();
  attributes.uid.reset();
  attributes.gid.reset();
  if (!attributes.access) return;
  if (kind != NodeKind::kSymlink) attributes.mode = ModeOfAcl(attributes.access->acl);
  attributes.uid = NumberOf(ids.users, attributes.access->owner, ids.default_uid);
  attributes.gid = NumberOf(ids.groups, attributes.access->group, ids.default_gid);
}

Result<AccessControl> AccessAsWanted(const AccountIds& ids, const AccessControl& has,
                                     const Attributes& wanted) {
  AccessControl change;
  if (wanted.mode && (*wanted.mode & ~0777U) != 0) {
    return Fail(ErrorCode::kNotSupported,
                "an account keeps no set-user-ID, set-group-ID and sticky bits of a list");
  }
  if (wanted.mode && *wanted.mode != ModeOfAcl(has.acl))
    change.acl = AclWithMode(has.acl, *wanted.mode);
  const std::uint32_t uid = NumberOf(ids.users, has.owner, ids.default_uid);
  const std::uint32_t gid = NumberOf(ids.groups, has.group, ids.default_gid);
  change.owner = TRY(OwnerAsWanted(ids.users, uid, wanted.uid, "user"));
  change.group = TRY(OwnerAsWanted(ids.groups, gid, wanted.gid, "group"));
  return change;
}

}  // namespace skybridge::azure
