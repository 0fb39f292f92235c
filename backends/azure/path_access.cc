#include "backends/azure/path_access.h"

#include <utility>

#include <fmt/format.h>

#include "backends/azure/account_ids.h"
#include "backends/azure/dfs_requests.h"

namespace skybridge::azure {
namespace {

constexpr int kMaxRounds = 5;

// The fields of `wanted` that differ from `has`; all empty: none does. An empty one asks nothing.
AccessControl Difference(const AccessControl& has, const AccessControl& wanted) {
  const auto changed = [](const std::string& a, const std::string& b) {
    return a == b ? std::string() : b;
  };
  return {.owner = changed(has.owner, wanted.owner),
          .group = changed(has.group, wanted.group),
          .acl = changed(has.acl, wanted.acl)};
}

bool IsOfDirectory(const AccessControl& access) {
  return access.acl.find("default:") != std::string::npos;
}

// Without the permissions that `most` has not.
AccessControl Narrowed(const AccessControl& access, std::uint32_t most) {
  const std::uint32_t mode = ModeOfAcl(access.acl);
  if ((mode & ~most) == 0) return {};
  return {.owner = {}, .group = {}, .acl = AclWithMode(access.acl, mode & most)};
}

}  // namespace

AccessControl PathAccess::After(AccessControl has, const AccessControl& change) {
  if (!change.owner.empty()) has.owner = change.owner;
  if (!change.group.empty()) has.group = change.group;
  if (!change.acl.empty()) has.acl = change.acl;
  return has;
}

std::string PathAccess::DfsUrl(const ObjectKey& key) const {
  const std::string name = blobs_.names().BlobName(key);
  return name.empty() ? blobs_.names().container_dfs_url() + "/" : blobs_.names().DfsUrl(name);
}

Result<AccessControl> PathAccess::Read(const ObjectKey& key, const CallContext& context) const {
  const HttpResponse response =
      TRY(blobs_.channel().Send(MakeGetAccessRequest(DfsUrl(key)), key, context));
  auto access = AccessFromHeaders(response.headers);
  if (!access) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("access of '{}': the answer has no access control list", key.path));
  }
  return *std::move(access);
}

Status PathAccess::Change(const ObjectKey& key, const AccessControl& has,
                          const AccessControl& wanted, const CallContext& context) const {
  const AccessControl difference = Difference(has, wanted);
  if (difference == AccessControl()) return {};
  auto response =
      blobs_.channel().Send(MakeSetAccessRequest(DfsUrl(key), difference), key, context);
  if (response) return {};
  Error error = std::move(response).error();
  if (error.code == ErrorCode::kPermissionDenied) {
    error.message +=
        "; to set owner, group and access control list takes the role Storage Blob Data Owner";
  }
  return Fail(std::move(error));
}

void PathAccess::Note(const ObjectKey& key, const AccessControl& access) const {
  MutexLock lock(mutex_);
  if (known_.size() >= kMaxKnown) known_.clear();
  known_[key.path] = access;
}

std::optional<AccessControl> PathAccess::Recall(const ObjectKey& key) const {
  MutexLock lock(mutex_);
  const auto found = known_.find(key.path);
  return found == known_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<AccessControl> PathAccess::RecallFresh(const ObjectKey& key) const {
  const MonotonicTime now = blobs_.channel().clock().Now();
  MutexLock lock(mutex_);
  const auto found = fresh_.find(key.parent().path);
  if (found == fresh_.end() || now - found->second.at > kFreshFor) return std::nullopt;
  return found->second.access;
}

// After another attempt the file may have been changed already.
Result<AccessControl> PathAccess::FreshOf(const ObjectKey& temporary,
                                          const CallContext& context) const {
  if (context.retried) return Read(temporary, context);
  if (auto fresh = RecallFresh(temporary)) return *std::move(fresh);
  AccessControl access = TRY(Read(temporary, context));
  const MonotonicTime now = blobs_.channel().clock().Now();
  MutexLock lock(mutex_);
  if (fresh_.size() >= kMaxKnown) fresh_.clear();
  fresh_[temporary.parent().path] = Fresh{.access = access, .at = now};
  return access;
}

Result<bool> PathAccess::IsLostByPut(const ObjectKey& key, const WantedAccess& wanted,
                                     const CallContext& context) const {
  const auto fresh = RecallFresh(key);
  const auto is_kept = [&](const AccessControl& access) {
    return fresh && Difference(*fresh, access) == AccessControl();
  };
  if (wanted.access) return !is_kept(*wanted.access);
  if (wanted.is_new) return wanted.most && !(fresh && is_kept(Narrowed(*fresh, *wanted.most)));
  if (const auto known = Recall(key); known && fresh && !is_kept(*known)) return true;
  const auto there = Read(key, context);
  if (!there && there.error().code == ErrorCode::kNotFound) return false;
  if (!there) return Fail(there.error());
  if (IsOfDirectory(*there)) return false;  // the Put will be refused
  Note(key, *there);
  return !is_kept(*there);
}

Status PathAccess::HandOver(const ObjectKey& key, const ObjectKey& temporary,
                            const WantedAccess& wanted, const CallContext& context) const {
  if (wanted.is_new && !wanted.access && !wanted.most) return {};
  AccessControl has = TRY(FreshOf(temporary, context));
  if (wanted.access) return Change(temporary, has, *wanted.access, context);
  if (wanted.is_new) return Change(temporary, has, Narrowed(has, *wanted.most), context);
  if (const auto known = Recall(key); known && !IsOfDirectory(*known)) {
    TRY_VOID(Change(temporary, has, *known, context));
    has = After(std::move(has), *known);
  }
  for (int round = 0; round < kMaxRounds; ++round) {
    const auto there = Read(key, context);
    if (!there && there.error().code == ErrorCode::kNotFound) {
      return wanted.most ? Change(temporary, has, Narrowed(has, *wanted.most), context) : Status();
    }
    if (!there) return Fail(there.error());
    if (IsOfDirectory(*there))
      return Fail(ErrorCode::kIsDirectory, fmt::format("'{}' is a directory", key.path));
    Note(key, *there);
    if (Difference(has, *there) == AccessControl()) return {};
    TRY_VOID(Change(temporary, has, *there, context));
    has = After(std::move(has), *there);
  }
  return Fail(Error{.code = ErrorCode::kConflict,
                    .message = fmt::format("the access control list of '{}' changes faster than it "
                                           "can be kept",
                                           key.path),
                    .retryable = true});
}

}  // namespace skybridge::azure
