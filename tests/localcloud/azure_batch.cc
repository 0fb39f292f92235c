#include "tests/localcloud/azure_batch.h"

#include <string>

#include <fmt/format.h>

#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_target.h"
#include "tests/localcloud/azure_text.h"
#include "tests/localcloud/reply_source.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::size_t kMaxParts = 256;
constexpr std::string_view kLineEnd = "\r\n";

struct Part {
  std::string content_id;
  Request request;
};

[[noreturn]] void RefuseBatch(const std::string& why) {
  azure::Refuse(400, "InvalidInput", "The batch is not valid: " + why);
}

// Takes one line off `text`.
std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find(kLineEnd);
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + kLineEnd.size());
  return line;
}

// Header fields up to an empty line.
HttpHeaders TakeHeaders(std::string_view& text) {
  HttpHeaders headers;
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) RefuseBatch("a header line has no colon");
    headers.Add(std::string(line.substr(0, colon)), std::string(Trim(line.substr(colon + 1))));
  }
  return headers;
}

Part ParsePart(std::string_view text, const Request& batch) {
  Part part{.content_id = std::string(TakeHeaders(text).Get("Content-ID"))};
  const std::vector<std::string_view> words = Split(TakeLine(text), ' ');
  if (words.size() != 3 || !words[1].starts_with('/')) RefuseBatch("a request line is not valid");
  Request& request = part.request;
  request.method = words[0];
  request.raw_target = words[1];
  const std::size_t query = request.raw_target.find('?');
  request.raw_path = request.raw_target.substr(0, query);
  if (query != std::string::npos) request.raw_query = request.raw_target.substr(query + 1);
  request.headers = TakeHeaders(text);
  request.headers.Set("Host", std::string(batch.headers.Get("Host")));
  request.local_address = batch.local_address;
  request.secure = batch.secure;
  request.clock_skew = batch.clock_skew;
  request.tokens_expired = batch.tokens_expired;
  return part;
}

// The two operations that a batch may hold.
enum class Kind { kDelete, kSetTier };

Kind KindOf(const Request& request) {
  if (request.method == "DELETE") return Kind::kDelete;
  if (request.method != "PUT" || Query(request.raw_query).Get("comp") != "tier")
    RefuseBatch("a part may delete a blob or set its tier");
  return Kind::kSetTier;
}

std::vector<Part> ParseBatch(const Request& batch) {
  const std::string_view type = batch.headers.Get("Content-Type");
  const std::size_t at = type.find("boundary=");
  if (!type.starts_with("multipart/mixed") || at == std::string_view::npos)
    RefuseBatch("no boundary");
  const std::string delimiter = "--" + std::string(type.substr(at + 9));
  std::vector<Part> parts;
  std::string_view rest = batch.body;
  if (!rest.starts_with(delimiter)) RefuseBatch("the body does not begin with the boundary");
  while (true) {
    rest.remove_prefix(delimiter.size());
    if (rest.starts_with("--")) break;
    const std::size_t end = rest.find(delimiter);
    if (end == std::string_view::npos) RefuseBatch("no closing boundary");
    std::string_view text = rest.substr(0, end);
    TakeLine(text);
    parts.push_back(ParsePart(text, batch));
    rest.remove_prefix(end);
  }
  if (parts.empty() || parts.size() > kMaxParts) RefuseBatch("1 to 256 parts are allowed");
  for (const Part& part : parts) {
    if (KindOf(part.request) != KindOf(parts.front().request))
      RefuseBatch("all parts must ask for the same operation");
  }
  return parts;
}

}  // namespace

Response HandleBatch(const Request& request,
                     const std::function<Response(const Request&)>& handle) {
  const std::string boundary = "batchresponse_" + NewGuid();
  std::string body;
  for (const Part& part : ParseBatch(request)) {
    const Response reply = handle(part.request);
    body += fmt::format(
        "--{}\r\nContent-Type: application/http\r\nContent-ID: {}\r\n\r\nHTTP/1.1 {} {}\r\n",
        boundary, part.content_id, reply.status, reply.status < 300 ? "Accepted" : "Refused");
    for (const auto& [name, value] : reply.headers) body += fmt::format("{}: {}\r\n", name, value);
    body += "\r\n";
    for (const std::string_view bytes : BodyParts(reply)) body += bytes;
    body += "\r\n";
  }
  Response response{.status = 202, .body = body + "--" + boundary + "--\r\n"};
  response.headers.Add("Content-Type", "multipart/mixed; boundary=" + boundary);
  return response;
}

}  // namespace skybridge::localcloud::azure
