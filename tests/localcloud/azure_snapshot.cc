// Snapshots of blobs, and deleting, which must say what becomes of them. Source: Azure REST: Snapshot
// Blob, Delete Blob; recorded exchanges.
#include "tests/localcloud/azure_blob.h"
#include "tests/localcloud/azure_event.h"
#include "tests/localcloud/azure_refusal.h"

namespace skybridge::localcloud::azure {
namespace {

// The blob that `snapshot` was taken of.
Node& BaseOf(const Call& call) { return *call.container().tree->Find(call.target.path); }

void RemoveSnapshots(const Call& call, Node& node) {
  while (!node.snapshots.empty())
    call.account.RemoveSnapshot(node, std::string(node.snapshots.begin()->first));
}

Response DeleteOneSnapshot(const Call& call) {
  const NodePtr snapshot = call.Need();
  CheckConditions(call, snapshot.get());
  if (!call.header("x-ms-delete-snapshots").empty())
    RefuseHeader("x-ms-delete-snapshots", std::string(call.header("x-ms-delete-snapshots")));
  call.account.RemoveSnapshot(BaseOf(call), snapshot->snapshot);
  return ReplyWith(202);
}

}  // namespace

Response Snapshot(const Call& call) {
  if (call.hierarchical()) {
    Refuse(409, "FeatureNotYetSupportedForHierarchicalNamespaceAccounts",
           "Snapshots are not kept here in an account with a hierarchical namespace.");
  }
  Metadata metadata = MetadataOf(call);
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  node->lease.CheckRead(call.request.headers, call.now, Leased::kBlob);
  const NodePtr snapshot =
      call.account.AddSnapshot(call.container(), *node, std::move(metadata), call.now);
  Response response = ReplyWith(201, *snapshot);
  response.headers.Add("x-ms-snapshot", snapshot->snapshot);
  response.headers.Add("x-ms-request-server-encrypted", "false");  // as the service says it here
  return response;
}

Response DeleteBlob(const Call& call) {
  if (call.target.query.Has("snapshot")) return DeleteOneSnapshot(call);
  const NodePtr node = NeedForWrite(call);
  if (!node->children.empty()) {
    Refuse(409, "DirectoryIsNotEmpty", "This operation is not permitted on a non-empty directory.");
  }
  const std::string with(call.header("x-ms-delete-snapshots"));
  if (!with.empty() && with != "include" && with != "only")
    RefuseHeader("x-ms-delete-snapshots", with);
  if (with.empty() && !node->snapshots.empty()) {
    Refuse(409, "SnapshotsPresent",
           "This operation is not permitted because the blob has snapshots.");
  }
  if (with == "only") {
    RemoveSnapshots(call, *node);
    return ReplyWith(202);
  }
  call.account.RemoveOne(call.container(), call.target.path);
  if (!node->directory) AnnounceDeleted(call, *node);
  return ReplyWith(202);
}

}  // namespace skybridge::localcloud::azure
