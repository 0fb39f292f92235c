// Vault secret bundles. Source: OCI API reference, "Secret Retrieval API" (20190301).
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/oci_handlers.h"

namespace skybridge::localcloud::oci {
namespace {

using nlohmann::json;

// A secret has one version here, which is the current and the latest one.
std::optional<OciFailure> CheckSelector(const OciQuery& query) {
  const std::string* stage = query.Find("stage");
  const std::string* version = query.Find("versionNumber");
  const std::string* name = query.Find("secretVersionName");
  if ((stage != nullptr) + (version != nullptr) + (name != nullptr) > 1) {
    return OciFailure{400, "InvalidParameter",
                      "stage, versionNumber and secretVersionName exclude each other"};
  }
  constexpr std::array<std::string_view, 5> kStages = {"CURRENT", "PENDING", "LATEST", "PREVIOUS",
                                                       "DEPRECATED"};
  if (stage != nullptr && std::find(kStages.begin(), kStages.end(), *stage) == kStages.end()) {
    return OciFailure{400, "InvalidParameter", fmt::format("The stage '{}' is not known", *stage)};
  }
  const bool exists = stage != nullptr     ? *stage == "CURRENT" || *stage == "LATEST"
                      : version != nullptr ? *version == "1"
                                           : name == nullptr;
  if (exists) return std::nullopt;
  return OciFailure{404, "NotAuthorizedOrNotFound",
                    "Authorization failed or requested resource not found."};
}

Outcome<Response> Bundle(const OciCall& call, const OciSecret* secret) {
  if (secret == nullptr) {
    return Refuse(404, "NotAuthorizedOrNotFound",
                  "Authorization failed or requested resource not found.");
  }
  OCI_CHECK(CheckSelector(call.query));
  const json body{
      {"secretId", secret->id},
      {"timeCreated", FormatRfc3339(secret->created, 3)},
      {"versionNumber", 1},
      {"versionName", nullptr},
      {"secretBundleContent",
       {{"contentType", "BASE64"}, {"content", Base64Encode(AsBytes(secret->content))}}},
      {"timeOfDeletion", nullptr},
      {"timeOfExpiry", nullptr},
      {"stages", {"CURRENT", "LATEST"}},
      {"metadata", nullptr}};
  Response response = JsonResponse(200, body.dump());
  response.headers.Add("etag", secret->id);
  return response;
}

}  // namespace

Outcome<Response> GetSecretBundle(OciState& state, const OciCall& call) {
  const auto& secrets = state.secrets();
  const auto found = std::find_if(secrets.begin(), secrets.end(), [&](const OciSecret& secret) {
    return secret.id == call.object;
  });
  return Bundle(call, found == secrets.end() ? nullptr : &*found);
}

Outcome<Response> GetSecretBundleByName(OciState& state, const OciCall& call) {
  const auto& secrets = state.secrets();
  const auto found = std::find_if(secrets.begin(), secrets.end(), [&](const OciSecret& secret) {
    return secret.name == call.query.Get("secretName") &&
           secret.vault_id == call.query.Get("vaultId");
  });
  return Bundle(call, found == secrets.end() ? nullptr : &*found);
}

}  // namespace skybridge::localcloud::oci
