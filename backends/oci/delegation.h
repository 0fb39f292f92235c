// Delegation: an identity that acts on behalf of a user. Requests are signed as before and carry
// the user's token, which is signed too (opc-obo-token). Data Flow and Cloud Shell give such tokens
// in a file.
#pragma once

#include <memory>
#include <string>

#include "backends/oci/identity.h"

namespace skybridge::oci {

// `token_file` is read anew when it changes. Reads nothing yet.
std::unique_ptr<IdentityProvider> MakeDelegatedIdentity(std::unique_ptr<IdentityProvider> base,
                                                        std::string token_file);

}  // namespace skybridge::oci
