// Vault secret bundles. Source: OCI API reference, "Secret Retrieval API" (20190301).
#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/oci_handlers.h"

namespace skybridge::localcloud::oci {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxVersionsPerPage = 1000;

tl::unexpected<OciFailure> NoSuchSecret() {
  return Refuse(404, "NotAuthorizedOrNotFound",
                "Authorization failed or requested resource not found.");
}

// The stages of one version: each but DEPRECATED is of one version at a time.
std::vector<std::string> StagesOf(const KeptSecret& secret, std::size_t version) {
  std::vector<std::string> stages;
  if (version == secret.current) stages.emplace_back("CURRENT");
  if (version == secret.versions.size()) stages.emplace_back("LATEST");
  if (version + 1 == secret.current) stages.emplace_back("PREVIOUS");
  if (stages.empty()) stages.emplace_back(version > secret.current ? "PENDING" : "DEPRECATED");
  return stages;
}

// The number of the version that the query asks for.
Outcome<std::size_t> FindVersion(const KeptSecret& secret, const OciQuery& query) {
  const std::string* stage = query.Find("stage");
  const std::string* version = query.Find("versionNumber");
  const std::string* name = query.Find("secretVersionName");
  if ((stage != nullptr) + (version != nullptr) + (name != nullptr) > 1) {
    return Refuse(400, "InvalidParameter",
                  "stage, versionNumber and secretVersionName exclude each other");
  }
  constexpr std::array<std::string_view, 5> kStages = {"CURRENT", "PENDING", "LATEST", "PREVIOUS",
                                                       "DEPRECATED"};
  if (stage != nullptr && std::find(kStages.begin(), kStages.end(), *stage) == kStages.end()) {
    return Refuse(400, "InvalidParameter", fmt::format("The stage '{}' is not known", *stage));
  }
  if (name != nullptr) return NoSuchSecret();
  if (version == nullptr && stage == nullptr) return secret.current;
  for (std::size_t number = secret.versions.size(); number > 0; --number) {
    const std::vector<std::string> stages = StagesOf(secret, number);
    const bool fits = version != nullptr
                          ? *version == std::to_string(number)
                          : std::find(stages.begin(), stages.end(), *stage) != stages.end();
    if (fits) return number;
  }
  return NoSuchSecret();
}

// What a bundle and its summary say alike.
json Summarize(const KeptSecret& secret, std::size_t version) {
  return {
      {"secretId", secret.facts.id},        {"timeCreated", FormatRfc3339(secret.facts.created, 3)},
      {"versionNumber", version},           {"versionName", nullptr},
      {"timeOfDeletion", nullptr},          {"timeOfExpiry", nullptr},
      {"stages", StagesOf(secret, version)}};
}

template <class Predicate>
Outcome<Response> Bundle(OciState& state, const OciCall& call, Predicate is_wanted) {
  const MutexLock lock(state.mutex);
  const auto& secrets = state.secrets();
  const auto secret = std::find_if(secrets.begin(), secrets.end(), is_wanted);
  if (secret == secrets.end()) return NoSuchSecret();
  const std::size_t version = OCI_TRY(FindVersion(*secret, call.query));
  json body = Summarize(*secret, version);
  body["secretBundleContent"] = {{"contentType", "BASE64"},
                                 {"content", Base64Encode(AsBytes(secret->versions[version - 1]))}};
  body["metadata"] = nullptr;
  Response response = JsonResponse(200, body.dump());
  response.headers.Add("etag", fmt::format("{}-{}", secret->facts.id, version));
  return response;
}

}  // namespace

Outcome<Response> GetSecretBundle(OciState& state, const OciCall& call) {
  return Bundle(state, call,
                [&](const KeptSecret& secret) { return secret.facts.id == call.object; });
}

Outcome<Response> GetSecretBundleByName(OciState& state, const OciCall& call) {
  return Bundle(state, call, [&](const KeptSecret& secret) {
    return secret.facts.name == call.query.Get("secretName") &&
           secret.facts.vault_id == call.query.Get("vaultId");
  });
}

// `page` is the version that the page begins with. Source: OCI API reference, "Secret Retrieval API",
// ListSecretBundleVersions: by number, the newest first unless asked otherwise.
Outcome<Response> ListSecretBundleVersions(OciState& state, const OciCall& call) {
  const std::string order(call.query.Get("sortOrder"));
  if (!order.empty() && order != "ASC" && order != "DESC")
    return Refuse(400, "InvalidParameter", fmt::format("The order '{}' is not known", order));
  const std::string_view by = call.query.Get("sortBy");
  if (!by.empty() && by != "VERSION_NUMBER")
    return Refuse(400, "InvalidParameter", fmt::format("Cannot sort by '{}'", by));
  const auto limit = OCI_TRY(NumberParameter(call.query, "limit", 1, kMaxVersionsPerPage,
                                             kMaxVersionsPerPage, "InvalidParameter"));
  const auto from = OCI_TRY(NumberParameter(
      call.query, "page", 1, std::numeric_limits<std::int64_t>::max(), 0, "InvalidParameter"));

  const MutexLock lock(state.mutex);
  const auto& secrets = state.secrets();
  const auto secret = std::find_if(secrets.begin(), secrets.end(), [&](const KeptSecret& kept) {
    return kept.facts.id == call.object;
  });
  if (secret == secrets.end()) return NoSuchSecret();
  const auto newest = std::ssize(secret->versions);
  const std::int64_t step = order == "ASC" ? 1 : -1;
  std::int64_t version = from != 0 ? from : (step > 0 ? 1 : newest);
  json body = json::array();
  for (; version >= 1 && version <= newest && std::ssize(body) < limit; version += step)
    body.push_back(Summarize(*secret, static_cast<std::size_t>(version)));
  Response response = JsonResponse(200, body.dump());
  if (version >= 1 && version <= newest)
    response.headers.Add("opc-next-page", std::to_string(version));
  return response;
}

}  // namespace skybridge::localcloud::oci
