#include "tests/localcloud/azure_operation.h"

#include <array>
#include <utility>

#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::array kNames{
    std::pair{Operation::kUnknown, "azure.unknown"},
    std::pair{Operation::kOauthToken, "azure.oauth_token"},
    std::pair{Operation::kImdsToken, "azure.imds_token"},
    std::pair{Operation::kOpenIdConfiguration, "azure.openid_configuration"},
    std::pair{Operation::kListFilesystems, "azure.list_filesystems"},
    std::pair{Operation::kCreateFilesystem, "azure.create_filesystem"},
    std::pair{Operation::kGetFilesystem, "azure.get_filesystem"},
    std::pair{Operation::kSetFilesystem, "azure.set_filesystem"},
    std::pair{Operation::kDeleteFilesystem, "azure.delete_filesystem"},
    std::pair{Operation::kListPaths, "azure.list_paths"},
    std::pair{Operation::kCreateFile, "azure.create_file"},
    std::pair{Operation::kCreateDirectory, "azure.create_directory"},
    std::pair{Operation::kRename, "azure.rename"},
    std::pair{Operation::kAppend, "azure.append"},
    std::pair{Operation::kFlush, "azure.flush"},
    std::pair{Operation::kSetProperties, "azure.set_properties"},
    std::pair{Operation::kSetAccessControl, "azure.set_access_control"},
    std::pair{Operation::kSetAccessControlRecursive, "azure.set_access_control_recursive"},
    std::pair{Operation::kGetAccessControl, "azure.get_access_control"},
    std::pair{Operation::kGetStatus, "azure.get_status"},
    std::pair{Operation::kCheckAccess, "azure.check_access"},
    std::pair{Operation::kDeletePath, "azure.delete_path"},
    std::pair{Operation::kLeasePath, "azure.lease_path"},
    std::pair{Operation::kRead, "azure.read"},
    std::pair{Operation::kHead, "azure.head"},
    std::pair{Operation::kSetExpiry, "azure.set_expiry"},
    std::pair{Operation::kListContainers, "azure.list_containers"},
    std::pair{Operation::kAccountProperties, "azure.account_properties"},
    std::pair{Operation::kServiceProperties, "azure.service_properties"},
    std::pair{Operation::kUserDelegationKey, "azure.user_delegation_key"},
    std::pair{Operation::kBatch, "azure.batch"},
    std::pair{Operation::kCreateContainer, "azure.create_container"},
    std::pair{Operation::kGetContainer, "azure.get_container"},
    std::pair{Operation::kSetContainerMetadata, "azure.set_container_metadata"},
    std::pair{Operation::kGetContainerAcl, "azure.get_container_acl"},
    std::pair{Operation::kLeaseContainer, "azure.lease_container"},
    std::pair{Operation::kDeleteContainer, "azure.delete_container"},
    std::pair{Operation::kListBlobs, "azure.list_blobs"},
    std::pair{Operation::kPutBlob, "azure.put_blob"},
    std::pair{Operation::kCopyBlob, "azure.copy_blob"},
    std::pair{Operation::kPutBlock, "azure.put_block"},
    std::pair{Operation::kPutBlockFromUrl, "azure.put_block_from_url"},
    std::pair{Operation::kPutBlockList, "azure.put_block_list"},
    std::pair{Operation::kGetBlockList, "azure.get_block_list"},
    std::pair{Operation::kGetMetadata, "azure.get_metadata"},
    std::pair{Operation::kSetMetadata, "azure.set_metadata"},
    std::pair{Operation::kSetBlobProperties, "azure.set_blob_properties"},
    std::pair{Operation::kSetTier, "azure.set_tier"},
    std::pair{Operation::kLeaseBlob, "azure.lease_blob"},
    std::pair{Operation::kSnapshot, "azure.snapshot"},
    std::pair{Operation::kAppendBlock, "azure.append_block"},
    std::pair{Operation::kAppendBlockFromUrl, "azure.append_block_from_url"},
    std::pair{Operation::kSeal, "azure.seal"},
    std::pair{Operation::kDeleteBlob, "azure.delete_blob"},
    std::pair{Operation::kListQueues, "azure.list_queues"},
    std::pair{Operation::kCreateQueue, "azure.create_queue"},
    std::pair{Operation::kDeleteQueue, "azure.delete_queue"},
    std::pair{Operation::kGetQueueMetadata, "azure.get_queue_metadata"},
    std::pair{Operation::kSetQueueMetadata, "azure.set_queue_metadata"},
    std::pair{Operation::kPutMessage, "azure.put_message"},
    std::pair{Operation::kGetMessages, "azure.get_messages"},
    std::pair{Operation::kPeekMessages, "azure.peek_messages"},
    std::pair{Operation::kClearMessages, "azure.clear_messages"},
    std::pair{Operation::kUpdateMessage, "azure.update_message"},
    std::pair{Operation::kDeleteMessage, "azure.delete_message"},
};

