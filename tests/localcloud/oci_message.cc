#include "tests/localcloud/oci_message.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include <fmt/format.h>
#include <openssl/rand.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"

namespace skybridge::localcloud::oci {
namespace {

constexpr std::size_t kMaxObjectNameBytes = 1024;

bool IsUtf8(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = at(i);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead >= 0x80 && (lead < 0xC2 || lead > 0xF4)) return false;
    if (i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((at(i + k) & 0xC0) != 0x80) return false;
    }
    // Over-long forms, surrogates and values above U+10FFFF.
    if (length == 3 && ((lead == 0xE0 && at(i + 1) < 0xA0) || (lead == 0xED && at(i + 1) > 0x9F)))
      return false;
    if (length == 4 && ((lead == 0xF0 && at(i + 1) < 0x90) || (lead == 0xF4 && at(i + 1) > 0x8F)))
      return false;
    i += length;
  }
  return true;
}

OciFailure IfMatchFailed(std::string_view wanted, std::string_view current) {
  return {412, "IfMatchFailed",
          fmt::format("The If-Match header is '{}' but the current entity tag is '{}'", wanted,
                      current)};
}

}  // namespace

Outcome<OciQuery> OciQuery::Parse(std::string_view raw_query) {
  OciQuery query;
  while (!raw_query.empty()) {
    const std::size_t end = raw_query.find('&');
    const std::string_view pair = raw_query.substr(0, end);
    raw_query = end == std::string_view::npos ? std::string_view() : raw_query.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    auto name = PercentDecode(pair.substr(0, equals));
    auto value = PercentDecode(equals == std::string_view::npos ? std::string_view()
                                                                : pair.substr(equals + 1));
    if (!name || !value)
      return Refuse(400, "InvalidParameter", "The query has a bad percent escape");
    query.parameters_.emplace_back(*std::move(name), *std::move(value));
  }
  return query;
}

const std::string* OciQuery::Find(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view OciQuery::Get(std::string_view name) const {
  const std::string* value = Find(name);
  return value != nullptr ? std::string_view(*value) : std::string_view();
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return lower;
}

std::string NewUuid() {
  std::array<unsigned char, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3F) | 0x80);
  std::string text = HexEncode(std::as_bytes(std::span(bytes)));
  for (const std::size_t dash : {20U, 16U, 12U, 8U}) text.insert(dash, 1, '-');
  return text;
}

Response EmptyResponse(int status) {
  Response response;
  response.status = status;
  return response;
}

Response JsonResponse(int status, std::string json) {
  Response response;
  response.status = status;
  response.headers.Add("Content-Type", "application/json");
  response.body = std::move(json);
  return response;
}

std::string CodeOf(int status, std::string_view operation) {
  const bool of_bucket = operation == "oci.list_objects" || operation.ends_with("bucket") ||
                         operation == "oci.create_multipart";
  const bool of_upload = operation.ends_with("_multipart") || operation == "oci.upload_part" ||
                         operation == "oci.list_parts";
  const bool of_object = operation.ends_with("_object") || operation == "oci.update_storage_tier";
  switch (status) {
    case 400:
      return "InvalidParameter";
    case 401:
      return "NotAuthenticated";
    case 403:
      return "NotAllowed";
    case 404:
      if (of_bucket) return "BucketNotFound";
      if (of_upload) return "UploadNotFound";
      return of_object ? "ObjectNotFound" : "NotAuthorizedOrNotFound";
    case 405:
      return "MethodNotAllowed";
    case 409:
      return of_object || of_upload ? "ConcurrentObjectUpdate" : "IncorrectState";
    case 411:
      return "ContentLengthRequired";
    case 412:
      return "IfMatchFailed";
    case 413:
      return "RequestEntityTooLarge";
    case 416:
      return "InvalidRange";
    case 429:
      return "TooManyRequests";
    case 501:
      return "NotImplemented";
    case 503:
      return "ServiceUnavailable";
    default:
      return status >= 500 ? "InternalServerError" : "InvalidParameter";
  }
}

Response FailureResponse(const OciFailure& failure) {
  if (failure.status == 304) {
    Response response = EmptyResponse(304);
    response.headers = failure.headers;
    return response;
  }
  Response response = JsonResponse(
      failure.status, fmt::format(R"({{"code":{},"message":{}}})", JsonString(failure.code),
                                  JsonString(failure.message)));
  for (const auto& [name, value] : failure.headers) response.headers.Add(name, value);
  return response;
}

std::string JsonString(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Outcome<std::int64_t> NumberParameter(const OciQuery& query, std::string_view name,
                                      std::int64_t low, std::int64_t high, std::int64_t otherwise,
                                      std::string_view code) {
  const std::string* text = query.Find(name);
  if (text == nullptr) return otherwise;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < low || value > high) {
    return Refuse(400, std::string(code),
                  fmt::format("The parameter '{}' is '{}' but must be from {} to {}", name, *text,
                              low, high));
  }
  return value;
}

std::optional<OciFailure> CheckObjectName(std::string_view name) {
  if (name.empty() || name.size() > kMaxObjectNameBytes) {
    return OciFailure{400, "InvalidObjectName",
                      fmt::format("An object name must have 1 to {} bytes", kMaxObjectNameBytes)};
  }
  if (name.find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos ||
      !IsUtf8(name)) {
    return OciFailure{400, "InvalidObjectName",
                      "An object name must be UTF-8 without NUL, CR and LF"};
  }
  return std::nullopt;
}

std::string_view Unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    return etag.substr(1, etag.size() - 2);
  return etag;
}

Outcome<WriteConditions> ReadWriteConditions(const HttpHeaders& headers) {
  WriteConditions conditions{std::string(Unquoted(headers.Get("if-match"))),
                             std::string(headers.Get("if-none-match"))};
  if (!conditions.if_none_match.empty() && conditions.if_none_match != "*") {
    return Refuse(400, "IfNoneMatchDisallowed", "If-None-Match of a write must be '*'");
  }
  if (conditions.if_match.find(',') != std::string::npos) {
    return Refuse(400, "NoCondMultEntities", "If-Match must hold one entity tag");
  }
  if (!conditions.if_match.empty() && !conditions.if_none_match.empty()) {
    return Refuse(400, "InvalidParameter", "If-Match and If-None-Match exclude each other");
  }
  return conditions;
}

std::optional<OciFailure> CheckWriteConditions(const WriteConditions& conditions,
                                               const std::string* current) {
  if (!conditions.if_match.empty() && (current == nullptr || *current != conditions.if_match)) {
    return IfMatchFailed(conditions.if_match,
                         current == nullptr ? std::string_view("none") : *current);
  }
  if (!conditions.if_none_match.empty() && current != nullptr) {
    return OciFailure{
        412, "IfNoneMatchFailed",
        fmt::format("The If-None-Match header is '*' but there is an entity with tag '{}'",
                    *current)};
  }
  return std::nullopt;
}

}  // namespace skybridge::localcloud::oci
