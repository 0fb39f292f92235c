// PathAccess: owner, group and access control list (ACL) of the paths of an account with
// hierarchical namespace, and how a file that is written anew keeps those of the file that it
// replaces. You need it wherever a new file takes the place of an old one.
//
// The service keeps them with the path, not with its content: a blob that is put over another one,
// and a file that is renamed over another one, have those of the writer. A change of them moves no
// ETag, so no condition of a request tells of it. Source: Azure documentation: Access control lists
// in Azure Data Lake Storage; recorded replies of setAccessControl keep the ETag (2026-11-29).
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "backends/azure/blob_client.h"
#include "backends/object_store.h"
#include "core/mutex.h"

namespace skybridge::azure {

// What a write asks of a path.
struct WantedAccess {
  // Nothing: a path that is replaced keeps its own.
  std::optional<AccessControl> access = {};
  // Of a new path: permission bits that it may have of those that its directory gives. Nothing: all.
  std::optional<std::uint32_t> most = {};
  bool is_new = false;  // nothing is there, or the write will fail
};

// Safe from many threads. The client must outlive it.
class PathAccess {
 public:
  // So long a directory's default entries, and who we are, are taken to be what they were.
  static constexpr std::chrono::seconds kFreshFor{30};
  // Of each kind; beyond, all are forgotten, which costs requests.
  static constexpr std::size_t kMaxKnown = 4096;

  explicit PathAccess(const BlobClient& blobs) : blobs_(blobs) {}

  // One request. Errors: kNotFound.
  Result<AccessControl> Read(const ObjectKey& key, const CallContext& context) const;
  // Makes of `has` what `wanted` names; empty fields stay. No request where that is so already.
  // Errors: kPermissionDenied.
  Status Change(const ObjectKey& key, const AccessControl& has, const AccessControl& wanted,
                const CallContext& context) const;

  // `has` with the fields of `change` that are not empty.
  static AccessControl After(AccessControl has, const AccessControl& change);

  // What a reply told of a path. Only a hint: it saves a request where it is still true.
  void Note(const ObjectKey& key, const AccessControl& access) const;

  // Whether what is there at `key`, or `wanted`, would be lost by a Put over it. At most one
  // request.
  Result<bool> IsLostByPut(const ObjectKey& key, const WantedAccess& wanted,
                           const CallContext& context) const;
  // Gives the new, hidden file `temporary`, which lies beside `key`, what the path shall have when
  // it is renamed to `key`: what is wanted, or else what `key` has now. That is read last, after it was
  // set, and set again until nothing has moved. Errors: kPermissionDenied, kIsDirectory, kConflict
  // (it changes faster than it can be set).
  // No request where nothing is asked of a new path.
  Status HandOver(const ObjectKey& key, const ObjectKey& temporary, const WantedAccess& wanted,
                  const CallContext& context) const;

 private:
  struct Fresh {
    AccessControl access;
    MonotonicTime at;
  };

  std::string DfsUrl(const ObjectKey& key) const;
  std::optional<AccessControl> Recall(const ObjectKey& key) const;
  // What a new file beside `key` has been given of late.
  std::optional<AccessControl> RecallFresh(const ObjectKey& key) const;
  Result<AccessControl> FreshOf(const ObjectKey& temporary, const CallContext& context) const;

  const BlobClient& blobs_;
  mutable Mutex mutex_;                                                    // guards what follows
  mutable std::map<std::string, AccessControl> known_ GUARDED_BY(mutex_);  // by path
  mutable std::map<std::string, Fresh> fresh_ GUARDED_BY(mutex_);          // by directory
};

}  // namespace skybridge::azure
