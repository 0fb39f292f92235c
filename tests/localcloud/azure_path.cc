// Data Lake operations that create, change, move and delete paths.
#include <algorithm>
#include <optional>

#include "core/time_text.h"
#include "tests/localcloud/azure_dfs.h"
#include "tests/localcloud/azure_event.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr unsigned kNewFileMode = 0666;
constexpr unsigned kNewDirectoryMode = 0777;
constexpr unsigned kDefaultUmask = 0027;

[[noreturn]] void RefuseConflict(const Node& existing) {
  Refusal refusal{.status = 409,
                  .code = "PathConflict",
                  .message =
                      "The specified path, or an element of the path, exists and its resource type "
                      "is invalid for "
                      "this operation."};
  refusal.headers.Add("x-ms-existing-resource-type", existing.directory ? "directory" : "file");
  throw refusal;
}

NodePtr NeedFile(const Call& call) {
  NodePtr node = call.Need();
  if (call.IsDirectory(*node)) RefuseConflict(*node);
  return node;
}

// Owner, group, mode and properties of a node that was just put into the tree.
void Dress(const Call& call, Node& node) {
  node.owner = call.object_id;
  node.metadata = PropertiesOf(call);
  node.settings = {};
  TakeSettings(call, node.settings);
  call.account.Touch(node, call.now);
  node.created = node.last_modified;
  if (!call.hierarchical()) {
    if (call.operation == Operation::kCreateDirectory) node.metadata["hdi_isfolder"] = "true";
    return;
  }
  const std::string_view permissions = call.header("x-ms-permissions");
  const std::string_view umask = call.header("x-ms-umask");
  const unsigned otherwise = node.directory ? kNewDirectoryMode : kNewFileMode;
  node.acl = node.parent->acl.ForChild(
      node.directory, permissions.empty() ? otherwise : ParsePermissions(permissions),
      umask.empty() ? kDefaultUmask : ParseUmask(umask));
  node.group = node.parent->group;
  if (!call.header("x-ms-acl").empty()) node.acl.Set(call.header("x-ms-acl"), node.directory);
  if (!call.header("x-ms-owner").empty()) node.owner = call.header("x-ms-owner");
  if (!call.header("x-ms-group").empty()) node.group = call.header("x-ms-group");
}

// Whatever a header says wrongly is to be refused before anything is changed.
void CheckCreateHeaders(const Call& call, bool directory) {
  Node trial;
  PropertiesOf(call);
  TakeSettings(call, trial.settings);
  if (!call.header("x-ms-permissions").empty()) {
    ParsePermissions(call.header("x-ms-permissions"));
    if (!call.header("x-ms-acl").empty())
      RefuseHeader("x-ms-acl", "not together with x-ms-permissions");
  }
  if (!call.header("x-ms-umask").empty()) ParseUmask(call.header("x-ms-umask"));
  if (!call.header("x-ms-acl").empty()) trial.acl.Set(call.header("x-ms-acl"), directory);
}

void RequireEmptyBody(const Call& call) {
  if (call.header("Content-Length") != "0" && !call.header("Content-Length").empty()) {
    Refuse(400, "ContentLengthMustBeZero", "The Content-Length request header must be zero.");
  }
}

