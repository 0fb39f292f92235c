// Azure: what else it says. Error bodies (JSON of DFS, XML of Blob, a proxy's page), Retry-After,
// the headers of an object, and token replies. Input: status byte, choice byte, a line of headers,
// body.
#include <array>
#include <chrono>
#include <string>

#include "backends/azure/azure_cli.h"
#include "backends/azure/error.h"
#include "backends/azure/flat_listing.h"
#include "backends/azure/oauth.h"
#include "backends/azure/replies.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge::azure {
namespace {

constexpr std::array<int, 12> kStatuses = {200, 304, 400, 401, 403, 404,
                                           409, 412, 429, 500, 503, 999};
constexpr std::array<std::string_view, 8> kHeaders = {
    "Retry-After",   "retry-after-ms", "x-ms-error-code", "Date",
    "Last-Modified", "Content-MD5",    "x-ms-meta-mtime", "Content-Length"};
constexpr WallTime kNow{std::chrono::seconds(1'767'608'430)};  // 5 January 2026
constexpr std::chrono::hours kLongestWait{24 * 366};

HttpResponse MakeResponse(fuzz::Input& in) {
  HttpResponse response;
  response.status = kStatuses[in.Byte() % kStatuses.size()];
  const std::string_view name = kHeaders[in.Byte() % kHeaders.size()];
  response.headers.Add(std::string(name), std::string(in.Line()));
  response.body = in.Rest();
  return response;
}

}  // namespace

FUZZ_TARGET(azure_replies) {
  fuzz::Input in(input);
  const HttpResponse response = MakeResponse(in);
  const Error error = MakeError("get 'a'", response, kNow);
  fuzz::Require(!error.retry_after || (*error.retry_after >= std::chrono::milliseconds(0) &&
                                       *error.retry_after <= kLongestWait),
                "a server's wish to wait is bounded");
  const auto token = ParseTokenReply(response, MonotonicTime{}, kNow);
  fuzz::Require(!token || token->refresh_at <= token->expires, "a token is renewed before its end");
  const auto cli_token = ParseCliToken(response.body, MonotonicTime{}, kNow);
  fuzz::Require(!cli_token || cli_token->refresh_at <= cli_token->expires, "so is one of az");
  Describe(MetadataDialect::kAzureFlat, SightingFromHeaders(ObjectKey("a"), response.headers));
  if (const auto parsed = SortedPage::Parse(response.body)) {
    fuzz::Require(parsed->held_paths.size() <= response.body.size(), "a continuation is bounded");
  }
}

}  // namespace skybridge::azure
