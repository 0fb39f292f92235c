// Reads the key file of an OCI profile.
#pragma once

#include <string>
#include <string_view>

#include "backends/private_key.h"

namespace skybridge::oci {

enum class KeyFilePolicy {
  kRefuseIfOthersMayRead,  // the error says how to repair it
  kWarnIfOthersMayRead,    // as the official tools do
};

// Reads and parses a PEM file. Errors: those of FromPem; kNotFound; kPermissionDenied (not
// readable, or refused).
Result<PrivateKey> LoadPrivateKey(const std::string& path, std::string_view pass_phrase,
                                  KeyFilePolicy policy);

}  // namespace skybridge::oci
