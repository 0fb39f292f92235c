// Who sends a request, and whether that may be: SharedKey, SAS of three kinds, and bearer tokens of
// our own endpoint. Source: Azure REST: Authorize with Shared Key; Create an account SAS, a service
// SAS, a user delegation SAS.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "tests/localcloud/azure_operation.h"
#include "tests/localcloud/azure_target.h"
#include "tests/localcloud/service.h"

namespace skybridge::localcloud::azure {

// Signs and reads the tokens and user delegation keys of this process. Safe from many threads.
class TokenIssuer {
 public:
  TokenIssuer();  // with a secret of its own

  std::string Issue(std::string_view object_id, std::string_view tenant_id, WallTime now,
                    WallTime expires) const;
  struct Claims {
    std::string object_id;
    std::string tenant_id;
    WallTime expires{};
  };
  // False for a token that this process did not issue.
  bool Read(std::string_view token, Claims& claims) const;
  // The key of a user delegation SAS: base64, a function of what the SAS carries in plain.
  std::string DelegationKey(std::string_view signed_fields) const;

 private:
  std::string secret_;
};

struct Credentials {
  std::string_view account;
  std::string_view key;  // decoded
};

struct AuthRequest {
  const Request& request;
  const Target& target;
  Operation operation;
  Credentials credentials;
  WallTime now;  // by the server's clock, skew included
};

// The object id of who asks; "$superuser" for whoever has the account's key. Throws Refusal 401 or
// 403.
std::string Authorize(const AuthRequest& asked, const TokenIssuer& issuer);

// The string that SharedKey signs. Pure.
std::string SharedKeyStringToSign(const Request& request, const Target& target,
                                  std::string_view account);
// Header names in the service's order: like a dictionary that knows hyphens. Pure.
bool HeaderNameLess(std::string_view a, std::string_view b);

}  // namespace skybridge::localcloud::azure
