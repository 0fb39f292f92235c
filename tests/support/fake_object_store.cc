#include "tests/support/fake_object_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "backends/key_check.h"

namespace skybridge::testing {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::string DirectoryName(const ObjectKey& key) {
  return key.is_root() ? std::string() : key.path + "/";
}

std::string AsText(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

tl::unexpected<Error> Refuse(ErrorCode code, const ObjectKey& key) {
  return Fail(code, fmt::format("'{}' in the fake store", key.path));
}

// A call that lost its reply does not know what came of it.
template <class T>
Result<T> Answer(const std::optional<Error>& lost, Result<T> outcome) {
  if (lost) return Fail(*lost);
  return outcome;
}

Capabilities CommonCapabilities() {
  Capabilities c;
  c.max_put_bytes = 256 * kMiB;
  c.max_part_bytes = 256 * kMiB;
  c.max_parts = 10000;
  return c;
}

}  // namespace

Capabilities HierarchicalCapabilities() {
  Capabilities c = CommonCapabilities();
  c.name = "fake-hierarchical";
  c.real_directories = true;
  c.atomic_directory_rename = true;
  c.list_has_attributes = true;
  c.append = true;
  c.tiers = {"Hot", "Cool", "Cold", "Archive"};
  return c;
}

Capabilities FlatCapabilities() {
  Capabilities c = CommonCapabilities();
  c.name = "fake-flat";
  c.list_has_attributes = true;
  c.list_is_sorted = true;
  c.tiers = {"Hot", "Cool", "Cold", "Archive"};
  return c;
}

Capabilities OciLikeCapabilities() {
  Capabilities c = CommonCapabilities();
  c.name = "fake-oci";
  c.list_is_sorted = true;
  c.set_attributes_rewrites = true;
  c.tiers = {"Cool", "Archive"};
  return c;
}

bool FakeObjectStore::NameOrder::operator()(std::string_view a, std::string_view b) const {
  if (bytewise) return a < b;
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [&](char x, char y) { return rank(x) < rank(y); });
}

FakeObjectStore::FakeObjectStore(const Clock& clock, FakeStoreOptions options)
    : clock_(clock),
      options_(std::move(options)),
      script_(clock),
      nodes_(NameOrder{.bytewise = options_.capabilities.list_is_sorted}) {}

// ---- What tests do behind the back of the code they test ----

ETag FakeObjectStore::PutText(std::string_view path, std::string_view content,
                              Attributes attributes) {
  MutexLock lock(mutex_);
  return Store(ObjectKey(std::string(path)),
               MakeNode(NodeKind::kFile, AsBytes(content), std::move(attributes)))
      .etag;
}

ETag FakeObjectStore::PutLink(std::string_view path, std::string_view target,
                              Attributes attributes) {
  MutexLock lock(mutex_);
  return Store(ObjectKey(std::string(path)),
               MakeNode(NodeKind::kSymlink, AsBytes(target), std::move(attributes)))
      .etag;
}

void FakeObjectStore::Remove(std::string_view path) {
  MutexLock lock(mutex_);
  const ObjectKey key{std::string(path)};
  const std::string prefix = DirectoryName(key);
  std::erase_if(nodes_, [&](const auto& entry) {
    return entry.first == path || StartsWith(entry.first, prefix);
  });
}

std::optional<std::string> FakeObjectStore::ContentOf(std::string_view path) const {
  MutexLock lock(mutex_);
  const auto found = nodes_.find(std::string(path));
  if (found == nodes_.end()) return std::nullopt;
  return found->second.content;
}

std::optional<ObjectInfo> FakeObjectStore::InfoOf(std::string_view path) const {
  MutexLock lock(mutex_);
  for (const std::string& name : {std::string(path), std::string(path) + "/"}) {
    if (const auto found = nodes_.find(name); found != nodes_.end())
      return Describe(name, found->second);
  }
  return std::nullopt;
}