static_assert(
    [] {
      for (std::size_t i = 0; i < kNames.size(); ++i) {
        if (static_cast<std::size_t>(kNames[i].first) != i) return false;
      }
      return kNames.size() == static_cast<std::size_t>(Operation::kDeleteMessage) + 1;
    }(),
    "the table is indexed by operation");

std::string Method(const Request& request) {
  const std::string_view tunnelled = request.headers.Get("X-HTTP-Method-Override");
  return tunnelled.empty() ? request.method : std::string(tunnelled);
}

bool IsRead(std::string_view method) { return method == "GET" || method == "HEAD"; }

Operation RouteAccount(std::string_view method, const Query& query) {
  const std::string comp = query.Get("comp");
  const std::string restype = query.Get("restype");
  if (method == "GET" && query.Get("resource") == "account") return Operation::kListFilesystems;
  if (method == "GET" && comp == "list") return Operation::kListContainers;
  if (IsRead(method) && restype == "account" && comp == "properties")
    return Operation::kAccountProperties;
  if (method == "GET" && restype == "service" && comp == "properties")
    return Operation::kServiceProperties;
  if (method == "POST" && comp == "userdelegationkey") return Operation::kUserDelegationKey;
  if (method == "POST" && comp == "batch") return Operation::kBatch;
  return Operation::kUnknown;
}

Operation RouteFilesystem(std::string_view method) {
  if (method == "PUT") return Operation::kCreateFilesystem;
  if (method == "HEAD") return Operation::kGetFilesystem;
  if (method == "GET") return Operation::kListPaths;
  if (method == "PATCH") return Operation::kSetFilesystem;
  if (method == "DELETE") return Operation::kDeleteFilesystem;
  return Operation::kUnknown;
}

Operation RouteContainer(std::string_view method, const Query& query) {
  const std::string comp = query.Get("comp");
  if (method == "POST" && comp == "batch") return Operation::kBatch;
  if (method == "GET" && comp == "list") return Operation::kListBlobs;
  if (IsRead(method) && comp == "acl") return Operation::kGetContainerAcl;
  if (method == "PUT" && comp == "lease") return Operation::kLeaseContainer;
  if (method == "PUT" && comp == "metadata") return Operation::kSetContainerMetadata;
  if (IsRead(method) && (comp.empty() || comp == "metadata")) return Operation::kGetContainer;
  if (method == "PUT" && comp.empty()) return Operation::kCreateContainer;
  if (method == "DELETE" && comp.empty()) return Operation::kDeleteContainer;
  return Operation::kUnknown;
}

Operation RoutePatch(std::string_view action) {
  if (action == "append") return Operation::kAppend;
  if (action == "flush") return Operation::kFlush;
  if (action == "setProperties") return Operation::kSetProperties;
  if (action == "setAccessControl") return Operation::kSetAccessControl;
  if (action == "setAccessControlRecursive") return Operation::kSetAccessControlRecursive;
  return Operation::kUnknown;
}

Operation RouteHead(std::string_view action) {
  if (action.empty()) return Operation::kHead;
  if (action == "getStatus") return Operation::kGetStatus;
  if (action == "getAccessControl") return Operation::kGetAccessControl;
  if (action == "checkAccess") return Operation::kCheckAccess;
  return Operation::kUnknown;
}

Operation RoutePut(const Request& request, const Query& query) {
  const bool from_url = request.headers.Find("x-ms-copy-source") != nullptr;
  const std::string comp = query.Get("comp");
  if (comp == "block") return from_url ? Operation::kPutBlockFromUrl : Operation::kPutBlock;
  if (comp == "blocklist") return Operation::kPutBlockList;
  if (comp == "metadata") return Operation::kSetMetadata;
  if (comp == "properties") return Operation::kSetBlobProperties;
  if (comp == "lease") return Operation::kLeaseBlob;
  if (comp == "tier") return Operation::kSetTier;
  if (comp == "expiry") return Operation::kSetExpiry;
  if (comp == "snapshot") return Operation::kSnapshot;
  if (comp == "appendblock")
    return from_url ? Operation::kAppendBlockFromUrl : Operation::kAppendBlock;
  if (comp == "seal") return Operation::kSeal;
  if (!comp.empty()) return Operation::kUnknown;
  if (request.headers.Find("x-ms-rename-source") != nullptr) return Operation::kRename;
  if (query.Get("resource") == "file") return Operation::kCreateFile;
  if (query.Get("resource") == "directory") return Operation::kCreateDirectory;
  if (query.Has("resource") || query.Has("mode")) return Operation::kUnknown;
  return from_url ? Operation::kCopyBlob : Operation::kPutBlob;
}

