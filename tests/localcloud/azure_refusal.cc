#include "tests/localcloud/azure_refusal.h"

#include <nlohmann/json.hpp>

#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {

void Refuse(int status, std::string code, std::string message) {
  throw Refusal{.status = status, .code = std::move(code), .message = std::move(message)};
}

void RefuseMissing(bool dfs) {
  if (dfs) Refuse(404, "PathNotFound", "The specified path does not exist.");
  Refuse(404, "BlobNotFound", "The specified blob does not exist.");
}

void RefuseExisting(bool dfs, bool directory) {
  if (!dfs) Refuse(409, "BlobAlreadyExists", "The specified blob already exists.");
  Refusal refusal{
      .status = 409, .code = "PathAlreadyExists", .message = "The specified path already exists."};
  refusal.headers.Add("x-ms-existing-resource-type", directory ? "directory" : "file");
  throw refusal;
}

void RefuseContainer(bool dfs) {
  if (dfs) Refuse(404, "FilesystemNotFound", "The specified filesystem does not exist.");
  Refuse(404, "ContainerNotFound", "The specified container does not exist.");
}

void RefuseCondition() {
  Refuse(412, "ConditionNotMet",
         "The condition specified using HTTP conditional header(s) is not met.");
}

void RefuseQuery(const std::string& name, const std::string& value) {
  throw Refusal{
      .status = 400,
      .code = "InvalidQueryParameterValue",
      .message = "Value for one of the query parameters specified in the request URI is invalid.",
      .details = {{"QueryParameterName", name}, {"QueryParameterValue", value}}};
}

void RefuseNoQuery(const std::string& name) {
  throw Refusal{.status = 400,
                .code = "MissingRequiredQueryParameter",
                .message = "A query parameter that's mandatory for this request is not specified.",
                .details = {{"QueryParameterName", name}}};
}

void RefuseHeader(const std::string& name, const std::string& value) {
  throw Refusal{.status = 400,
                .code = "InvalidHeaderValue",
                .message = "The value for one of the HTTP headers is not in the correct format.",
                .details = {{"HeaderName", name}, {"HeaderValue", value}}};
}

void RefuseNoHeader(const std::string& name) {
  throw Refusal{.status = 400,
                .code = "MissingRequiredHeader",
                .message = "An HTTP header that's mandatory for this request is not specified.",
                .details = {{"HeaderName", name}}};
}

void AddTokenChallenge(HttpHeaders& headers) {
  headers.Add("WWW-Authenticate",
              "Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize "
              "resource_id=https://storage.azure.com");
}

std::string JsonBody(const Refusal& refusal, const std::string& suffix) {
  nlohmann::ordered_json body;
  body["error"] = {{"code", refusal.code}, {"message", refusal.message + suffix}};
  for (const auto& [name, value] : refusal.details) body[name] = value;
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string XmlBody(const Refusal& refusal, const std::string& suffix) {
  std::string body(kXmlStart);
  body += "<Error>";
  AppendElement(body, "Code", refusal.code);
  AppendElement(body, "Message", refusal.message + suffix);
  for (const auto& [name, value] : refusal.details) AppendElement(body, name, value);
  return body + "</Error>";
}

}  // namespace skybridge::localcloud::azure