std::vector<std::string> FakeObjectStore::Paths() const {
  MutexLock lock(mutex_);
  std::vector<std::string> paths;
  for (const auto& [name, node] : nodes_) {
    paths.push_back(name.substr(0, name.size() - (node.kind == NodeKind::kDirectory ? 1 : 0)));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::size_t FakeObjectStore::open_uploads() const {
  MutexLock lock(mutex_);
  return uploads_.size();
}

std::size_t FakeObjectStore::told_versions() const {
  MutexLock lock(mutex_);
  return told_versions_;
}

std::uint64_t FakeObjectStore::bytes_read() const {
  MutexLock lock(mutex_);
  return bytes_read_;
}

std::uint64_t FakeObjectStore::bytes_written() const {
  MutexLock lock(mutex_);
  return bytes_written_;
}

void FakeObjectStore::InterruptNextDirectoryRename(std::size_t after_objects) {
  MutexLock lock(mutex_);
  interrupt_rename_after_ = after_objects;
}

void FakeObjectStore::CannotList(std::string_view path) {
  MutexLock lock(mutex_);
  cannot_list_ = path.empty() ? std::string() : std::string(path) + "/";
}

void FakeObjectStore::FailNextDeletionOf(std::string_view path, Error error) {
  MutexLock lock(mutex_);
  deletion_faults_.insert_or_assign(std::string(path), std::move(error));
}

// ---- The interface: script first, then the model under its lock ----

Result<ProbeReply> FakeObjectStore::Probe(const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kProbe, context));
  return Answer<ProbeReply>(
      lost, ProbeReply{.server_time = clock_.WallNow(), .detail = capabilities().name});
}

Result<ListPage> FakeObjectStore::List(const ListRequest& request, const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kList, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoList(request));
}

Result<ObjectInfo> FakeObjectStore::Head(const ObjectKey& key, const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kHead, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoHead(key));
}

Result<ObjectInfo> FakeObjectStore::HeadDirectory(const ObjectKey& key,
                                                  const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kHead, context));
  MutexLock lock(mutex_);
  return Answer(lost, hierarchical() ? DoHead(key) : DoHeadDirectory(key));
}

Result<GetReply> FakeObjectStore::Get(const GetRequest& request, std::span<std::byte> into,
                                      const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kGet, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoGet(request, into));
}

Result<ObjectInfo> FakeObjectStore::Put(const PutRequest& request, const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kPut, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoPut(request, context.retried));
}

Result<UploadId> FakeObjectStore::StartUpload(const StartUploadRequest& request,
                                              const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kStartUpload, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoStartUpload(request));
}

Result<PartReceipt> FakeObjectStore::UploadPart(const UploadPartRequest& request,
                                                const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kUploadPart, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoUploadPart(request));
}

Result<ObjectInfo> FakeObjectStore::CommitUpload(const CommitUploadRequest& request,
                                                 const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kCommitUpload, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoCommitUpload(request, context.retried));
}

Status FakeObjectStore::AbortUpload(const AbortUploadRequest& request, const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kAbortUpload, context));
  MutexLock lock(mutex_);
  uploads_.erase(request.upload.value);
  return Answer<void>(lost, {});
}

Result<ObjectInfo> FakeObjectStore::SetAttributes(const SetAttributesRequest& request,
                                                  const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kSetAttributes, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoSetAttributes(request, context.retried));
}

Result<ObjectInfo> FakeObjectStore::MakeDirectory(const MakeDirectoryRequest& request,
                                                  const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kMakeDirectory, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoMakeDirectory(request, context.retried));
}

Status FakeObjectStore::RemoveDirectory(const ObjectKey& key, const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kRemoveDirectory, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoRemoveDirectory(key, context.retried));
}

Result<ObjectInfo> FakeObjectStore::Rename(const RenameRequest& request,
                                           const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kRename, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoRename(request, context.retried));
}

Status FakeObjectStore::Delete(const DeleteRequest& request, const CallContext& context) {
  const auto lost = TRY(script_.Enter(StoreOp::kDelete, context));
  MutexLock lock(mutex_);
  return Answer(lost, DoDelete(request, context.retried));
}

std::vector<Status> FakeObjectStore::DeleteMany(std::span<const DeleteRequest> requests,
                                                const CallContext& context) {
  const auto lost = script_.Enter(StoreOp::kDeleteMany, context);
  if (!lost) return std::vector<Status>(requests.size(), Fail(lost.error()));
  MutexLock lock(mutex_);
  std::vector<Status> statuses;
  for (const DeleteRequest& request : requests) {
    statuses.push_back(Answer(*lost, DoDelete(request, context.retried)));
  }
  return statuses;
}

// ---- The model ----

