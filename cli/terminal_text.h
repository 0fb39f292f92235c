// Text of foreign origin (names of objects) made fit for a terminal and for line-wise output.
#pragma once

#include <string>
#include <string_view>

namespace skybridge::cli {

// Control characters become '?': a name cannot break a line or command the terminal. --json has the
// exact characters.
std::string Printable(std::string_view text);

}  // namespace skybridge::cli
