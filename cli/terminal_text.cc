#include "cli/terminal_text.h"

#include <algorithm>

namespace skybridge::cli {

std::string Printable(std::string_view text) {
  std::string printable(text);
  std::replace_if(
      printable.begin(), printable.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return printable;
}

}  // namespace skybridge::cli
