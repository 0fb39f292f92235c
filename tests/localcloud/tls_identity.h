// What a server on loopback needs to speak TLS, and what its clients are told to trust. You need it
// where a client insists on https.
#pragma once

#include <string>

#include "core/result.h"
#include "tests/support/self_signed.h"

namespace skybridge::localcloud {

using TlsIdentity = skybridge::testing::SelfSigned;

// For this machine's names and, as hosts of accounts, those below them. A new P-256 key each time.
Result<TlsIdentity> MakeTlsIdentity();

}  // namespace skybridge::localcloud
