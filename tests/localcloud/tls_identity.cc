#include "tests/localcloud/tls_identity.h"

namespace skybridge::localcloud {

Result<TlsIdentity> MakeTlsIdentity() {
  return skybridge::testing::MakeSelfSigned(
      {.name = "localcloud",
       .names = {"DNS:localhost", "DNS:*.localhost", "DNS:*.blob.localhost", "DNS:*.dfs.localhost",
                 "IP:127.0.0.1", "IP:::1"},
       .elliptic = true});
}

}  // namespace skybridge::localcloud