Attributes FakeObjectStore::Kept(Attributes attributes) const {
  if (attributes.mtime) {
    const auto since_epoch = attributes.mtime->time_since_epoch();
    *attributes.mtime -= since_epoch % options_.capabilities.mtime_granularity;
  }
  const auto& tiers = options_.capabilities.tiers;
  if (std::find(tiers.begin(), tiers.end(), attributes.tier) == tiers.end())
    attributes.tier.clear();
  return attributes;
}

FakeObjectStore::Node FakeObjectStore::MakeNode(NodeKind kind, ByteSpan content,
                                                Attributes attributes) const {
  return {.kind = kind,
          .content = AsText(content),
          .attributes = Kept(std::move(attributes)),
          .digests = {.md5 = Md5(content), .crc32c = Crc32c(content)}};
}

Status FakeObjectStore::CheckAttributes(const Attributes& attributes) const {
  if (!attributes.xattrs.empty() && !options_.capabilities.keeps_xattrs) {
    return Fail(ErrorCode::kNotSupported, "the fake store keeps no extended attributes");
  }
  return {};
}

ETag FakeObjectStore::NextTag() { return ETag(fmt::format("v{}", ++last_version_)); }

void FakeObjectStore::Touch(Node& node) {
  node.etag = NextTag();
  node.last_modified = clock_.WallNow();
}

ObjectInfo FakeObjectStore::Describe(const std::string& name, const Node& node) const {
  const bool directory = node.kind == NodeKind::kDirectory;
  return {.key = ObjectKey(directory ? name.substr(0, name.size() - 1) : name),
          .kind = node.kind,
          .size_bytes = node.content.size(),
          .etag = node.etag,
          .last_modified = node.last_modified,
          .told_at = std::max(clock_.WallNow(), node.last_modified + options_.least_age),
          .attributes = node.attributes,
          .digests = node.digests};
}

FakeObjectStore::Node* FakeObjectStore::FindFile(const ObjectKey& key) {
  const auto found = nodes_.find(key.path);
  return found == nodes_.end() ? nullptr : &found->second;
}

bool FakeObjectStore::DirectoryExists(const ObjectKey& key) const {
  if (key.is_root()) return true;
  const std::string name = DirectoryName(key);
  const auto first = nodes_.lower_bound(name);
  return first != nodes_.end() && StartsWith(first->first, name);
}

bool FakeObjectStore::HasChildren(const ObjectKey& key) const {
  const std::string name = DirectoryName(key);
  const auto first = nodes_.upper_bound(name);
  return first != nodes_.end() && StartsWith(first->first, name);
}

Status FakeObjectStore::CheckParents(const ObjectKey& key) const {
  for (ObjectKey parent = key.parent(); hierarchical() && !parent.is_root();
       parent = parent.parent()) {
    if (nodes_.contains(parent.path)) return Refuse(ErrorCode::kNotDirectory, parent);
  }
  return {};
}

void FakeObjectStore::MakeParents(const ObjectKey& key) {
  for (ObjectKey parent = key.parent(); hierarchical() && !parent.is_root();
       parent = parent.parent()) {
    const auto [entry, is_new] =
        nodes_.try_emplace(DirectoryName(parent), Node{.kind = NodeKind::kDirectory});
    if (!is_new) return;
    Touch(entry->second);
  }
}

// Whether a file may be written at `key` just now.
Status FakeObjectStore::CheckWrite(const ObjectKey& key, const Conditions& conditions) {
  TRY_VOID(CheckKey(key, options_.capabilities));
  TRY_VOID(CheckParents(key));
  const Node* existing = FindFile(key);
  const bool is_directory = hierarchical() && DirectoryExists(key);
  if (conditions.must_not_exist && (existing != nullptr || is_directory)) {
    return Refuse(ErrorCode::kAlreadyExists, key);
  }
  if (is_directory) return Refuse(ErrorCode::kIsDirectory, key);
  if (conditions.if_match && (existing == nullptr || existing->etag != *conditions.if_match)) {
    return Refuse(ErrorCode::kPreconditionFailed, key);
  }
  return {};
}

ObjectInfo FakeObjectStore::Store(const ObjectKey& key, Node node) {
  MakeParents(key);
  Touch(node);
  Node& stored = nodes_[key.path];
  stored = std::move(node);
  return Describe(key.path, stored);
}

