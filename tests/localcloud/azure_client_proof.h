// How an application proves itself at the token endpoint: its secret, a JWT signed with the key of
// a registered certificate, or the token of a federated issuer. Source: Microsoft identity
// platform: application authentication certificate credentials; workload identity federation.
#pragma once

#include <optional>
#include <string>

#include "core/clock.h"
#include "tests/localcloud/azure_target.h"

namespace skybridge::localcloud::azure {

struct ServicePrincipal {
  std::string tenant_id;
  std::string client_id;
  std::string client_secret;  // empty: none is accepted
  std::string object_id;
  std::string certificate_pem;  // likewise
  std::string federated_token;  // likewise; stands for the trust in an issuer
};

// What Microsoft Entra ID would say.
struct ProofRefusal {
  int status = 401;
  int number = 0;  // AADSTS
  std::string text;
};

// Nothing if the form proves that it is `principal`. `token_path` is the path of the endpoint, with
// which the audience of a JWT must end.
std::optional<ProofRefusal> CheckClientProof(const Query& form, const ServicePrincipal& principal,
                                             const std::string& token_path, WallTime now);

}  // namespace skybridge::localcloud::azure
