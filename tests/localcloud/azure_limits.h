// How large a request's body may be, by its operation and by the protocol version it asks for.
// Pure. Source: Azure: "Scalability and performance targets for Blob storage"; Azure REST: Put
// Blob, Put Block, Path - Update (remarks), Blob Batch.
#pragma once

#include <cstdint>
#include <string_view>

#include "tests/localcloud/azure_operation.h"
#include "tests/localcloud/service.h"

namespace skybridge::localcloud::azure {

inline constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
// Of the source of Copy Blob From URL, which answers only when all is copied.
inline constexpr std::uint64_t kMaxSynchronousCopyBytes = 256 * kMebibyte;

// `version` is x-ms-version, "" for the newest; versions compare as texts.
std::uint64_t MaxBodyBytes(Operation operation, std::string_view version);
// Throws Refusal 413 RequestBodyTooLarge for what the request says that it sends.
void CheckBodySize(const Request& request, Operation operation);

}  // namespace skybridge::localcloud::azure
