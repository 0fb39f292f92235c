// Workload identity: the identity of a pod in an enhanced cluster of OKE. The pod's service account
// token is exchanged with the cluster's own endpoint for a token that is bound to a session key
// made for it. Source: "Granting Workloads Access to OCI Resources" (Oracle documentation); wire
// form of the official SDKs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backends/oci/identity.h"
#include "backends/oci/region.h"

namespace skybridge::oci {

struct WorkloadIdentityOptions {
  // "https://HOST:12250"; empty: of KUBERNETES_SERVICE_HOST.
  std::string endpoint = {};
  // Read anew for each exchange: the cluster rotates it.
  std::string token_file = "/var/run/secrets/kubernetes.io/serviceaccount/token";
  Environment environment = ProcessEnvironment();
};

// The token of the cluster's answer: base64 text, perhaps in double quotes, of {"token":"ST$..."};
// the prefix is not part of the token. AnswerOfAStranger without one.
Result<std::string> ParseWorkloadReply(std::string_view body);

// The certificates to trust for the exchange, and nothing else:
// OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH, else
// /var/run/secrets/kubernetes.io/serviceaccount/ca.crt.
std::string WorkloadCaFile(const Environment& environment);

// `cluster` reaches the cluster's endpoint and trusts WorkloadCaFile; it and `clock` must outlive
// the provider. Sends nothing yet. Errors: kUnauthenticated (not in a pod: KUBERNETES_SERVICE_HOST
// is not set).
Result<std::unique_ptr<IdentityProvider>> MakeWorkloadIdentity(
    const WorkloadIdentityOptions& options, HttpTransport& cluster, Clock& clock);

}  // namespace skybridge::oci
