// What a token of OCI says about itself (JSON Web Token, payload only: the signature is for the
// service to judge).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace skybridge::oci {

struct TokenClaims {
  std::optional<WallTime> expires;  // "exp"
  std::string tenancy;              // "res_tenant", else "tenant"
};

// What cannot be read is absent.
TokenClaims ParseTokenClaims(std::string_view token);

}  // namespace skybridge::oci
