// VaultSecret: which secret of an OCI Vault is meant, and SecretVault: who can fetch it.
//
//   ocivault:SECRET_OCID                 the current version of a secret
//   ocivault:name/VAULT_OCID/NAME        the same by the secret's name
//
// Either may end with "?stage=CURRENT" (or LATEST, PREVIOUS, PENDING, DEPRECATED) or "?version=3".
#pragma once

#include <string>
#include <string_view>

#include "core/call_context.h"
#include "core/result.h"
#include "core/secret.h"

namespace skybridge {

struct VaultSecret {
  std::string secret_id = {};  // an OCID, or
  std::string vault_id = {};   // the OCID of the vault, and
  std::string name = {};       // the secret's name in it
  std::string stage = {};      // at most one of stage and version; neither: CURRENT
  std::string version = {};    // decimal

  // As it is written in a configuration.
  std::string Describe() const;
};

// `text` is what follows "ocivault:". Errors: kInvalidArgument, saying what is wrong.
Result<VaultSecret> ParseVaultSecret(std::string_view text);

// Safe from many threads.
class SecretVault {
 public:
  virtual ~SecretVault() = default;
  // The secret's current bytes, without line breaks at the end. Errors: kNotFound (no such secret
  // or version, or these credentials may not read it), kUnauthenticated, those of the transport;
  // they name the secret, never its value.
  virtual Result<Secret> Fetch(const VaultSecret& secret, const CallContext& context) = 0;
};

}  // namespace skybridge
