#include "tests/localcloud/azure_copy.h"

#include <algorithm>

#include "tests/localcloud/azure_blob.h"
#include "tests/localcloud/azure_event.h"
#include "tests/localcloud/azure_limits.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

Content DuplicateOf(const Call& call, const Content& content) {
  Content copy;
  for (const Slice& part : content.parts()) copy.Append(call.account.Duplicate(part));
  return copy;
}

}  // namespace

CopySource FindCopySource(const Call& call) {
  CopySource source{.url = std::string(call.header("x-ms-copy-source"))};
  const std::size_t scheme = source.url.find("://");
  if (scheme == std::string::npos) RefuseHeader("x-ms-copy-source", source.url);
  const std::size_t host_at = scheme + 3;
  const std::size_t path_at = std::min(source.url.find('/', host_at), source.url.size());
  Request fetched;
  fetched.headers.Add("Host", source.url.substr(host_at, path_at - host_at));
  fetched.raw_target = source.url.substr(path_at);
  const std::size_t query_at = fetched.raw_target.find('?');
  fetched.raw_path = fetched.raw_target.substr(0, query_at);
  if (query_at != std::string::npos) fetched.raw_query = fetched.raw_target.substr(query_at + 1);
  if (fetched.raw_path.empty()) RefuseHeader("x-ms-copy-source", source.url);
  const Target target = ParseTarget(
      fetched, [&](std::string_view name) { return call.find_account(name) != nullptr; });
  source.account = call.find_account(target.account);
  const auto missing = [&] {
    Refuse(404, "CannotVerifyCopySource", "The specified blob does not exist.");
  };
  if (source.account == nullptr) missing();
  AuthorizeSource(call, *source.account,
                  {.account = target.account,
                   .container = target.container,
                   .path = target.path,
                   .raw_query = fetched.raw_query},
                  Operation::kRead);
  Container* container = source.account->FindContainer(target.container);
  if (container != nullptr)
    source.node = container->tree->Find(NormalPath(target.path, source.account->hierarchical()));
  if (source.node == nullptr || source.node->directory) missing();
  if (const std::string* time = target.query.Find("snapshot")) {
    const auto snapshot = source.node->snapshots.find(*time);
    if (snapshot == source.node->snapshots.end()) missing();
    const NodePtr chosen = snapshot->second;
    source.node = chosen;
  }
  CheckSourceConditions(call, *source.node);
  return source;
}

std::string SourceBytes(const Call& call, const CopySource& source) {
  const std::uint64_t size = source.node->content.size();
  ByteRange range{0, size};
  if (!call.header("x-ms-source-range").empty()) {
    Request ranged;
    ranged.headers.Add("x-ms-range", std::string(call.header("x-ms-source-range")));
    const Call reading{.request = ranged,
                       .target = call.target,
                       .account = call.account,
                       .storage = call.storage,
                       .issuer = call.issuer};
    range = RangeOf(reading, size).value_or(range);
  }
  std::string bytes;
  for (const Slice& slice : source.node->content.Read(range)) bytes += slice.bytes;
  return bytes;
}

Response CopyBlob(const Call& call) {
  Metadata metadata = MetadataOf(call);
  const CopySource source = FindCopySource(call);
  if (call.header("x-ms-requires-sync") == "true" &&
      source.node->content.size() > kMaxSynchronousCopyBytes) {
    Refuse(409, "CannotVerifyCopySource",
           "The copy source is over the size of a synchronous copy.");
  }
  CheckReplace(call);
  const bool put_from_url = !call.header("x-ms-blob-type").empty();
  Content content = DuplicateOf(call, source.node->content);
  ContentSettings settings = source.node->settings;
  if (metadata.empty()) metadata = source.node->metadata;
  CheckFolderMark(call, metadata, /*directory=*/false);
  std::vector<Block> blocks = source.node->blocks;
  const BlobKind kind = put_from_url ? BlobKind::kBlock : source.node->kind;
  if (const NodePtr existing = call.Find(); existing != nullptr && !put_from_url)
    RequireKind(*existing, kind);
  const NodePtr node = FreshBlob(call);
  node->kind = kind;
  node->settings = std::move(settings);
  if (put_from_url) TakeSettings(call, node->settings);
  node->metadata = std::move(metadata);
  node->blocks = std::move(blocks);
  call.account.ReplaceContent(*node, std::move(content));
  call.account.DropBlocks(call.container(), call.target.path, node->content);
  if (!put_from_url)
    node->copy = {.id = NewGuid(),
                  .source = source.url.substr(0, source.url.find('?')),
                  .completed = call.now};
  call.account.Save(call.container(), *node);
  AnnounceCreated(call, put_from_url ? "PutBlob" : "CopyBlob", *node);
  if (put_from_url) return Encrypted(ReplyWith(201, *node));
  Response response = ReplyWith(202, *node);
  response.headers.Add("x-ms-copy-id", node->copy.id);
  response.headers.Add("x-ms-copy-status", "success");
  return response;
}

Response PutBlockFromUrl(const Call& call) {
  StageBlock(call, call.storage.Keep(SourceBytes(call, FindCopySource(call))));
  return Encrypted(ReplyWith(201));
}

}  // namespace skybridge::localcloud::azure