std::string ParentOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool IsBelow(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

// What is to be renamed.
struct RenameSource {
  Container& container;
  std::string path;
  NodePtr node;  // null: a flat account's directory without a marker
  bool directory = false;
};

RenameSource FindSource(const Call& call) {
  const std::string_view header = call.header("x-ms-rename-source");
  // On path-style addresses some clients repeat the account and some do not: "/lake/x" of a file
  // system that has its account's name is no account segment.
  SourcePath source = ParseSourcePath(
      header, [&](std::string_view name) { return call.find_account(name) == &call.account; });
  if (call.account.FindContainer(source.container) == nullptr) {
    source = ParseSourcePath(header, [](std::string_view) { return false; });
  }
  AuthorizeSource(call, call.account, source, Operation::kRename);
  source.path = NormalPath(source.path, call.hierarchical());
  Container* container = call.account.FindContainer(source.container);
  if (container == nullptr) RefuseContainer(/*dfs=*/true);
  NodePtr node = source.path.empty() ? nullptr : container->tree->Find(source.path);
  const bool has_children = !call.hierarchical() && container->tree->HasChildren(source.path);
  if (node == nullptr && !has_children) {
    Refuse(404, "SourcePathNotFound", "The source path for a rename operation does not exist.");
  }
  const bool directory = node == nullptr || call.IsDirectory(*node);
  return {.container = *container,
          .path = source.path,
          .node = std::move(node),
          .directory = directory};
}

void RequireRenameParent(const Call& call, const std::string& destination) {
  if (!call.hierarchical()) return;
  const NodePtr parent = call.container().tree->Find(ParentOf(destination));
  if (parent == nullptr || !parent->directory) {
    Refuse(404, "RenameDestinationParentPathNotFound",
           "The parent directory of the destination path does not exist.");
  }
}

// Makes room at the destination, if that may be. Throws when it may not.
void ReplaceDestination(const Call& call, const RenameSource& source,
                        const std::string& destination) {
  const NodePtr existing = call.container().tree->Find(destination);
  if (existing == nullptr) return;
  if (call.IsDirectory(*existing) != source.directory) {
    Refuse(409, "InvalidSourceOrDestinationResourceType",
           "The source and destination resource type must be identical.");
  }
  if (source.directory && call.container().tree->HasChildren(destination)) {
    Refuse(409, "DirectoryNotEmpty", "The destination directory of a rename is not empty.");
  }
  existing->lease.CheckRead(call.request.headers, call.now, Leased::kPath);  // replacing breaks it
  call.account.Remove(call.container(), destination);
}

// The bytes staged from the end of the file up to `position` without a gap; nullopt when they do
// not meet it exactly.
std::optional<std::vector<std::uint64_t>> StagedUpTo(const Node& node, std::uint64_t position) {
  std::vector<std::uint64_t> positions;
  std::uint64_t end = node.content.size();
  while (end < position) {
    const auto next = node.staged.find(end);
    if (next == node.staged.end()) return std::nullopt;
    positions.push_back(end);
    end += next->second.bytes.size();
  }
  if (end != position) return std::nullopt;
  return positions;
}

void RequireDfsBorn(const Node& node) {
  if (node.origin == Origin::kDfs) return;
  Refuse(409, "InvalidFlushOperation",
         "The resource was created or modified by the Blob service and cannot be appended or "
         "flushed through Data Lake.");
}

std::vector<std::uint64_t> NeedStagedUpTo(const Node& node, std::uint64_t position) {
  auto positions = StagedUpTo(node, position);
  if (!positions) {
    Refuse(400, "InvalidFlushPosition",
           "The uploaded data is not contiguous or the position query parameter value is not equal "
           "to the length of the "
           "file after appending the uploaded data.");
  }
  return *std::move(positions);
}

void Flush(const Call& call, Node& node, std::uint64_t position, const Lease& lease) {
  const std::vector<std::uint64_t> positions = NeedStagedUpTo(node, position);
  ContentSettings settings = node.settings;
  settings.md5.clear();
  TakeSettings(call, settings);
  node.settings = std::move(settings);
  node.lease = lease;
  Content content = node.content;
  for (const std::uint64_t at : positions) content.Append(node.staged.at(at));
  for (const std::uint64_t at : positions) call.account.Unstage(node, at, /*release=*/false);
  if (!call.wants("retainUncommittedData")) call.account.DropStaged(node);
  call.account.ReplaceContent(node, std::move(content));
  call.account.Touch(node, call.now);
  call.account.Save(call.container(), node);
  if (call.wants("close")) AnnounceCreated(call, "FlushWithClose", node);
}

void TellRenewal(const LeaseAfterWrite& lease, Response& response) {
  if (lease.renewed) response.headers.Add("x-ms-lease-renewed", "true");
}

// A lease that a file is to be created with; none unless a header asks for it.
Lease LeaseFromBirth(const Call& call) {
  Lease lease;
  const bool wanted =
      !call.header("x-ms-proposed-lease-id").empty() || !call.header("x-ms-lease-duration").empty();
  if (wanted) lease.Acquire(call.request.headers, call.now);
  return lease;
}

}  // namespace

