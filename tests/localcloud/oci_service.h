// The OCI side of the local cloud: Object Storage's native API, and Vault secret bundles, with
// request signatures, and the places where identities come from (oci_issuer.h). A test double:
// strict where the service is vague, and nobody's data is safe in it.
//
// Kept: namespaces, buckets, objects, multipart uploads, rename, copy, batch delete, storage tiers,
// work requests, pre-authenticated requests. Refused with 501: versioning, server-side keys of
// clients, lifecycle, replication, retention rules. Sources: OCI API reference "Object Storage
// Service API" and "Secret Retrieval API", recorded exchanges.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "tests/localcloud/oci_auth.h"
#include "tests/localcloud/oci_issuer.h"
#include "tests/localcloud/oci_state.h"
#include "tests/localcloud/service.h"
#include "tests/localcloud/storage.h"

namespace skybridge::localcloud {

struct OciIdentity {
  std::string key_id;  // "tenancy/user/fingerprint", or "ST$" and a session token
  std::string pem;     // the public key, or the private one
};

// Of the first namespace.
struct OciParOptions {
  std::string bucket;
  std::string access_type;  // "AnyObjectRead", ...
  std::string prefix = {};  // "": the whole bucket
  bool lists = true;
  std::chrono::hours lifetime{24};
};

struct OciServiceOptions {
  std::vector<std::string> namespaces = {
      "localnamespace"};  // at least one; the first is the caller's own
  std::string region = "us-ashburn-1";
  std::string compartment_id = "ocid1.compartment.oc1..local";
  std::vector<std::string> buckets;  // created at start in the first namespace, unless they exist
  std::vector<OciIdentity> identities;
  std::vector<oci::OciSecret> secrets;
  oci::OciLimits limits;
  oci::IssuerOptions issuer;       // of tokens: metadata service, federation, workload identities
  bool require_signatures = true;  // false: for clients that cannot sign
};

// Safe from many threads.
class OciService final : public Service {
 public:
  // `storage` and `clock` must outlive the service. Takes up what the storage holds.
  static Result<std::unique_ptr<OciService>> Create(Storage& storage, const Clock& clock,
                                                    OciServiceOptions options);

  Response Handle(const Request& request) override;
  std::string OperationOf(const Request& request) const override;
  Response Refuse(const Request& request, const Denial& denial) const override;

  // Who may call: keys can be added and revoked while the service runs.
  oci::OciAuthenticator& authenticator() { return authenticator_; }
  // Where tokens come from: they can be ended, and the instance's certificate replaced.
  oci::OciIssuer& issuer() { return *issuer_; }
  // A new version of a secret, which becomes the current and the latest one. kNotFound without such
  // a secret.
  Status ReplaceSecret(std::string_view secret_id, std::string content);
  // A new version of a secret, which is the latest and not yet the current one. kNotFound likewise.
  Status AddPendingSecret(std::string_view secret_id, std::string content);
  // Uploads that were begun, and neither committed nor aborted, in all buckets.
  std::size_t CountUploads();
  // The path of a new pre-authenticated request: "/p/SECRET/n/NAMESPACE/b/BUCKET/o/".
  Result<std::string> MakePreAuthenticatedRequest(const OciParOptions& options);

 private:
  OciService(Storage& storage, const Clock& clock, const OciServiceOptions& options);
  Status Start(const OciServiceOptions& options);
  Response Answer(const Request& request, WallTime now);

  const Clock& clock_;
  const bool require_signatures_;
  oci::OciAuthenticator authenticator_;
  std::unique_ptr<oci::OciIssuer> issuer_;
  oci::OciState state_;
};

}  // namespace skybridge::localcloud