Result<ListPage> FakeObjectStore::DoList(const ListRequest& request) const {
  if (!request.directory.is_root()) TRY_VOID(CheckKey(request.directory, options_.capabilities));
  if (hierarchical() && !DirectoryExists(request.directory)) {
    const bool is_file = nodes_.contains(request.directory.path);
    return Refuse(is_file ? ErrorCode::kNotDirectory : ErrorCode::kNotFound, request.directory);
  }
  const std::uint32_t page_size = request.max_entries == 0
                                      ? options_.page_size
                                      : std::min(request.max_entries, options_.page_size);
  const std::string prefix = DirectoryName(request.directory);
  // The continuation is the name of the last entry given: a file's path, or a directory's with its
  // '/'.
  const std::string& after = request.continuation;
  ListPage page;
  std::string last = after;
  for (auto it = nodes_.upper_bound(after.empty() ? prefix : after);
       it != nodes_.end() && StartsWith(it->first, prefix); ++it) {
    const auto slash = it->first.find('/', prefix.size());
    const bool below = !request.recursive && slash != std::string::npos;
    const std::string name = below ? it->first.substr(0, slash + 1) : it->first;
    const bool concealed = request.recursive && !cannot_list_.empty() &&
                           StartsWith(name, cannot_list_) && name != cannot_list_;
    if (concealed) continue;
    if (below && name == last) continue;  // another child of a directory that is listed already
    if (page.entries.size() == page_size) {
      page.continuation = last;
      return page;
    }
    ObjectInfo entry = name == it->first
                           ? Describe(name, it->second)
                           : ObjectInfo{.key = ObjectKey(name.substr(0, name.size() - 1)),
                                        .kind = NodeKind::kDirectory,
                                        .attributes = Attributes{}};
    if (!options_.capabilities.list_has_attributes) {
      entry.attributes.reset();
      if (entry.kind == NodeKind::kSymlink) entry.kind = NodeKind::kFile;
    }
    if (request.recursive && name == cannot_list_) {
      page.unlisted.push_back({entry.key, {.code = ErrorCode::kPermissionDenied, .message = "no"}});
    }
    page.entries.push_back(std::move(entry));
    last = name;
  }
  // No name is less than this one.
  if (options_.endless_listings) page.continuation = prefix + '\1';
  return page;
}

Result<ObjectInfo> FakeObjectStore::DoHead(const ObjectKey& key) {
  if (key.is_root()) return DoHeadDirectory(key);
  TRY_VOID(CheckKey(key, options_.capabilities));
  if (const Node* file = FindFile(key)) return Describe(key.path, *file);
  return DoHeadDirectory(key);
}

Result<ObjectInfo> FakeObjectStore::DoHeadDirectory(const ObjectKey& key) {
  ObjectInfo prefix_only{.key = key, .kind = NodeKind::kDirectory, .attributes = Attributes{}};
  if (key.is_root()) return prefix_only;
  TRY_VOID(CheckKey(key, options_.capabilities));
  const auto directory = nodes_.find(DirectoryName(key));
  if (directory != nodes_.end()) return Describe(directory->first, directory->second);
  if (DirectoryExists(key)) return prefix_only;
  return Refuse(ErrorCode::kNotFound, key);
}

Result<GetReply> FakeObjectStore::DoGet(const GetRequest& request, std::span<std::byte> into) {
  if (request.range.length_bytes > into.size())
    return Refuse(ErrorCode::kInvalidArgument, request.key);
  const Node* node = FindFile(request.key);
  if (node == nullptr) {
    const bool is_directory = hierarchical() && DirectoryExists(request.key);
    return Refuse(is_directory ? ErrorCode::kIsDirectory : ErrorCode::kNotFound, request.key);
  }
  if (request.if_match && node->etag != *request.if_match) {
    return Refuse(ErrorCode::kPreconditionFailed, request.key);
  }
  const ByteRange there = Intersect(request.range, {0, node->content.size()});
  if (!there.empty())
    std::memcpy(into.data(), node->content.data() + there.offset_bytes, there.length_bytes);
  bytes_read_ += there.length_bytes;
  return GetReply{.bytes_received = there.length_bytes,
                  .object_size_bytes = node->content.size(),
                  .etag = node->etag};
}

