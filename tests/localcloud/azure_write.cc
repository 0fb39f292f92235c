// Blob operations that write: whole blobs, blocks, metadata, leases.
#include <fmt/format.h>
#include <pugixml.hpp>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/azure_blob.h"
#include "tests/localcloud/azure_event.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::size_t kMaxBlockIdBytes = 64;
constexpr std::size_t kMaxCommittedBlocks = 50000;

// Data Lake's appends and Blob's blocks do not mix in one file of a hierarchical account.
void RefuseDfsBorn(const Call& call) {
  const NodePtr existing = call.Find();
  if (existing == nullptr || existing->origin == Origin::kBlob || !call.hierarchical()) return;
  Refuse(409, "BlobOperationNotSupported",
         "Blob operation is not supported: the blob was created through the Data Lake endpoint.");
}

void TakeContentType(const Call& call, ContentSettings& settings) {
  settings.type = call.header("Content-Type");
  settings.encoding = call.header("Content-Encoding");
  settings.language = call.header("Content-Language");
  settings.cache_control = call.header("Cache-Control");
}

void CheckBlockId(const Call& call, const std::string& id) {
  const auto decoded = Base64Decode(id);
  if (!decoded || decoded->empty() || decoded->size() > kMaxBlockIdBytes) {
    RefuseQuery("blockid", id);
  }
  std::size_t length = id.size();
  const auto uncommitted = call.container().uncommitted.find(call.target.path);
  if (uncommitted != call.container().uncommitted.end()) {
    if (!uncommitted->second.empty()) length = uncommitted->second.begin()->first.size();
    if (uncommitted->second.size() >= call.limits.uncommitted_blocks &&
        !uncommitted->second.contains(id)) {
      Refuse(409, "BlockCountExceedsLimit",
             fmt::format("The uncommitted block count exceeds the maximum limit of {} blocks.",
                         call.limits.uncommitted_blocks));
    }
  }
  const NodePtr existing = call.Find();
  if (existing != nullptr && !existing->blocks.empty()) length = existing->blocks.front().id.size();
  if (length != id.size())
    Refuse(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.");
}

// What a blob is stored with that came in one request. Throws when its digest is not the body's.
ContentSettings SettingsOfWhole(const Call& call) {
  ContentSettings settings;
  TakeContentType(call, settings);
  TakeSettings(call, settings);
  if (!settings.md5.empty() && settings.md5 != call.body_md5) {
    Refuse(400, "Md5Mismatch",
           "The MD5 value specified in the request did not match with the MD5 value calculated by "
           "the server.");
  }
  settings.md5 = call.body_md5;
  return settings;
}

// Put Blob with the mark of a directory makes one in a hierarchical account (azcopy, blobfuse2 and
// rclone do so; seen 2026-11-29). What the service does about bytes in it, or about a path that is
// taken, nobody has shown: both are refused here.
Response PutFolder(const Call& call, Metadata metadata) {
  if (!call.body.bytes.empty())
    RefuseHeader("Content-Length", std::string(call.header("Content-Length")));
  CheckFolderMark(call, metadata, /*directory=*/true);
  CheckPathLimits(call.target.path, /*hierarchical=*/true);
  CheckConditions(call, call.Find().get());
  if (call.Find() != nullptr) RefuseExisting(/*dfs=*/false, /*directory=*/true);
  const auto node = std::make_shared<Node>();
  node->directory = true;
  call.account.Insert(call.container(), call.target.path, node, call.now);
  node->owner = call.object_id;
  node->group = node->parent->group;
  node->acl = node->parent->acl.ForChild(/*is_directory=*/true, 0777, 0027);
  node->metadata = std::move(metadata);
  call.account.Touch(*node, call.now);
  node->created = node->last_modified;
  call.account.Save(call.container(), *node);
  AnnounceDirectoryCreated(call);
  Response response = Encrypted(ReplyWith(201, *node));
  response.headers.Add("Content-MD5", call.body_md5);
  return response;
}

// The parts that a block list document names, in its order.
class BlockListReader {
 public:
  explicit BlockListReader(const Call& call) {
    const Container& container = call.container();
    if (const auto found = container.uncommitted.find(call.target.path);
        found != container.uncommitted.end()) {
      uncommitted_ = &found->second;
    }
    if (const NodePtr node = call.Find()) {
      for (std::size_t i = 0; i < node->blocks.size(); ++i)
        committed_[node->blocks[i].id] = node->content.parts()[i];
    }
  }

  void Read(const std::string& body) {
    pugi::xml_document document;
    if (!document.load_buffer(body.data(), body.size()) || !document.child("BlockList")) {
      Refuse(400, "InvalidXmlDocument", "XML specified is not syntactically valid.");
    }
    for (const pugi::xml_node& entry : document.child("BlockList").children())
      Add(entry.name(), entry.child_value());
    if (blocks.size() > kMaxCommittedBlocks) {
      Refuse(409, "BlockCountExceedsLimit",
             "The committed block count cannot exceed the maximum limit of 50,000 blocks.");
    }
  }

  std::vector<Block> blocks;
  Content content;

 private:
  void Add(std::string_view from, const std::string& id) {
    const Slice* part = nullptr;
    if (from == "Latest" || from == "Uncommitted") part = Find(uncommitted_, id);
    if (part == nullptr && (from == "Latest" || from == "Committed")) part = Find(&committed_, id);
    if (part == nullptr) Refuse(400, "InvalidBlockList", "The specified block list is invalid.");
    blocks.push_back({.id = id, .size = part->bytes.size()});
    content.Append(*part);
  }
  static const Slice* Find(const std::map<std::string, Slice>* blocks, const std::string& id) {
    if (blocks == nullptr) return nullptr;
    const auto found = blocks->find(id);
    return found == blocks->end() ? nullptr : &found->second;
  }

  const std::map<std::string, Slice>* uncommitted_ = nullptr;
  std::map<std::string, Slice> committed_;
};

}  // namespace

