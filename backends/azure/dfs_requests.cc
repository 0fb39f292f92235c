#include "backends/azure/dfs_requests.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "backends/azure/blob_requests.h"
#include "backends/azure/replies.h"
#include "core/encoding.h"

namespace skybridge::azure {
namespace {

void AddContentHeaders(HttpHeaders& headers, const ContentHeaders& content) {
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) headers.Add(name, value);
  };
  add("x-ms-content-type", content.type);
  add("x-ms-content-encoding", content.encoding);
  add("x-ms-content-language", content.language);
  add("x-ms-content-disposition", content.disposition);
  add("x-ms-cache-control", content.cache_control);
}

}  // namespace

HttpRequest MakeHeadFilesystemRequest(std::string container_url) {
  return {.operation = "azure.head_filesystem",
          .method = "HEAD",
          .url = std::move(container_url) + "?resource=filesystem"};
}

HttpRequest MakeRootAccessControlRequest(const std::string& container_url) {
  return {.operation = "azure.head_root",
          .method = "HEAD",
          .url = container_url + "/?action=getAccessControl"};
}

HttpRequest MakeListPathsRequest(const ListPathsParams& params) {
  HttpRequest request{.operation = "azure.list_paths",
                      .method = "GET",
                      .url = fmt::format("{}?resource=filesystem&recursive={}",
                                         params.container_url, !params.one_level)};
  if (!params.directory.empty()) request.url += "&directory=" + PercentEncode(params.directory);
  if (!params.continuation.empty())
    request.url += "&continuation=" + PercentEncode(params.continuation);
  const std::uint32_t limit = params.max_results == 0 ? kMaxListEntries : params.max_results;
  request.url += fmt::format("&maxResults={}", std::min(limit, kMaxListEntries));
  return request;
}

HttpRequest MakeSetPropertiesRequest(const SetPropertiesParams& params) {
  HttpRequest request{.operation = "azure.set_properties",
                      .method = "PATCH",
                      .url = params.url + "?action=setProperties"};
  if (!params.properties.empty())
    request.headers.Add("x-ms-properties", EncodeProperties(params.properties));
  AddContentHeaders(request.headers, params.content);
  if (params.if_match) request.headers.Add("If-Match", QuoteETag(*params.if_match));
  return request;
}

HttpRequest MakeGetAccessRequest(const std::string& url) {
  return {.operation = "azure.get_access_control",
          .method = "HEAD",
          .url = url + "?action=getAccessControl"};
}

HttpRequest MakeSetAccessRequest(const std::string& url, const AccessControl& access) {
  HttpRequest request{.operation = "azure.set_access_control",
                      .method = "PATCH",
                      .url = url + "?action=setAccessControl"};
  if (!access.owner.empty()) request.headers.Add("x-ms-owner", access.owner);
  if (!access.group.empty()) request.headers.Add("x-ms-group", access.group);
  if (!access.acl.empty()) request.headers.Add("x-ms-acl", access.acl);
  return request;
}

HttpRequest MakeCreatePathRequest(const CreatePathParams& params) {
  const char* resource = params.kind == NodeKind::kDirectory ? "directory" : "file";
  HttpRequest request{.operation = "azure.create_path",
                      .method = "PUT",
                      .url = params.url + "?resource=" + resource};
  request.headers.Add("If-None-Match", "*");
  if (!params.properties.empty())
    request.headers.Add("x-ms-properties", EncodeProperties(params.properties));
  return request;
}

HttpRequest MakeAppendRequest(const AppendParams& params) {
  HttpRequest request{
      .operation = "azure.append",
      .method = "PATCH",
      .url = fmt::format("{}?action=append&position={}", params.url, params.position_bytes),
      .body = params.body};
  request.headers.Add("Content-Type", "application/octet-stream");
  AddChecksum(request.headers, params.body, params.checksum);
  return request;
}

HttpRequest MakeFlushRequest(const FlushParams& params) {
  HttpRequest request{
      .operation = "azure.flush",
      .method = "PATCH",
      .url = fmt::format("{}?action=flush&position={}&retainUncommittedData=false&close=true",
                         params.url, params.size_bytes)};
  AddContentHeaders(request.headers, params.content);
  return request;
}

HttpRequest MakeRenamePathRequest(const RenamePathParams& params) {
  HttpRequest request{
      .operation = "azure.rename", .method = "PUT", .url = params.url + "?mode=legacy"};
  request.headers.Add("x-ms-rename-source", params.source);
  if (!params.properties.empty())
    request.headers.Add("x-ms-properties", EncodeProperties(params.properties));
  if (params.source_if_match)
    request.headers.Add("x-ms-source-if-match", QuoteETag(*params.source_if_match));
  AddConditions(request.headers, params.conditions);
  return request;
}

HttpRequest MakeDeletePathRequest(const DeletePathParams& params) {
  HttpRequest request{.operation = "azure.delete", .method = "DELETE", .url = params.url};
  if (params.kind == NodeKind::kDirectory) request.url += "?recursive=false";
  if (params.if_match) request.headers.Add("If-Match", QuoteETag(*params.if_match));
  return request;
}

}  // namespace skybridge::azure