Result<ObjectInfo> FakeObjectStore::DoPut(const PutRequest& request, bool retried) {
  if (request.kind == NodeKind::kDirectory) return Refuse(ErrorCode::kInvalidArgument, request.key);
  if (request.body.size() > options_.capabilities.max_put_bytes)
    return Refuse(ErrorCode::kTooLarge, request.key);
  TRY_VOID(CheckAttributes(request.attributes));
  Node node = MakeNode(request.kind, request.body, request.attributes);
  if (Status allowed = CheckWrite(request.key, request.conditions); !allowed) {
    const Node* existing = FindFile(request.key);
    const bool ours = retried && existing != nullptr && existing->kind == node.kind &&
                      existing->content == node.content && existing->attributes == node.attributes;
    if (!ours) return Fail(allowed.error());
    return Describe(request.key.path, *existing);
  }
  bytes_written_ += request.body.size();
  return Store(request.key, std::move(node));
}

Result<UploadId> FakeObjectStore::DoStartUpload(const StartUploadRequest& request) {
  TRY_VOID(CheckAttributes(request.attributes));
  TRY_VOID(CheckWrite(request.key, request.conditions));
  if (request.append_to) {
    if (!options_.capabilities.append) return Refuse(ErrorCode::kNotSupported, request.key);
    const Node* base = FindFile(request.key);
    if (base == nullptr || base->etag != request.append_to->etag ||
        base->content.size() != request.append_to->size_bytes) {
      return Refuse(ErrorCode::kPreconditionFailed, request.key);
    }
  }
  const std::string id = fmt::format("upload-{}", ++last_version_);
  uploads_[id] = Upload{.key = request.key, .base = request.append_to, .parts = {}};
  return UploadId{id};
}

Result<PartReceipt> FakeObjectStore::DoUploadPart(const UploadPartRequest& request) {
  const auto upload = uploads_.find(request.upload.value);
  if (upload == uploads_.end() || upload->second.key != request.key)
    return Refuse(ErrorCode::kNotFound, request.key);
  const Capabilities& limits = options_.capabilities;
  if (request.body.empty() || request.part_number == 0)
    return Refuse(ErrorCode::kInvalidArgument, request.key);
  if (request.body.size() > limits.max_part_bytes || request.part_number > limits.max_parts) {
    return Refuse(ErrorCode::kTooLarge, request.key);
  }
  bytes_written_ += request.body.size();
  Part part{.offset_bytes = request.offset_bytes,
            .content = AsText(request.body),
            .tag = NextTag().value};
  PartReceipt receipt{.part_number = request.part_number,
                      .offset_bytes = request.offset_bytes,
                      .size_bytes = request.body.size(),
                      .tag = part.tag,
                      .crc32c = Crc32c(request.body)};
  upload->second.parts[request.part_number] = std::move(part);
  return receipt;
}

// The new content, if the receipts name the parts as they are and leave no gap.
Result<std::string> FakeObjectStore::Assemble(const Upload& upload,
                                              const CommitUploadRequest& request) {
  std::string content;
  if (upload.base) {
    const Node* base = FindFile(request.key);
    if (base == nullptr || base->etag != upload.base->etag) {
      return Refuse(ErrorCode::kPreconditionFailed, request.key);
    }
    content = base->content;
  }
  std::uint32_t previous = 0;
  for (std::size_t i = 0; i < request.parts.size(); ++i) {
    const PartReceipt& receipt = request.parts[i];
    const auto part = upload.parts.find(receipt.part_number);
    const bool last = i + 1 == request.parts.size();
    if (part == upload.parts.end() || part->second.tag != receipt.tag ||
        receipt.part_number <= previous || part->second.offset_bytes != content.size() ||
        (!last && part->second.content.size() < options_.capabilities.min_part_bytes)) {
      return Refuse(ErrorCode::kInvalidArgument, request.key);
    }
    content += part->second.content;
    previous = receipt.part_number;
  }
  return content;
}

