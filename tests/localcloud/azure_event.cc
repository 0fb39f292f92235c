#include "tests/localcloud/azure_event.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

using Json = nlohmann::ordered_json;

bool Announces(const Call& call) {
  return !call.account.events().queue.empty() && (call.hierarchical() || !call.dfs) &&
         call.target.container != "$logs" && call.target.container != "$blobchangefeed";
}

std::string UrlOf(const Call& call, const std::string& container, const std::string& path) {
  return fmt::format("https://{}.{}.core.windows.net/{}/{}", call.account.name(),
                     call.dfs ? "dfs" : "blob", container, PercentEncodePath(path));
}

Json DataOf(const Call& call, std::string_view api) {
  Json data{{"api", api}};
  if (!call.header("x-ms-client-request-id").empty())
    data["clientRequestId"] = call.header("x-ms-client-request-id");
  data["requestId"] = call.request_id;
  return data;
}

void AddNode(Json& data, const Call& call, const Node& node) {
  data["contentType"] =
      node.settings.type.empty() ? "application/octet-stream" : node.settings.type;
  data["blobType"] = "BlockBlob";
  data["url"] = UrlOf(call, call.target.container, call.target.path);
}

std::string TextOf(const Json& event, bool plain) {
  const std::string text = event.dump(-1, ' ', false, Json::error_handler_t::replace);
  return plain ? text : Base64Encode(AsBytes(text));
}

struct Heading {
  std::string_view type;
  std::string_view data_version;  // of the Event Grid schema
  const std::string& path;        // of the subject
};

// The envelope of one of the two schemas around `data`, and off into the queue.
void Send(const Call& call, const Heading& heading, Json data) {
  const EventOptions& options = call.account.events();
  Queue* queue = call.account.queues().Find(options.queue);
  if (queue == nullptr) return;
  data["sequencer"] = call.account.NextSequencer(call.now);
  data["storageDiagnostics"] = {{"batchId", NewGuid()}};
  const bool cloud = options.schema == EventSchema::kCloudEvents;
  Json event;
  event[cloud ? "source" : "topic"] =
      "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/localcloud/providers/"
      "Microsoft.Storage/storageAccounts/" +
      call.account.name();
  event["subject"] = "/blobServices/default/containers/" + call.target.container + "/blobs/" +
                     std::string(heading.path);
  event[cloud ? "type" : "eventType"] = "Microsoft.Storage." + std::string(heading.type);
  event[cloud ? "time" : "eventTime"] = FormatRfc3339(call.now, 7);
  event["id"] = NewGuid();
  event["data"] = std::move(data);
  if (cloud) {
    event["specversion"] = "1.0";
  } else {
    event["dataVersion"] = heading.data_version;
    event["metadataVersion"] = "1";
  }
  call.account.queues().Put(*queue, {.text = TextOf(event, options.plain)}, call.now);
}

// Data Lake's events of files say version 2, Blob's say none.
std::string_view FileDataVersion(const Call& call) { return call.dfs ? "2" : ""; }

void AnnounceDirectory(const Call& call, std::string_view type, Json data) {
  data["url"] = UrlOf(call, call.target.container, call.target.path);
  Send(call, {.type = type, .data_version = "1", .path = call.target.path}, std::move(data));
}

}  // namespace

void AnnounceCreated(const Call& call, std::string_view api, const Node& node) {
  if (!Announces(call)) return;
  Json data = DataOf(call, api);
  data["eTag"] = node.quoted_etag();
  data["contentLength"] = node.content.size();
  if (call.dfs) data["contentOffset"] = 0;
  AddNode(data, call, node);
  Send(call,
       {.type = "BlobCreated", .data_version = FileDataVersion(call), .path = call.target.path},
       std::move(data));
}

void AnnounceDeleted(const Call& call, const Node& node) {
  if (!Announces(call)) return;
  Json data = DataOf(call, call.dfs ? "DeleteFile" : "DeleteBlob");
  AddNode(data, call, node);
  Send(call,
       {.type = "BlobDeleted", .data_version = FileDataVersion(call), .path = call.target.path},
       std::move(data));
}

void AnnounceTier(const Call& call, const Node& node) {
  if (!Announces(call)) return;
  Json data = DataOf(call, "SetBlobTier");
  data["contentLength"] = node.content.size();
  AddNode(data, call, node);
  Send(call, {.type = "BlobTierChanged", .data_version = "", .path = call.target.path},
       std::move(data));
}

void AnnounceDirectoryCreated(const Call& call) {
  if (Announces(call)) AnnounceDirectory(call, "DirectoryCreated", DataOf(call, "CreateDirectory"));
}

void AnnounceDirectoryDeleted(const Call& call, bool recursive) {
  if (!Announces(call)) return;
  Json data = DataOf(call, "DeleteDirectory");
  data["recursive"] = recursive ? "true" : "false";
  AnnounceDirectory(call, "DirectoryDeleted", std::move(data));
}

void AnnounceRenamed(const Call& call, const RenamedPath& renamed) {
  if (!Announces(call)) return;
  Json data = DataOf(call, renamed.directory ? "RenameDirectory" : "RenameFile");
  data["destinationUrl"] = UrlOf(call, call.target.container, renamed.to);
  data["sourceUrl"] = UrlOf(call, renamed.from_container, renamed.from);
  Send(call,
       {.type = renamed.directory ? "DirectoryRenamed" : "BlobRenamed",
        .data_version = "1",
        .path = renamed.to},
       std::move(data));
}

}  // namespace skybridge::localcloud::azure