NodePtr NeedForWrite(const Call& call) {
  NodePtr node = call.Need();
  CheckConditions(call, node.get());
  node->lease.CheckWrite(call.request.headers, call.now, call.leased());
  return node;
}

void CheckReplace(const Call& call) {
  CheckPathLimits(call.target.path, call.hierarchical());
  const NodePtr existing = call.Find();
  CheckConditions(call, existing.get());
  if (existing == nullptr) return;
  if (existing->directory) RefuseExisting(/*dfs=*/false, /*directory=*/true);
  existing->lease.CheckWrite(call.request.headers, call.now, Leased::kBlob);
}

void RequireKind(const Node& node, BlobKind kind) {
  if (node.kind != kind)
    Refuse(409, "InvalidBlobType", "The blob type is invalid for this operation.");
}

void StageBlock(const Call& call, Slice bytes) {
  const std::string id = call.target.query.Get("blockid");
  if (bytes.bytes.empty()) RefuseHeader("Content-Length", "0");
  CheckPathLimits(call.target.path, call.hierarchical());
  RefuseDfsBorn(call);
  const NodePtr existing = call.Find();
  if (existing != nullptr) {
    if (existing->directory) RefuseExisting(/*dfs=*/false, /*directory=*/true);
    RequireKind(*existing, BlobKind::kBlock);
    existing->lease.CheckWrite(call.request.headers, call.now, Leased::kBlob);
  }
  CheckBlockId(call, id);
  call.account.AddBlock(call.container(), call.target.path, id, std::move(bytes));
}

NodePtr FreshBlob(const Call& call) {
  Container& container = call.container();
  NodePtr node = call.Find();
  if (node == nullptr) {
    node = std::make_shared<Node>();
    call.account.Insert(container, call.target.path, node, call.now);
    if (call.hierarchical()) node->group = node->parent->group;
  }
  call.account.DropStaged(*node);
  node->origin = Origin::kBlob;
  node->owner = call.object_id;
  node->blocks.clear();
  node->kind = BlobKind::kBlock;
  node->sealed = false;
  node->settings = {};
  node->copy = {};
  node->tier = call.header("x-ms-access-tier");
  node->expires = {};
  if (call.hierarchical())
    node->acl = node->parent->acl.ForChild(/*is_directory=*/false, 0666, 0027);
  call.account.Touch(*node, call.now);
  node->created = node->last_modified;
  return node;
}

Response PutBlob(const Call& call) {
  const std::string type(call.header("x-ms-blob-type"));
  if (type.empty()) RefuseNoHeader("x-ms-blob-type");
  if (type != "BlockBlob" && type != "AppendBlob") {
    Refuse(409, "FeatureNotYetSupportedForHierarchicalNamespaceAccounts",
           "Only block blobs and append blobs are kept here.");
  }
  const bool appends = type == "AppendBlob";
  if (appends && !call.body.bytes.empty())
    RefuseHeader("Content-Length", std::string(call.header("Content-Length")));
  Metadata metadata = MetadataOf(call);
  if (call.hierarchical() && SaysFolder(metadata)) return PutFolder(call, std::move(metadata));
  CheckFolderMark(call, metadata, /*directory=*/false);
  ContentSettings settings = SettingsOfWhole(call);
  CheckReplace(call);
  const NodePtr node = FreshBlob(call);
  if (appends) node->kind = BlobKind::kAppend;
  node->metadata = std::move(metadata);
  node->settings = std::move(settings);
  if (appends) node->settings.md5 = call.header("x-ms-blob-content-md5");  // blocks follow
  Content content;
  if (!appends) content.Append(call.body);
  call.account.ReplaceContent(*node, std::move(content));
  call.account.DropBlocks(call.container(), call.target.path, {});
  call.account.Save(call.container(), *node);
  AnnounceCreated(call, "PutBlob", *node);
  Response response = Encrypted(ReplyWith(201, *node));
  response.headers.Add("Content-MD5", call.body_md5);
  return response;
}

