// Text that nests far deeper than a stack is: what a parser of somebody else's bytes must bear.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace skybridge::testing {

// DeepNesting("[", "]") is "[[[...]]]": 100,000 of each.
inline std::string DeepNesting(std::string_view open, std::string_view close,
                               std::string_view innermost = "") {
  constexpr std::size_t kDepth = 100'000;
  std::string text;
  text.reserve(kDepth * (open.size() + close.size()) + innermost.size());
  for (std::size_t i = 0; i < kDepth; ++i) text += open;
  text += innermost;
  for (std::size_t i = 0; i < kDepth; ++i) text += close;
  return text;
}

}  // namespace skybridge::testing
