// Shared access signatures: whether one is genuine, in time, and allows an operation.
// Source: Azure REST: Create an account SAS; Create a service SAS; Create a user delegation SAS.
#pragma once

#include <string>

#include "tests/localcloud/azure_auth.h"

namespace skybridge::localcloud::azure {

// The object id on whose behalf the SAS was made ("$superuser" when signed with the account's key).
// Throws Refusal 403.
std::string AuthorizeSas(const AuthRequest& asked, const TokenIssuer& issuer);

// What a user delegation key signs over: "oid\ntid\nstart\nexpiry\nservice\nversion".
std::string DelegationFields(const Query& sas);

}  // namespace skybridge::localcloud::azure