Response PutBlock(const Call& call) {
  StageBlock(call, call.body);
  Response response = Encrypted(ReplyWith(201));
  AddBodyDigest(call, call.body_crc64, response);
  return response;
}

Response PutBlockList(const Call& call) {
  Metadata metadata = MetadataOf(call);
  CheckFolderMark(call, metadata, /*directory=*/false);
  ContentSettings settings;
  TakeSettings(call, settings);
  CheckReplace(call);
  RefuseDfsBorn(call);
  if (const NodePtr existing = call.Find()) RequireKind(*existing, BlobKind::kBlock);
  BlockListReader list(call);
  list.Read(call.request.body);
  Container& container = call.container();
  const NodePtr node = FreshBlob(call);
  node->metadata = std::move(metadata);
  node->settings = std::move(settings);
  node->blocks = std::move(list.blocks);
  call.account.ReplaceContent(*node, std::move(list.content));
  call.account.DropBlocks(container, call.target.path, node->content);
  call.account.Save(container, *node);
  AnnounceCreated(call, "PutBlockList", *node);
  Response response = Encrypted(ReplyWith(201, *node));
  AddBodyDigest(call, EncodeCrc64(Crc64Nvme(AsBytes(call.request.body))), response);
  return response;
}

Response GetBlockList(const Call& call) {
  const std::string type =
      call.target.query.Has("blocklisttype") ? call.target.query.Get("blocklisttype") : "committed";
  if (type != "committed" && type != "uncommitted" && type != "all")
    RefuseQuery("blocklisttype", type);
  const NodePtr node = call.Find();
  const auto uncommitted = call.container().uncommitted.find(call.target.path);
  const bool has_uncommitted = uncommitted != call.container().uncommitted.end();
  if (node == nullptr && !has_uncommitted) RefuseMissing(/*dfs=*/false);
  CheckConditions(call, node.get());
  if (node != nullptr) node->lease.CheckRead(call.request.headers, call.now, Leased::kBlob);
  std::string xml(kXmlStart);
  xml += "<BlockList>";
  const auto append = [&](const std::string& id, std::uint64_t size) {
    xml += "<Block>";
    AppendElement(xml, "Name", id);
    AppendElement(xml, "Size", std::to_string(size));
    xml += "</Block>";
  };
  if (type != "uncommitted") {
    xml += "<CommittedBlocks>";
    if (node != nullptr) {
      for (const Block& block : node->blocks) append(block.id, block.size);
    }
    xml += "</CommittedBlocks>";
  }
  if (type != "committed") {
    xml += "<UncommittedBlocks>";
    if (has_uncommitted) {
      for (const auto& [id, bytes] : uncommitted->second) append(id, bytes.bytes.size());
    }
    xml += "</UncommittedBlocks>";
  }
  Response response = node == nullptr ? ReplyWith(200) : ReplyWith(200, *node);
  response.body = xml + "</BlockList>";
  response.headers.Add("Content-Type", "application/xml");
  response.headers.Add("x-ms-blob-content-length",
                       std::to_string(node == nullptr ? 0 : node->content.size()));
  return response;
}

Response SetMetadata(const Call& call) {
  Metadata metadata = MetadataOf(call);
  const NodePtr node = NeedForWrite(call);
  CheckFolderMark(call, metadata, node->directory);
  node->metadata = std::move(metadata);
  call.account.Touch(*node, call.now);
  call.account.Save(call.container(), *node);
  return Encrypted(ReplyWith(200, *node));
}

Response SetBlobProperties(const Call& call) {
  const NodePtr node = NeedForWrite(call);
  if (HasAnySetting(call)) {  // one given clears the others
    ContentSettings settings;
    TakeSettings(call, settings);
    node->settings = std::move(settings);
  }
  call.account.Touch(*node, call.now);
  call.account.Save(call.container(), *node);
  return ReplyWith(200, *node);
}

Response SetTier(const Call& call) {
  const std::string tier(call.header("x-ms-access-tier"));
  if (tier != "Hot" && tier != "Cool" && tier != "Cold" && tier != "Archive")
    RefuseHeader("x-ms-access-tier", tier);
  const NodePtr node = call.Need();
  node->lease.CheckWrite(call.request.headers, call.now, Leased::kBlob);
  node->tier = tier;
  call.account.Save(call.container(), *node);
  AnnounceTier(call, *node);
  return ReplyWith(200);
}

Response ActOnLease(const Call& call) {
  const NodePtr node = call.Need();
  CheckConditions(call, node.get());
  Response response = node->lease.Act(call.request.headers, call.now);
  response.headers.Add("ETag", node->quoted_etag());
  response.headers.Add("Last-Modified", FormatHttpDate(node->last_modified));
  call.account.Save(call.container(), *node);
  return response;
}

}  // namespace skybridge::localcloud::azure