Operation RouteDelete(const Request& request, const Target& target) {
  const bool dfs = target.endpoint == Endpoint::kDfs || target.query.Has("recursive") ||
                   target.query.Has("paginated") ||
                   request.headers.Get("Accept").find("application/json") != std::string_view::npos;
  return dfs && target.endpoint != Endpoint::kBlob ? Operation::kDeletePath
                                                   : Operation::kDeleteBlob;
}

Operation RoutePath(std::string_view method, const Request& request, const Target& target) {
  const std::string comp = target.query.Get("comp");
  if (method == "PUT") return RoutePut(request, target.query);
  if (method == "PATCH") return RoutePatch(target.query.Get("action"));
  if (method == "DELETE" && comp.empty()) return RouteDelete(request, target);
  if (method == "POST") return Operation::kLeasePath;
  if (method == "GET" && comp == "blocklist") return Operation::kGetBlockList;
  if (IsRead(method) && comp == "metadata") return Operation::kGetMetadata;
  if (method == "HEAD" && comp.empty()) return RouteHead(target.query.Get("action"));
  if (method == "GET" && comp.empty()) return Operation::kRead;
  return Operation::kUnknown;
}

Operation RouteMessages(std::string_view method, const Query& query) {
  if (method == "POST") return Operation::kPutMessage;
  if (method == "DELETE") return Operation::kClearMessages;
  if (method != "GET") return Operation::kUnknown;
  return query.Get("peekonly") == "true" ? Operation::kPeekMessages : Operation::kGetMessages;
}

Operation RouteQueue(std::string_view method, const Target& target) {
  const std::string comp = target.query.Get("comp");
  if (target.container.empty())
    return method == "GET" && comp == "list" ? Operation::kListQueues : Operation::kUnknown;
  if (target.path == "messages") return RouteMessages(method, target.query);
  if (target.path.starts_with("messages/")) {
    if (method == "PUT") return Operation::kUpdateMessage;
    return method == "DELETE" ? Operation::kDeleteMessage : Operation::kUnknown;
  }
  if (!target.path.empty()) return Operation::kUnknown;
  if (comp == "metadata" && IsRead(method)) return Operation::kGetQueueMetadata;
  if (comp == "metadata" && method == "PUT") return Operation::kSetQueueMetadata;
  if (comp.empty() && method == "PUT") return Operation::kCreateQueue;
  if (comp.empty() && method == "DELETE") return Operation::kDeleteQueue;
  return Operation::kUnknown;
}

}  // namespace

std::string_view OperationName(Operation operation) {
  return kNames[static_cast<std::size_t>(operation)].second;
}

bool IsQueue(Operation operation) { return operation >= Operation::kListQueues; }

bool IsDfs(Operation operation, const Target& target, const Request& request) {
  if (operation >= Operation::kListFilesystems && operation <= Operation::kLeasePath) return true;
  if (operation >= Operation::kListContainers) return false;
  if (target.endpoint != Endpoint::kEither) return target.endpoint == Endpoint::kDfs;
  return request.headers.Get("Accept").find("application/json") != std::string_view::npos ||
         target.query.Has("resource") || target.query.Has("action");
}

Operation RouteToken(const Request& request) {
  if (request.method == "POST" && (request.raw_path.ends_with("/oauth2/token") ||
                                   request.raw_path.ends_with("/oauth2/v2.0/token"))) {
    return Operation::kOauthToken;
  }
  if (request.method == "GET" &&
      (request.raw_path == "/metadata/identity/oauth2/token" || request.raw_path == "/msi/token")) {
    return Operation::kImdsToken;
  }
  if (request.method == "GET" &&
      request.raw_path.ends_with("/v2.0/.well-known/openid-configuration"))
    return Operation::kOpenIdConfiguration;
  return Operation::kUnknown;
}

Operation RouteStorage(const Request& request, const Target& target) {
  const std::string method = Method(request);
  const Query& query = target.query;
  if (target.endpoint == Endpoint::kQueue) return RouteQueue(method, target);
  if (target.container.empty()) return RouteAccount(method, query);
  // Get Account Information: on a container's and a blob's address, too (rclone and azcopy hold a SAS
  // of no more than that; seen 2026-11-29).
  if (IsRead(method) && query.Get("restype") == "account" && query.Get("comp") == "properties")
    return Operation::kAccountProperties;
  if (target.path.empty()) {
    if (query.Get("resource") == "filesystem") return RouteFilesystem(method);
    if (query.Get("restype") == "container") return RouteContainer(method, query);
    // The container's root directory.
    if (method == "HEAD") return RouteHead(query.Get("action"));
    if (method == "PATCH") return RoutePatch(query.Get("action"));
    if (method == "DELETE") return Operation::kDeletePath;
    return Operation::kUnknown;
  }
  return RoutePath(method, request, target);
}

}  // namespace skybridge::localcloud::azure
