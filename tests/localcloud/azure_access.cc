// Data Lake operations on access control lists.
#include <fmt/format.h>

#include "tests/localcloud/azure_dfs.h"
#include "tests/localcloud/azure_refusal.h"

namespace skybridge::localcloud::azure {
namespace {

void RequireHierarchical(const Call& call) {
  if (call.hierarchical()) return;
  Refuse(400, "HierarchicalNamespaceNotEnabled",
         "The request uses a feature that needs an account with a hierarchical namespace.");
}

void Enabled(Response& response) { response.headers.Add("x-ms-namespace-enabled", "true"); }

}  // namespace

Response SetAccessControl(const Call& call) {
  RequireHierarchical(call);
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  const std::string_view permissions = call.header("x-ms-permissions");
  const std::string_view text = call.header("x-ms-acl");
  const std::string_view owner = call.header("x-ms-owner");
  const std::string_view group = call.header("x-ms-group");
  if (!permissions.empty() && !text.empty())
    RefuseHeader("x-ms-acl", "not together with x-ms-permissions");
  if (permissions.empty() && text.empty() && owner.empty() && group.empty())
    RefuseNoHeader("x-ms-permissions");
  Acl acl = node->acl;
  if (!permissions.empty()) acl.SetMode(ParsePermissions(permissions));
  if (!text.empty()) acl.Set(text, node->directory);
  node->acl = std::move(acl);
  if (!owner.empty()) node->owner = owner;
  if (!group.empty()) node->group = group;
  call.account.Save(call.container(), *node);  // the ETag stays as it is
  Response response = ReplyWith(200, *node);
  Enabled(response);
  return response;
}

Response SetAccessControlRecursive(const Call& call) {
  RequireHierarchical(call);
  const std::string mode = call.target.query.Get("mode");
  if (mode != "set" && mode != "modify" && mode != "remove") RefuseQuery("mode", mode);
  const std::string text(call.header("x-ms-acl"));
  if (text.empty()) RefuseNoHeader("x-ms-acl");
  call.Need();
  std::size_t directories = 0;
  std::size_t files = 0;
  call.container().tree->ForEach(call.target.path, [&](const NodePtr& node) {
    Acl acl = node->acl;
    // A recursive call gives files the access entries of the list alone.
    const bool skip_defaults = !node->directory && text.find("default:") != std::string::npos;
    if (!skip_defaults && mode == "set") acl.Set(text, node->directory);
    if (!skip_defaults && mode == "modify") acl.Modify(text, node->directory);
    if (!skip_defaults && mode == "remove") acl.Remove(text, node->directory);
    node->acl = std::move(acl);
    ++(node->directory ? directories : files);
    call.account.Save(call.container(), *node);
  });
  Response response = ReplyWith(200);
  response.body = fmt::format(
      R"({{"directoriesSuccessful":{},"failedEntries":[],"failureCount":0,"filesSuccessful":{}}})",
      directories, files);
  response.headers.Add("Content-Type", "application/json;charset=utf-8");
  Enabled(response);
  return response;
}

Response GetAccessControl(const Call& call) {
  RequireHierarchical(call);
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  Response response = ReplyWith(200, *node);
  response.headers.Add("x-ms-owner", node->owner);
  response.headers.Add("x-ms-group", node->group);
  response.headers.Add("x-ms-permissions", node->acl.Permissions());
  response.headers.Add("x-ms-acl", node->acl.Text());
  return response;
}

Response CheckAccess(const Call& call) {
  RequireHierarchical(call);
  const std::string wanted = call.target.query.Get("fsAction");
  if (wanted.size() != 3) RefuseQuery("fsAction", wanted);
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  return ReplyWith(200, *node);  // whoever was let in owns everything here
}

}  // namespace skybridge::localcloud::azure
