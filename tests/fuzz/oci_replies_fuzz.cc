// OCI: what else it says. Error bodies, Retry-After, the headers of an object, work requests,
// upload ids, tokens and secrets. Input: status byte, choice byte, a line of headers, body.
#include <array>
#include <chrono>
#include <string>

#include "backends/oci/error.h"
#include "backends/oci/replies.h"
#include "backends/oci/token_claims.h"
#include "backends/oci/token_exchange.h"
#include "backends/oci/vault.h"
#include "backends/posix_metadata.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge::oci {
namespace {

constexpr std::array<int, 12> kStatuses = {200, 304, 400, 401, 403, 404,
                                           409, 412, 429, 500, 503, 999};
constexpr std::array<std::string_view, 8> kHeaders = {
    "retry-after", "last-modified",  "content-md5",   "opc-content-crc32c",
    "etag",        "opc-meta-mtime", "opc-meta-mode", "content-length"};
constexpr WallTime kNow{std::chrono::seconds(1'767'608'430)};  // 5 January 2026
constexpr std::chrono::hours kLongestWait{24 * 366};

}  // namespace

FUZZ_TARGET(oci_replies) {
  fuzz::Input in(input);
  HttpResponse response;
  response.status = kStatuses[in.Byte() % kStatuses.size()];
  const std::string_view name = kHeaders[in.Byte() % kHeaders.size()];
  const std::string_view line = in.Line();
  response.headers.Add(std::string(name), std::string(line));
  response.body = in.Rest();

  const Error error = ErrorFromResponse("get 'a'", response, kNow);
  fuzz::Require(!error.retry_after || (*error.retry_after >= std::chrono::milliseconds(0) &&
                                       *error.retry_after <= kLongestWait),
                "a server's wish to wait is bounded");
  const ObjectFacts facts = ParseObjectFacts(response.headers);
  DecodePosixMetadata(MetadataDialect::kOci, NodeKind::kFile, facts.metadata);
  const auto start = StartOfContentRange(line);
  const auto total = TotalOfContentRange(line);
  fuzz::Require(!start || !total || !line.empty(), "an empty range says nothing");

  const std::string_view body = response.body;
  fuzz::Require(ParseUploadId(body).value_or("x") != "", "an upload has an id");
  fuzz::Require(ParseNamespace(body).value_or("x") != "", "a namespace has a name");
  const auto token = ParseTokenReply(body, "sign in");
  fuzz::Require(!token || !token->empty(), "a token has text");
  const auto secret = ParseSecretBundle(body);
  fuzz::Require(!secret || !secret->empty(), "a secret has text");
  const auto failed = ParseFailedDeletes(body);
  fuzz::Require(!failed || failed->size() <= body.size(), "no more failures than bytes");
  const auto work = ParseWorkState(body);
  fuzz::Require(!work || !body.empty(), "nothing is no state");
  ParseWorkErrors(body);
  ParseTokenClaims(line);
}

}  // namespace skybridge::oci
