#include "sync/listing/wildcard.h"

#include <array>
#include <cctype>
#include <optional>
#include <utility>

namespace skybridge {
namespace {

struct NamedClass {
  std::string_view name;
  int (*holds)(int);
};

constexpr std::array kNamedClasses{
    NamedClass{"alnum", std::isalnum}, NamedClass{"alpha", std::isalpha},
    NamedClass{"blank", std::isblank}, NamedClass{"cntrl", std::iscntrl},
    NamedClass{"digit", std::isdigit}, NamedClass{"graph", std::isgraph},
    NamedClass{"lower", std::islower}, NamedClass{"print", std::isprint},
    NamedClass{"punct", std::ispunct}, NamedClass{"space", std::isspace},
    NamedClass{"upper", std::isupper}, NamedClass{"xdigit", std::isxdigit}};

// Reads a class from behind its '[': whether it holds `byte`, and the pattern behind its ']'.
// Nothing for a class that is not closed or names a set that does not exist.
class ClassReader {
 public:
  ClassReader(std::string_view pattern, char byte)
      : rest_(pattern), byte_(static_cast<unsigned char>(byte)) {}

  std::optional<std::pair<bool, std::string_view>> Read() {
    const bool negated = !rest_.empty() && (rest_.front() == '!' || rest_.front() == '^');
    if (negated) rest_.remove_prefix(1);
    for (bool first = true;; first = false) {
      if (rest_.empty()) return std::nullopt;
      if (rest_.front() == ']' && !first) break;
      if (rest_.starts_with("[:")) {
        if (!ReadNamed()) return std::nullopt;
      } else if (!ReadRange()) {
        return std::nullopt;
      }
    }
    rest_.remove_prefix(1);
    return std::pair(holds_ != negated, rest_);
  }

 private:
  bool ReadNamed() {
    const auto end = rest_.find(":]");
    if (end == std::string_view::npos) return false;
    const std::string_view name = rest_.substr(2, end - 2);
    for (const NamedClass& named : kNamedClasses) {
      if (named.name != name) continue;
      holds_ = holds_ || named.holds(byte_) != 0;
      rest_.remove_prefix(end + 2);
      return true;
    }
    return false;
  }

  std::optional<unsigned char> ReadByte() {
    if (!rest_.empty() && rest_.front() == '\\') rest_.remove_prefix(1);
    if (rest_.empty()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }

  bool ReadRange() {
    const auto low = ReadByte();
    if (!low) return false;
    auto high = low;
    if (rest_.size() >= 2 && rest_[0] == '-' && rest_[1] != ']') {
      rest_.remove_prefix(1);
      high = ReadByte();
      if (!high) return false;
    }
    holds_ = holds_ || (*low <= byte_ && byte_ <= *high);
    return true;
  }

  std::string_view rest_;
  const unsigned char byte_;
  bool holds_ = false;
};

// The pattern behind its first element, if that element, which is no star, stands for `byte`.
std::optional<std::string_view> TakeOne(std::string_view pattern, char byte) {
  switch (pattern.front()) {
    case '?':
      if (byte == '/') return std::nullopt;
      return pattern.substr(1);
    case '[': {
      if (byte == '/') return std::nullopt;
      const auto read = ClassReader(pattern.substr(1), byte).Read();
      if (!read || !read->first) return std::nullopt;
      return read->second;
    }
    case '\\':
      if (pattern.size() < 2 || pattern[1] != byte) return std::nullopt;
      return pattern.substr(2);
    default:
      if (pattern.front() != byte) return std::nullopt;
      return pattern.substr(1);
  }
}

// Where to go on when what stands behind a star did not match: the star takes one byte more.
struct Star {
  std::string_view pattern;  // behind the star
  std::string_view text;     // that it has not taken
  bool crosses_slashes = false;

  bool TakeMore() {
    if (text.empty() || (!crosses_slashes && text.front() == '/')) return false;
    text.remove_prefix(1);
    return true;
  }
};

}  // namespace

bool HasWildcards(std::string_view pattern) {
  return pattern.find_first_of("*?[") != std::string_view::npos;
}

// The last star of each kind is enough to go back to: a later star of the same or a wider kind can
// take whatever an earlier one would have. A single star may fail at a '/' that an earlier double
// star can still pass.
bool MatchesWildcards(std::string_view pattern, std::string_view text) {
  std::optional<Star> single;
  std::optional<Star> twofold;
  for (;;) {
    if (pattern.starts_with('*')) {
      const auto end = pattern.find_first_not_of('*');
      const std::size_t stars = end == std::string_view::npos ? pattern.size() : end;
      pattern.remove_prefix(stars);
      if (stars > 1) {
        twofold = Star{.pattern = pattern, .text = text, .crosses_slashes = true};
        single.reset();
      } else {
        single = Star{.pattern = pattern, .text = text};
      }
      continue;
    }
    if (pattern.empty() && text.empty()) return true;
    if (!pattern.empty() && !text.empty()) {
      if (const auto rest = TakeOne(pattern, text.front())) {
        pattern = *rest;
        text.remove_prefix(1);
        continue;
      }
    }
    if (single && single->TakeMore()) {
      pattern = single->pattern;
      text = single->text;
    } else if (twofold && twofold->TakeMore()) {
      single.reset();
      pattern = twofold->pattern;
      text = twofold->text;
    } else {
      return false;
    }
  }
}

}  // namespace skybridge
