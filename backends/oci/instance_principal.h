// Instance principal: the identity of an OCI compute instance, without any key in the
// configuration.
//
// The metadata service hands out a certificate, its key and the chain (they rotate). A session key
// made for each token is sent to the Auth service, signed by the certificate's key; the token that
// comes back is bound to the session key. Source: "Calling Services from an Instance" (Oracle
// documentation); wire form of the Go and Java SDKs.
#pragma once

#include <memory>
#include <string>

#include "backends/oci/identity.h"
#include "backends/oci/region.h"

namespace skybridge::oci {

struct InstancePrincipalOptions {
  std::string region = {};  // id or code; empty: asked from the metadata service
  // "https://auth.us-ashburn-1.oraclecloud.com", with or without "/v1/x509"; empty:
  // OCI_CLI_FEDERATION_ENDPOINT or OCI_SDK_AUTH_CLIENT_REGION_URL, else from the region.
  std::string federation_endpoint = {};
  Environment environment = ProcessEnvironment();
};

// `transport` and `clock` must outlive the provider. Sends nothing yet.
std::unique_ptr<IdentityProvider> MakeInstancePrincipal(const InstancePrincipalOptions& options,
                                                        HttpTransport& transport, Clock& clock);

}  // namespace skybridge::oci