Response CreatePath(const Call& call) {
  const bool directory = call.operation == Operation::kCreateDirectory;
  RequireEmptyBody(call);
  CheckCreateHeaders(call, directory);
  const Lease lease = LeaseFromBirth(call);
  Container& container = call.container();
  if (call.target.path.empty()) RefuseExisting(/*dfs=*/true, /*directory=*/true);
  CheckPathLimits(call.target.path, call.hierarchical());
  NodePtr node = call.Find();
  CheckConditions(call, node.get());
  if (node != nullptr) {
    if (call.IsDirectory(*node) != directory) RefuseConflict(*node);
    node->lease.CheckRead(call.request.headers, call.now, Leased::kPath);  // replacing breaks it
    call.account.DropStaged(*node);
    call.account.ReplaceContent(*node, {});
    node->blocks.clear();
    node->origin = Origin::kDfs;
    node->expires = {};
  } else {
    node = std::make_shared<Node>();
    node->directory = directory && call.hierarchical();
    call.account.Insert(container, call.target.path, node, call.now);
  }
  Dress(call, *node);
  node->lease = lease;
  call.account.DropBlocks(container, call.target.path, {});
  call.account.Save(container, *node);
  if (directory) {
    AnnounceDirectoryCreated(call);
  } else {
    AnnounceCreated(call, "CreateFile", *node);
  }
  return Encrypted(ReplyWith(201, *node));
}

Response RenamePath(const Call& call) {
  RequireEmptyBody(call);
  if (call.target.query.Has("resource")) {
    Refuse(400, "UnsupportedHeader",
           "One of the HTTP headers specified in the request is not supported.");
  }
  const std::string mode = call.target.query.Get("mode");
  if (!mode.empty() && mode != "legacy" && mode != "posix") RefuseQuery("mode", mode);
  Container& container = call.container();
  const RenameSource source = FindSource(call);
  std::string destination = call.target.path;
  if (destination.empty())
    Refuse(400, "InvalidRenameDestinationPath", "The destination path is not valid.");
  CheckPathLimits(destination, call.hierarchical());
  if (source.node != nullptr) CheckSourceConditions(call, *source.node);

  // Like mv: a file or a directory goes into a directory that is there, and every condition speaks of
  // the place inside. "legacy" never does so (asserted by Microsoft's own tests, 2026-11-29).
  const NodePtr existing = container.tree->Find(destination);
  if (mode != "legacy" && existing != nullptr && call.IsDirectory(*existing))
    destination += '/' + NameOf(source.path);
  CheckConditions(call, container.tree->Find(destination).get());
  const bool same = &source.container == &container && source.path == destination;
  if (same) return source.node == nullptr ? ReplyWith(201) : ReplyWith(201, *source.node);
  if (&source.container == &container && IsBelow(destination, source.path)) {
    Refuse(409, "InvalidRenameSourcePath",
           "The source directory cannot be the same as the destination directory, nor can "
           "the destination be a subdirectory of the source directory.");
  }
  RequireRenameParent(call, destination);
  if (source.node != nullptr) {
    HttpHeaders lease;
    lease.Add("x-ms-lease-id", std::string(call.header("x-ms-source-lease-id")));
    source.node->lease.CheckWrite(lease, call.now, Leased::kPath);
  }
  ReplaceDestination(call, source, destination);
  call.account.Move(source.container, source.path, container, destination);
  call.account.DropBlocks(container, destination, {});
  AnnounceRenamed(call, {.from_container = source.container.name,
                         .from = source.path,
                         .to = destination,
                         .directory = source.directory});
  const NodePtr moved = container.tree->Find(destination);
  if (moved == nullptr) return ReplyWith(201);
  if (!call.header("x-ms-properties").empty()) {
    moved->metadata = PropertiesOf(call);
    // The service documents that a rename keeps the ETag and that other properties change it, but
    // not what happens when both come together: nobody may rely on the old one.
    call.account.Touch(*moved, call.now);
    call.account.Save(container, *moved);
  }
  return ReplyWith(201, *moved);
}

Response AppendData(const Call& call) {
  const std::uint64_t position = NeedNumber(call, "position");
  const NodePtr node = NeedFile(call);
  RequireDfsBorn(*node);
  const LeaseAfterWrite lease =
      WriteUnderLease(node->lease, call.request.headers, call.now,
                      call.wants("flush") ? WriteKind::kFlush : WriteKind::kAppend);
  if (call.body.bytes.empty()) RefuseHeader("Content-Length", "0");
  // Also at a position that another writer has flushed meanwhile: such bytes wait, and a flush finds
  // out (asserted by Microsoft's own tests, 2026-11-29).
  if (call.wants("flush")) {  // refused before anything is staged
    CheckConditions(call, node.get());
    NeedStagedUpTo(*node, position);
    ContentSettings trial;
    TakeSettings(call, trial);
  }
  call.account.Unstage(*node, position, /*release=*/true);
  node->staged[position] = call.body;
  call.account.Stage(*node, position);
  if (call.wants("flush")) {
    Flush(call, *node, position + call.body.bytes.size(), lease.lease);
  } else if (!call.header("x-ms-lease-action").empty()) {
    node->lease = lease.lease;
    call.account.Save(call.container(), *node);
  }
  Response response = Encrypted(call.wants("flush") ? ReplyWith(202, *node) : ReplyWith(202));
  TellRenewal(lease, response);
  return response;
}

