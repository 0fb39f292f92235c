#include "backends/continuation_guard.h"

#include <fmt/format.h>

namespace skybridge {

Status ContinuationGuard::Check(std::string_view continuation) {
  if (continuation.empty()) return {};
  if (continuation == kept_) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("list '{}': the service gave the same continuation twice, its pages "
                            "would never end",
                            directory_));
  }
  if (++pages_since_ >= keep_for_) {
    kept_ = continuation;
    pages_since_ = 0;
    keep_for_ *= 2;
  }
  return {};
}

}  // namespace skybridge
