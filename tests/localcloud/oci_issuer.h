// OciIssuer: where OCI identities come from: the metadata service of an instance (IMDS v2), the
// Auth service (X.509 federation, session refresh), resource principal tokens (version 1.1) and a
// cluster's workload identities. Tokens are bound to the session keys that callers post; the
// authenticator then checks "ST$" signatures with them. Sources: Oracle documentation ("Calling
// Services from an Instance"), requests of the official SDKs.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"
#include "tests/localcloud/oci_auth.h"
#include "tests/localcloud/oci_message.h"

namespace skybridge::localcloud::oci {

struct IssuerOptions {
  std::string region = "us-ashburn-1";
  std::string region_code = "iad";
  std::string tenancy = "ocid1.tenancy.oc1..localcloud";
  std::string instance_id = "ocid1.instance.oc1..localcloud";
  std::chrono::seconds token_lifetime{1200};
  // What a pod must show for its identity; "" answers as a cluster that is not enhanced.
  std::string pod_token;
};

// Safe from many threads.
class OciIssuer {
 public:
  // `authenticator` must outlive it.
  OciIssuer(IssuerOptions options, OciAuthenticator& authenticator);
  ~OciIssuer();

  // The class a request is counted under; "" if it is not for the issuer.
  static std::string_view OperationOf(const Request& request);
  Outcome<Response> Handle(const Request& request, WallTime now);

  // A session token as "oci session authenticate" would get it, bound to the public or private key.
  Result<std::string> IssueSession(std::string_view pem, WallTime now);
  // The metadata service gives out another certificate and key from now on; the old one still
  // works.
  void RotateCertificate();
  // Tokens that were given out are refused from now on.
  void ExpireTokens();

 private:
  struct Certificates;

  // Keys take a while to make: they are made when somebody asks for them.
  Certificates& Made() REQUIRES(mutex_);
  void MakeLeaf(Certificates& made) REQUIRES(mutex_);
  Outcome<Response> Metadata(const Request& request, std::string_view path);
  Outcome<Response> Federate(const Request& request, WallTime now);
  Outcome<Response> RefreshSession(const Request& request, WallTime now);
  Outcome<Response> GiveResourceToken(const Request& request, WallTime now);
  Outcome<Response> GiveResourceSession(const Request& request, WallTime now);
  Outcome<Response> GiveWorkloadToken(const Request& request, WallTime now);
  Outcome<std::string> MintToken(std::string_view public_key_base64, WallTime now);

  const IssuerOptions options_;
  OciAuthenticator& authenticator_;

  mutable Mutex mutex_;  // guards what follows
  std::unique_ptr<Certificates> certificates_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> tokens_ GUARDED_BY(mutex_);  // token -> PEM of its key
  std::string resource_token_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::localcloud::oci
