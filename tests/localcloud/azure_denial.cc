#include "tests/localcloud/azure_denial.h"

#include <nlohmann/json.hpp>

#include "core/time_text.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

struct Row {
  int status;
  const char* code;
  const char* message;
};

// What all storage services say alike.
constexpr Row kCommon[] = {
    {304, "ConditionNotMet",
     "The condition specified using HTTP conditional header(s) is not met."},
    {400, "InvalidInput", "One of the request inputs is not valid."},
    {401, "InvalidAuthenticationInfo",
     "Server failed to authenticate the request. Please refer to the information in the "
     "www-authenticate header."},
    {403, "AuthorizationPermissionMismatch",
     "This request is not authorized to perform this operation using this permission."},
    {405, "UnsupportedHttpVerb", "The resource doesn't support the specified HTTP verb."},
    {409, "ResourceTypeMismatch",
     "The specified resource type does not match the type of the existing resource."},
    {411, "MissingContentLengthHeader", "You must provide the Content-Length HTTP header."},
    {412, "ConditionNotMet",
     "The condition specified using HTTP conditional header(s) is not met."},
    {413, "RequestBodyTooLarge",
     "The request body is too large and exceeds the maximum permissible limit."},
    {416, "InvalidRange", "The range specified is invalid for the current size of the resource."},
    {429, "ServerBusy", "The server is currently unable to receive requests."},
    {500, "InternalError", "The server encountered an internal error. Please retry the request."},
    {503, "ServerBusy", "The server is currently unable to receive requests."},
};

bool Creates(Operation operation) {
  switch (operation) {
    case Operation::kCreateFile:
    case Operation::kCreateDirectory:
    case Operation::kRename:
    case Operation::kPutBlob:
    case Operation::kCopyBlob:
    case Operation::kPutBlockList:
      return true;
    default:
      return false;
  }
}

Row MissingRow(Operation operation, const Target& target, bool dfs) {
  if (IsQueue(operation)) return {404, "QueueNotFound", "The specified queue does not exist."};
  if (!target.path.empty())
    return dfs ? Row{404, "PathNotFound", "The specified path does not exist."}
               : Row{404, "BlobNotFound", "The specified blob does not exist."};
  return dfs ? Row{404, "FilesystemNotFound", "The specified filesystem does not exist."}
             : Row{404, "ContainerNotFound", "The specified container does not exist."};
}

Row RowOf(int status, Operation operation, const Target& target, bool dfs) {
  if (status == 404) return MissingRow(operation, target, dfs);
  if (status == 409 && Creates(operation))
    return dfs ? Row{409, "PathAlreadyExists", "The specified path already exists."}
               : Row{409, "BlobAlreadyExists", "The specified blob already exists."};
  for (const Row& row : kCommon) {
    if (row.status == status) return row;
  }
  if (status >= 500) return {status, "InternalError", "The server encountered an internal error."};
  return {status, "InvalidInput", "One of the request inputs is not valid."};
}

}  // namespace

Refusal RefusalOf(const Denial& denial, Operation operation, const Target& target, bool dfs) {
  const Row row = RowOf(denial.status, operation, target, dfs);
  Refusal refusal{.status = denial.status,
                  .code = denial.code.empty() ? row.code : denial.code,
                  .message = row.message};
  if (denial.status == 401) AddTokenChallenge(refusal.headers);
  return refusal;
}

Response TokenRefusalOf(const Denial& denial, WallTime now) {
  std::string error = denial.code;
  if (error.empty()) {
    error = denial.status == 401   ? "invalid_client"
            : denial.status == 403 ? "unauthorized_client"
            : denial.status >= 429 ? "temporarily_unavailable"
                                   : "invalid_request";
  }
  const nlohmann::json body{{"error", error},
                            {"error_description", "The local cloud was told to refuse this."},
                            {"timestamp", FormatRfc3339(now, 0)},
                            {"trace_id", NewGuid()},
                            {"correlation_id", NewGuid()}};
  Response response{.status = denial.status, .body = body.dump()};
  response.headers.Add("Content-Type", "application/json; charset=utf-8");
  return response;
}

}  // namespace skybridge::localcloud::azure
