// Data Lake operations on access control lists.
#include <optional>

#include <nlohmann/json.hpp>

#include "tests/localcloud/azure_dfs.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::size_t kMaxRecords = 2000;

void RequireHierarchical(const Call& call) {
  if (call.hierarchical()) return;
  Refuse(400, "HierarchicalNamespaceNotEnabled",
         "The request uses a feature that needs an account with a hierarchical namespace.");
}

void Enabled(Response& response) { response.headers.Add("x-ms-namespace-enabled", "true"); }

// "rwx" with a dash for what is not asked.
bool IsAction(std::string_view text) {
  if (text.size() != 3) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '-' && text[i] != "rwx"[i]) return false;
  }
  return true;
}

void Change(Acl& acl, std::string_view mode, std::string_view text, bool is_directory) {
  if (mode == "set") acl.Set(text, is_directory);
  if (mode == "modify") acl.Modify(text, is_directory);
  if (mode == "remove") acl.Remove(text, is_directory);
}

std::string PathOf(const Node& node) {
  if (node.parent == nullptr) return "";  // the root
  const std::string parent = PathOf(*node.parent);
  return parent.empty() ? node.name : parent + '/' + node.name;
}

// Whether `path` comes before `other`, or is it, when parents come before children.
bool NotAfter(std::string_view path, std::string_view other) {
  return Split(path, '/') <= Split(other, '/');
}

// One request of a recursive change: at most maxRecords paths, going on behind a continuation.
// Source: Azure REST: Path - Update, action=setAccessControlRecursive.
class RecursiveChange {
 public:
  RecursiveChange(const Call& call, std::string mode, std::string text)
      : call_(call),
        mode_(std::move(mode)),
        text_(std::move(text)),
        file_text_(AccessEntriesOf(text_)),
        force_(call.wants("forceFlag")),
        continued_(call.target.query.Has("continuation")),
        after_(ReadContinuation(call.target.query.Get("continuation"), "continuation")) {
    if (!after_.empty()) after_.erase(0, 1);  // the slash that stands before the root, too
    if (!call.target.query.Has("maxRecords")) return;
    const std::uint64_t wanted = NeedNumber(call, "maxRecords");
    if (wanted == 0 || wanted > kMaxRecords) RefuseQuery("maxRecords", std::to_string(wanted));
    max_ = wanted;
  }

  // Parents first. Does nothing for paths before the continuation or beyond the limit.
  void Visit(Node& node) {
    if (stopped_) return;
    const std::string path = PathOf(node);
    if (continued_ && NotAfter(path, after_)) return;
    if (directories_ + files_ + failed_.size() == max_) {
      stopped_ = true;
      next_ = last_;
      return;
    }
    last_ = path;
    try {
      Apply(node);
      ++(node.directory ? directories_ : files_);
    } catch (const Refusal& refusal) {
      failed_.push_back({{"errorMessage", refusal.message},
                         {"name", path},
                         {"type", node.directory ? "DIRECTORY" : "FILE"}});
      stopped_ = !force_;
    }
  }

  Response Reply() const {
    const nlohmann::json body{{"directoriesSuccessful", directories_},
                              {"failedEntries", failed_},
                              {"failureCount", failed_.size()},
                              {"filesSuccessful", files_}};
    Response response = ReplyWith(200);
    response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    response.headers.Add("Content-Type", "application/json;charset=utf-8");
    if (next_) response.headers.Add("x-ms-continuation", MakeContinuation('/' + *next_));
    Enabled(response);
    return response;
  }

 private:
  void Apply(Node& node) {
    const std::string& text = node.directory ? text_ : file_text_;
    if (text.empty()) return;
    Change(node.acl, mode_, text, node.directory);
    call_.account.Save(call_.container(), node);
  }

  const Call& call_;
  const std::string mode_;
  const std::string text_;
  const std::string file_text_;  // files have no default entries
  const bool force_;
  const bool continued_;
  std::string after_;  // the last path of the request before
  std::size_t max_ = kMaxRecords;

  bool stopped_ = false;
  std::string last_;
  std::optional<std::string> next_;
  std::size_t directories_ = 0;
  std::size_t files_ = 0;
  std::vector<nlohmann::json> failed_;
};

}  // namespace

Response SetAccessControl(const Call& call) {
  RequireHierarchical(call);
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  node->lease.CheckWrite(call.request.headers, call.now, Leased::kPath);
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
  Acl trial = Acl::FromMode(0);
  Change(trial, mode, text, /*is_directory=*/true);  // a text that suits nobody is refused at once
  call.Need();
  RecursiveChange change(call, mode, text);
  call.container().tree->ForEach(call.target.path,
                                 [&](const NodePtr& node) { change.Visit(*node); });
  return change.Reply();
}

Response GetAccessControl(const Call& call) {
  RequireHierarchical(call);
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  node->lease.CheckRead(call.request.headers, call.now, Leased::kPath);
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
  if (!IsAction(wanted)) RefuseQuery("fsAction", wanted);
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  return ReplyWith(200, *node);  // whoever was let in owns everything here
}

}  // namespace skybridge::localcloud::azure