Result<ObjectInfo> FakeObjectStore::DoCommitUpload(const CommitUploadRequest& request,
                                                   bool retried) {
  const auto upload = uploads_.find(request.upload.value);
  if (upload == uploads_.end() || upload->second.key != request.key) {
    const auto done = committed_.find(request.upload.value);
    const Node* existing = FindFile(request.key);
    const bool ours = retried && done != committed_.end() && existing != nullptr &&
                      existing->etag == done->second;
    if (!ours) return Refuse(ErrorCode::kNotFound, request.key);
    return Describe(request.key.path, *existing);
  }
  TRY_VOID(CheckAttributes(request.attributes));
  TRY_VOID(CheckWrite(request.key, request.conditions));
  Node node{.content = TRY(Assemble(upload->second, request)),
            .attributes = Kept(request.attributes)};
  node.digests.crc32c = Crc32c(AsBytes(node.content));
  uploads_.erase(upload);
  ObjectInfo info = Store(request.key, std::move(node));
  committed_[request.upload.value] = info.etag;
  return info;
}

Result<ObjectInfo> FakeObjectStore::DoSetAttributes(const SetAttributesRequest& request,
                                                    bool retried) {
  TRY_VOID(CheckKey(request.key, options_.capabilities));
  TRY_VOID(CheckAttributes(request.attributes));
  const bool directory = request.kind == NodeKind::kDirectory;
  const std::string name = directory ? DirectoryName(request.key) : request.key.path;
  auto found = nodes_.find(name);
  if (found == nodes_.end()) {
    if (!directory || !DirectoryExists(request.key))
      return Refuse(ErrorCode::kNotFound, request.key);
    if (request.if_match) return Refuse(ErrorCode::kPreconditionFailed, request.key);
    found = nodes_.try_emplace(name, Node{.kind = NodeKind::kDirectory}).first;
  }
  Node& node = found->second;
  Attributes wanted = Kept(request.attributes);
  if (!request.set_tier) wanted.tier = node.attributes.tier;
  if (request.info && request.info->etag == node.etag) ++told_versions_;
  if (request.if_match && node.etag != *request.if_match) {
    if (retried && node.attributes == wanted) return Describe(name, node);
    return Refuse(ErrorCode::kPreconditionFailed, request.key);
  }
  node.attributes = wanted;
  Touch(node);
  return Describe(name, node);
}

Result<ObjectInfo> FakeObjectStore::DoMakeDirectory(const MakeDirectoryRequest& request,
                                                    bool retried) {
  TRY_VOID(CheckKey(request.key, options_.capabilities));
  TRY_VOID(CheckAttributes(request.attributes));
  TRY_VOID(CheckParents(request.key));
  const std::string name = DirectoryName(request.key);
  const Attributes wanted = Kept(request.attributes);
  const auto existing = nodes_.find(name);
  const bool looks = !request.nothing_there || retried || options_.capabilities.real_directories;
  const bool taken = existing != nodes_.end() ||
                     (looks && (FindFile(request.key) != nullptr || DirectoryExists(request.key)));
  if (taken) {
    const bool ours = retried && existing != nodes_.end() && existing->second.attributes == wanted;
    if (!ours) return Refuse(ErrorCode::kAlreadyExists, request.key);
    return Describe(name, existing->second);
  }
  MakeParents(request.key);
  Node& node = nodes_[name];
  node.kind = NodeKind::kDirectory;
  node.attributes = wanted;
  Touch(node);
  return Describe(name, node);
}

Status FakeObjectStore::DoRemoveDirectory(const ObjectKey& key, bool retried) {
  TRY_VOID(CheckKey(key, options_.capabilities));
  if (!DirectoryExists(key)) {
    if (FindFile(key) != nullptr) return Refuse(ErrorCode::kNotDirectory, key);
    if (retried) return {};
    return Refuse(ErrorCode::kNotFound, key);
  }
  if (HasChildren(key)) return Refuse(ErrorCode::kNotEmpty, key);
  nodes_.erase(DirectoryName(key));
  return {};
}

Result<ObjectInfo> FakeObjectStore::DoRename(const RenameRequest& request, bool retried) {
  TRY_VOID(CheckKey(request.source, options_.capabilities));
  TRY_VOID(CheckKey(request.destination, options_.capabilities));
  TRY_VOID(CheckParents(request.destination));
  const ObjectKey parent = request.destination.parent();
  if (hierarchical() && !DirectoryExists(parent)) return Refuse(ErrorCode::kNotFound, parent);
  return request.kind == NodeKind::kDirectory ? RenameDirectory(request, retried)
                                              : RenameFile(request, retried);
}