Response FlushData(const Call& call) {
  RequireEmptyBody(call);
  const std::uint64_t position = NeedNumber(call, "position");
  const NodePtr node = NeedFile(call);
  RequireDfsBorn(*node);
  CheckConditions(call, node.get());
  const LeaseAfterWrite lease =
      WriteUnderLease(node->lease, call.request.headers, call.now, WriteKind::kFlush);
  Flush(call, *node, position, lease.lease);
  Response response = ReplyWith(200, *node);
  TellRenewal(lease, response);
  response.headers.Add("x-ms-request-server-encrypted",
                       "false");  // as the service says it on flush
  return response;
}

Response SetProperties(const Call& call) {
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  node->lease.CheckWrite(call.request.headers, call.now, Leased::kPath);
  Metadata metadata = PropertiesOf(call);
  ContentSettings settings = node->settings;
  TakeSettings(call, settings);
  node->metadata = std::move(metadata);
  node->settings = std::move(settings);
  call.account.Touch(*node, call.now);
  call.account.Save(call.container(), *node);
  return ReplyWith(200, *node);
}

Response DeletePath(const Call& call) {
  Container& container = call.container();
  if (call.target.path.empty())
    Refuse(400, "InvalidUri", "The root directory of a filesystem cannot be deleted.");
  const NodePtr node = call.Find();
  const bool has_children = call.hierarchical() ? node != nullptr && !node->children.empty()
                                                : container.tree->HasChildren(call.target.path);
  if (node == nullptr && !has_children) RefuseMissing(/*dfs=*/true);
  CheckConditions(call, node.get());
  if (node != nullptr) node->lease.CheckWrite(call.request.headers, call.now, Leased::kPath);
  if (node == nullptr || call.IsDirectory(*node)) {
    const std::string recursive = call.target.query.Get("recursive");
    if (recursive != "true" && recursive != "false") RefuseQuery("recursive", recursive);
    if (has_children && recursive == "false") {
      Refuse(409, "DirectoryNotEmpty",
             "The recursive query parameter value must be true to delete a non-empty directory.");
    }
  }
  call.account.Remove(container, call.target.path);
  if (node == nullptr || call.IsDirectory(*node)) {
    AnnounceDirectoryDeleted(call, call.wants("recursive"));
  } else {
    AnnounceDeleted(call, *node);
  }
  return ReplyWith(200);
}

Response SetExpiry(const Call& call) {
  const NodePtr node = call.Need();
  if (!call.hierarchical() || node->directory) {
    Refuse(409, "BlobOperationNotSupported",
           "Expiry is for files of accounts with a hierarchical namespace.");
  }
  const std::string option(call.header("x-ms-expiry-option"));
  const std::string time(call.header("x-ms-expiry-time"));
  if (option.empty()) RefuseNoHeader("x-ms-expiry-option");
  if (option != "NeverExpire" && time.empty()) RefuseNoHeader("x-ms-expiry-time");
  if (option == "NeverExpire") {
    node->expires = {};
  } else if (option == "Absolute") {
    const auto date = ParseHttpDate(time);
    if (!date) RefuseHeader("x-ms-expiry-time", time);
    node->expires = *date;
  } else if (option == "RelativeToCreation" || option == "RelativeToNow") {
    const auto wait = ParseNumber(time);
    if (!wait) RefuseHeader("x-ms-expiry-time", time);
    node->expires =
        (option == "RelativeToNow" ? call.now : node->created) + std::chrono::milliseconds(*wait);
  } else {
    RefuseHeader("x-ms-expiry-option", option);
  }
  call.account.Save(call.container(), *node);
  return ReplyWith(200, *node);
}

}  // namespace skybridge::localcloud::azure
