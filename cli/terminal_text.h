// Makes text from outside (names of objects) safe for a terminal and for output by lines.
#pragma once

#include <string>
#include <string_view>

namespace skybridge::cli {

// Control characters become '?', so that a name cannot break a line or control the terminal. --json
// prints the exact characters.
std::string Printable(std::string_view text);

}  // namespace skybridge::cli