Result<ObjectInfo> FakeObjectStore::RenameFile(const RenameRequest& request, bool retried) {
  Node* source = FindFile(request.source);
  if (source == nullptr) {
    const Node* there = FindFile(request.destination);
    const bool ours = retried && request.source_if_match && there != nullptr &&
                      there->moved_from == *request.source_if_match;
    if (!ours) return Refuse(ErrorCode::kNotFound, request.source);
    return Describe(request.destination.path, *there);
  }
  if (request.source_if_match && source->etag != *request.source_if_match) {
    return Refuse(ErrorCode::kPreconditionFailed, request.source);
  }
  TRY_VOID(CheckWrite(request.destination, request.destination_conditions));
  if (!request.no_directory_there && DirectoryExists(request.destination))
    return Refuse(ErrorCode::kIsDirectory, request.destination);
  if (request.source == request.destination) return Describe(request.source.path, *source);
  Node moved = std::move(*source);
  nodes_.erase(request.source.path);
  moved.moved_from = moved.etag;
  // A hierarchical service moves the entry and keeps its ETag; a flat one makes a new object.
  if (!hierarchical()) Touch(moved);
  Node& placed = nodes_[request.destination.path];
  placed = std::move(moved);
  return Describe(request.destination.path, placed);
}

Result<ObjectInfo> FakeObjectStore::RenameDirectory(const RenameRequest& request, bool retried) {
  const std::string from = DirectoryName(request.source);
  const std::string to = DirectoryName(request.destination);
  if (StartsWith(to, from) && to != from)
    return Refuse(ErrorCode::kInvalidArgument, request.destination);
  const bool there = DirectoryExists(request.destination);
  if (!DirectoryExists(request.source)) {
    if (retried && there) return DoHead(request.destination);
    return Refuse(
        FindFile(request.source) != nullptr ? ErrorCode::kNotDirectory : ErrorCode::kNotFound,
        request.source);
  }
  const auto own = nodes_.find(from);
  if (request.source_if_match &&
      (own == nodes_.end() || own->second.etag != *request.source_if_match)) {
    if (!retried) return Refuse(ErrorCode::kPreconditionFailed, request.source);
  }
  const bool file_there = FindFile(request.destination) != nullptr;
  const bool continuing = retried && !options_.capabilities.atomic_directory_rename;
  if (request.destination_conditions.must_not_exist && (file_there || there) && !continuing) {
    return Refuse(ErrorCode::kAlreadyExists, request.destination);
  }
  if (file_there) return Refuse(ErrorCode::kNotDirectory, request.destination);
  if (from == to) return DoHead(request.source);
  if (HasChildren(request.destination) && !continuing)
    return Refuse(ErrorCode::kNotEmpty, request.destination);
  TRY_VOID(MoveTree(request.source, request.destination));
  return DoHead(request.destination);
}

Status FakeObjectStore::MoveTree(const ObjectKey& from, const ObjectKey& to) {
  const std::string prefix = DirectoryName(from);
  std::optional<std::size_t> left;
  if (!options_.capabilities.atomic_directory_rename)
    left = std::exchange(interrupt_rename_after_, std::nullopt);
  for (auto it = nodes_.lower_bound(prefix); it != nodes_.end() && StartsWith(it->first, prefix);
       it = nodes_.lower_bound(prefix)) {
    if (left && (*left)-- == 0) return Fail(LostReply());
    Node moved = std::move(it->second);
    const std::string name = DirectoryName(to) + it->first.substr(prefix.size());
    nodes_.erase(it);
    moved.moved_from = moved.etag;
    if (!hierarchical()) Touch(moved);
    nodes_[name] = std::move(moved);
  }
  return {};
}

Status FakeObjectStore::DoDelete(const DeleteRequest& request, bool retried) {
  if (const auto fault = deletion_faults_.extract(request.key.path)) return Fail(fault.mapped());
  const Node* node = FindFile(request.key);
  if (node == nullptr) {
    if (hierarchical() && DirectoryExists(request.key))
      return Refuse(ErrorCode::kIsDirectory, request.key);
    if (retried) return {};
    return Refuse(ErrorCode::kNotFound, request.key);
  }
  if (request.if_match && node->etag != *request.if_match) {
    return Refuse(ErrorCode::kPreconditionFailed, request.key);
  }
  nodes_.erase(request.key.path);
  return {};
}

}  // namespace skybridge::testing
