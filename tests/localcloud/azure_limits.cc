#include "tests/localcloud/azure_limits.h"

#include <algorithm>
#include <limits>

#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::string_view kVersionOf4000MiBBlocks = "2019-12-12";
constexpr std::string_view kVersionOf100MiBBlocks = "2016-05-31";
constexpr std::string_view kVersionOf100MiBAppends = "2022-11-02";
constexpr std::uint64_t kMaxBatchBytes = 4 * kMebibyte;

struct ByVersion {
  std::uint64_t newest;
  std::uint64_t since_2016;
  std::uint64_t oldest;

  std::uint64_t At(std::string_view version) const {
    if (version.empty() || version >= kVersionOf4000MiBBlocks) return newest;
    return version >= kVersionOf100MiBBlocks ? since_2016 : oldest;
  }
};

constexpr ByVersion kPutBlob{5000 * kMebibyte, 256 * kMebibyte, 64 * kMebibyte};
constexpr ByVersion kBlock{4000 * kMebibyte, 100 * kMebibyte, 4 * kMebibyte};

}  // namespace

std::uint64_t MaxBodyBytes(Operation operation, std::string_view version) {
  switch (operation) {
    case Operation::kPutBlob:
      return kPutBlob.At(version);
    case Operation::kPutBlock:
    case Operation::kAppend:
      return kBlock.At(version);
    case Operation::kAppendBlock:
      return (version.empty() || version >= kVersionOf100MiBAppends ? 100 : 4) * kMebibyte;
    case Operation::kBatch:
      return kMaxBatchBytes;
    default:
      return std::numeric_limits<std::uint64_t>::max();
  }
}

void CheckBodySize(const Request& request, Operation operation) {
  const std::uint64_t max = MaxBodyBytes(operation, request.headers.Get("x-ms-version"));
  const std::uint64_t said = ParseNumber(request.headers.Get("Content-Length")).value_or(0);
  if (std::max<std::uint64_t>(said, request.body.size()) <= max) return;
  throw Refusal{
      .status = 413,
      .code = "RequestBodyTooLarge",
      .message = "The request body is too large and exceeds the maximum permissible limit.",
      .details = {{"MaxLimit", std::to_string(max)}}};
}

}  // namespace skybridge::localcloud::azure
