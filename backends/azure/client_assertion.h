// ClientAssertion: the signed statement (JWT) by which an application proves itself to Microsoft
// Entra ID where it has no client secret. Source: Microsoft identity platform: application
// authentication certificate credentials; workload identity federation.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backends/private_key.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/secret.h"

namespace skybridge::azure {

struct AssertionRequest {
  std::string_view audience;  // the URL of the token endpoint
  std::string_view client_id;
  WallTime now{};
};

// Safe from many threads.
class ClientAssertion {
 public:
  virtual ~ClientAssertion() = default;
  // A statement for one token request. Errors: kUnauthenticated, those of reading a file.
  virtual Result<Secret> Make(const AssertionRequest& request) = 0;
  // For people: "certificate 1A2B...".
  virtual std::string Describe() const = 0;
};

struct CertificateOptions {
  Secret pem;  // the private key (RSA), its certificate, and perhaps those that issued it, in any
               // order
  Secret pass_phrase;       // of an encrypted key
  bool send_chain = false;  // x5c: for applications that trust a subject name and its issuer
};

// Signs with the private key of a certificate that the application registration knows.
class CertificateAssertion final : public ClientAssertion {
 public:
  // Errors: kInvalidArgument, saying what is wrong with the PEM and never what is in it.
  static Result<std::unique_ptr<CertificateAssertion>> Make(const CertificateOptions& options);

  Result<Secret> Make(const AssertionRequest& request) override;
  std::string Describe() const override;

 private:
  CertificateAssertion(PrivateKey key, std::string header, std::string thumbprint);

  const PrivateKey key_;
  const std::string header_;  // of the JWT, encoded
  const std::string thumbprint_;
};

// The token of a federated issuer (a Kubernetes service account) in a file that is replaced from
// time to time: read anew for each request.
class FederatedTokenFile final : public ClientAssertion {
 public:
  explicit FederatedTokenFile(std::string path) : path_(std::move(path)) {}
  Result<Secret> Make(const AssertionRequest& request) override;
  std::string Describe() const override { return "federated token " + path_; }

 private:
  const std::string path_;
};

}  // namespace skybridge::azure
