// A certificate for loopback and its private key: what a server needs to speak TLS, and what its
// clients are told to trust. You need it where a client insists on https.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/result.h"

namespace skybridge::localcloud {

struct TlsIdentity {
  std::string certificate_pem;  // self-signed: its own authority, so clients take it as a CA file
  std::string key_pem;
};

struct TlsIdentityOptions {
  // Subject alternative names, in OpenSSL's spelling.
  std::vector<std::string> names = {"DNS:localhost",        "DNS:*.localhost",
                                    "DNS:*.blob.localhost", "DNS:*.dfs.localhost",
                                    "IP:127.0.0.1",         "IP:::1"};
  // The time of validity, from now.
  std::chrono::seconds begins = -std::chrono::hours(1);
  std::chrono::seconds ends = std::chrono::hours(24 * 365);
};

// A new P-256 key each time. kInvalidArgument for names that cannot stand in a certificate.
Result<TlsIdentity> MakeTlsIdentity(const TlsIdentityOptions& options = {});

}  // namespace skybridge::localcloud
