// SecretReference: where a secret of the configuration is to be had, and how it is fetched.
//
//   env:NAME         an environment variable
//   file:PATH        a file that only its owner may read; one trailing newline is dropped
//   credential:NAME  a systemd credential (LoadCredential=): a file below $CREDENTIALS_DIRECTORY
//   ocivault:...     a secret of an OCI Vault (core/vault_secret.h)
//   anything else    the secret itself; only in a configuration file that nobody else can read
//
// Errors name the reference and the configuration key, never the value.
#pragma once

#include <string>
#include <string_view>

#include "core/environment.h"
#include "core/result.h"
#include "core/secret.h"
#include "core/vault_secret.h"

namespace skybridge {

class SecretReference {
 public:
  enum class Kind { kNone, kEnvironment, kFile, kCredential, kVault, kLiteral };

  SecretReference() = default;
  // `key` is the configuration key for messages ("remotes.azure.auth.account_key").
  // Errors: kInvalidArgument (an empty value, a reference without a name, a vault reference that is
  // none).
  static Result<SecretReference> Parse(std::string_view text, std::string key);
  static SecretReference FromEnvironment(const std::string& variable);

  Kind kind() const { return kind_; }
  bool has_value() const { return kind_ != Kind::kNone; }
  // Which secret of a vault is meant; nullptr for every other kind.
  const VaultSecret* vault_secret() const {
    return kind_ == Kind::kVault ? &vault_secret_ : nullptr;
  }
  // "env:NAME", "file:PATH", "credential:NAME", "ocivault:...", or "the value of KEY" for a
  // literal.
  std::string Describe() const;

  // Reads the secret now; a rotated file or variable is seen by the next call.
  // Errors: kNotFound, kPermissionDenied (with the chmod that helps), kInvalidArgument, kTooLarge,
  // kIo. A secret of a vault needs the vault: the second form.
  Result<Secret> Resolve(const Environment& environment) const;
  // The same for every kind. `vault` may be nullptr where none is configured.
  Result<Secret> Resolve(const Environment& environment, SecretVault* vault,
                         const CallContext& context) const;

 private:
  Kind kind_ = Kind::kNone;
  std::string name_;  // variable, path or credential
  std::string key_;
  VaultSecret vault_secret_;
  Secret literal_;
};

// Room for a private key with its chain; no secret of ours is longer.
inline constexpr std::size_t kMaxSecretBytes = std::size_t{64} << 10;

}  // namespace skybridge
