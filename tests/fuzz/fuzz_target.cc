#include "tests/fuzz/fuzz_target.h"

#include <cstdio>
#include <cstdlib>

namespace skybridge::fuzz {

std::vector<FuzzTarget>& Targets() {
  static std::vector<FuzzTarget> targets;
  return targets;
}

void Require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace skybridge::fuzz
