#include "backends/oci/workload_identity.h"

#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <openssl/rand.h>
#include <nlohmann/json.hpp>

#include "backends/oci/refreshing_identity.h"
#include "backends/oci/token_exchange.h"
#include "core/encoding.h"

namespace skybridge::oci {
namespace {

constexpr int kPort = 12250;
constexpr std::string_view kWhat = "exchange the pod's service account token";

std::string RandomHex() {
  std::array<std::byte, 16> bytes{};
  RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return HexEncode(bytes);
}

class WorkloadIdentitySource final : public IdentitySource {
 public:
  WorkloadIdentitySource(std::string url, std::string token_file, HttpTransport& cluster,
                         Clock& clock)
      : url_(std::move(url)), token_file_(std::move(token_file)), exchange_{cluster, clock} {}

  Result<Identity> Fetch(const CallContext& context) override {
    const std::string pod_token = TRY(ReadTokenFile(token_file_, "service account token"));
    PrivateKey generated = TRY(PrivateKey::Generate());
    auto session_key = std::make_shared<const PrivateKey>(std::move(generated));
    Call call = MakeTokenCall("oci.workload_identity", url_,
                              nlohmann::json{{"podKey", session_key->PublicKeyBase64()}}.dump());
    call.http.headers.Add("authorization", "Bearer " + pod_token);
    call.http.headers.Add("content-type", "application/json");
    call.http.headers.Add("opc-request-id", RandomHex() + "/" + RandomHex() + "/" + RandomHex());
    Result<HttpResponse> response = exchange_.Send(std::move(call), Identity{}, kWhat, context);
    if (!response) {
      Error error = std::move(response).error();
      if (error.remote.http_status == 403)
        error.Advise("only enhanced clusters have workload identities");
      return Fail(std::move(error));
    }
    const std::string token = TRY(ParseWorkloadReply(response->body));
    return TokenIdentity(token, std::move(session_key));
  }

 private:
  const std::string url_;
  const std::string token_file_;
  const TokenExchange exchange_;
};

}  // namespace

Result<std::string> ParseWorkloadReply(std::string_view body) {
  if (body.size() >= 2 && body.front() == '"' && body.back() == '"')
    body = body.substr(1, body.size() - 2);
  const auto decoded = Base64Decode(body);
  if (!decoded) return Fail(AnswerOfAStranger(fmt::format("{}: the answer is not base64", kWhat)));
  std::string token = TRY(ParseTokenReply(*decoded, kWhat));
  constexpr std::string_view kPrefix = "ST$";
  if (token.starts_with(kPrefix)) token.erase(0, kPrefix.size());
  if (token.empty()) return Fail(AnswerOfAStranger(fmt::format("{}: the token is empty", kWhat)));
  return token;
}

std::string WorkloadCaFile(const Environment& environment) {
  return environment("OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH")
      .value_or("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");
}

Result<std::unique_ptr<IdentityProvider>> MakeWorkloadIdentity(
    const WorkloadIdentityOptions& options, HttpTransport& cluster, Clock& clock) {
  std::string endpoint = options.endpoint;
  if (endpoint.empty()) {
    const auto host = options.environment("KUBERNETES_SERVICE_HOST");
    if (!host || host->empty()) {
      return FailAdvising(ErrorCode::kUnauthenticated,
                          "workload identity: KUBERNETES_SERVICE_HOST is not set",
                          "is this a pod?");
    }
    const bool is_ipv6 = host->find(':') != std::string::npos && !host->starts_with('[');
    endpoint = is_ipv6 ? fmt::format("https://[{}]:{}", *host, kPort)
                       : fmt::format("https://{}:{}", *host, kPort);
  }
  auto source = std::make_unique<WorkloadIdentitySource>(
      endpoint + "/resourcePrincipalSessionTokens", options.token_file, cluster, clock);
  return std::make_unique<RefreshingIdentity>(std::move(source), clock);
}

}  // namespace skybridge::oci
