// What those say who give a machine its identity: the tokens of a resource principal (version 1.1),
// the answer to a pod, the realm that an instance is in, regions of the environment, and the
// challenge of Azure Arc. Input: choice byte, then the text.
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "backends/azure/managed_identity.h"
#include "backends/oci/instance_metadata.h"
#include "backends/oci/region.h"
#include "backends/oci/resource_principal.h"
#include "backends/oci/workload_identity.h"
#include "tests/fuzz/answering_transport.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/sleepless_clock.h"

namespace skybridge::fuzz {
namespace {

void ReadResourceTokens(std::string_view text) {
  const auto tokens = oci::ParseResourceTokens(text);
  Require(!tokens || (!tokens->resource_principal_token.empty() &&
                      !tokens->service_principal_session_token.empty()),
          "a resource principal has both tokens");
}

void ReadWorkloadReply(std::string_view text) {
  const auto token = oci::ParseWorkloadReply(text);
  Require(!token || !token->empty(), "a pod's token has text");
}

void ReadRealm(std::string_view text) {
  AnsweringTransport transport(text);
  const oci::Environment nothing_set = [](std::string_view) { return std::nullopt; };
  testing::SleeplessClock clock;  // "not yet" is asked again
  const oci::InstanceMetadata metadata(transport, clock, nothing_set);
  const auto place = metadata.Place("", {});
  if (!place) return;
  Require(!place->region.empty(), "a region has a name");
  const auto issuer = oci::AuthEndpoint(place->region, place->environment);
  Require(!issuer || issuer->find_first_of("/?#@:\\ \"", 8) == std::string::npos,
          "who is asked for a token is a host and no more");
}

// A line that is looked for, then the JSON.
void ReadRegions(std::string_view text) {
  Input in(text);
  const std::string_view wanted = in.Line();
  const std::string json(in.Rest());
  const oci::Environment environment = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "OCI_REGION_METADATA") return json;
    return std::nullopt;
  };
  const std::string id = oci::RegionId(wanted, environment);
  Require(oci::IsKnownRegion("us-ashburn-1", environment), "what is added takes nothing away");
  Require(oci::RealmDomain("us-ashburn-1", environment) == "oraclecloud.com",
          "nor does it replace what is known");
  Require(!oci::RealmDomain(id, environment).empty(), "every region has a realm");
  const auto issuer = oci::AuthEndpoint(wanted, environment);
  Require(!issuer || issuer->starts_with("https://auth."),
          "who is asked for a token is asked over TLS");
}

// The service always refuses; no file is where the challenge points to.
void ReadArcChallenge(std::string_view text) {
  Input in(text);
  HttpResponse challenge{.status = 401};
  challenge.headers.Add("WWW-Authenticate", std::string(in.Line()));
  challenge.body = in.Rest();
  AnsweringTransport transport(std::move(challenge));
  testing::SleeplessClock clock;
  const auto source = azure::ManagedIdentitySource::Make(
      {.service = {azure::ManagedIdentityKind::kAzureArc, "http://127.0.0.1:40342/token", Secret()},
       .arc_token_directory = "/nonexistent/tokens"},
      transport, clock);
  const auto token = (*source)->Fetch({});
  Require(!token, "a challenge alone gives no token");
  Require(!token.error().retryable, "a challenge without its file is not asked for again");
}

}  // namespace

FUZZ_TARGET(identity_replies) {
  constexpr std::array kReaders = {&ReadResourceTokens, &ReadWorkloadReply, &ReadRealm,
                                   &ReadRegions, &ReadArcChallenge};
  Input in(input);
  const auto choice = in.Byte();
  kReaders.at(choice % kReaders.size())(in.Rest());
}

}  // namespace skybridge::fuzz
