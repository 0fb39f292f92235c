#include "sync/listing/filter.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sync/listing/wildcard.h"

namespace skybridge {

class Filter::Rule {
 public:
  // `pattern` is not empty.
  Rule(bool include, std::string_view pattern) : include_(include) {
    directory_only_ = pattern.size() > 1 && pattern.ends_with('/');
    if (directory_only_) pattern.remove_suffix(1);
    whole_subtree_ = pattern.ends_with("***");
    anchored_ = pattern.starts_with('/');
    if (anchored_) pattern.remove_prefix(1);
    pattern_ = pattern;
    wildcards_ = HasWildcards(pattern_);
    crosses_slashes_ = pattern_.find("**") != std::string::npos;
    slashes_ = static_cast<std::size_t>(std::count(pattern_.begin(), pattern_.end(), '/'));
  }

  bool include() const { return include_; }

  bool Matches(std::string_view path, bool is_directory) const {
    if (directory_only_ && !is_directory) return false;
    // A directory is itself part of "DIR/***".
    if (whole_subtree_ && is_directory) return MatchesPlaced(std::string(path) + "/");
    return MatchesPlaced(path);
  }

 private:
  bool MatchesText(std::string_view text) const {
    return wildcards_ ? MatchesWildcards(pattern_, text) : pattern_ == text;
  }

  // At each place of the path where the pattern may begin.
  bool MatchesPlaced(std::string_view path) const {
    if (anchored_) return MatchesText(path);
    if (crosses_slashes_) {
      // "**/NAME" also matches a NAME at the root.
      if (pattern_.starts_with("**")) return MatchesText("/" + std::string(path));
      return MatchesAfterAnySlash(path);
    }
    return MatchesText(LastParts(path, slashes_ + 1));
  }

  bool MatchesAfterAnySlash(std::string_view path) const {
    for (;;) {
      if (MatchesText(path)) return true;
      const auto slash = path.find('/');
      if (slash == std::string_view::npos) return false;
      path.remove_prefix(slash + 1);
    }
  }

  static std::string_view LastParts(std::string_view path, std::size_t count) {
    std::size_t begin = path.size();
    for (; count > 0 && begin != std::string_view::npos && begin > 0; --count) {
      begin = path.rfind('/', begin - 1);
    }
    return begin == std::string_view::npos ? path
                                           : path.substr(begin == path.size() ? 0 : begin + 1);
  }

  bool include_;
  bool anchored_ = false;
  bool directory_only_ = false;
  bool whole_subtree_ = false;
  bool wildcards_ = false;
  bool crosses_slashes_ = false;
  std::size_t slashes_ = 0;  // inside the pattern
  std::string pattern_;      // without the '/' at its begin and end
};

Filter::Filter() = default;
Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;

Result<Filter> Filter::Parse(std::span<const std::string> rules) {
  Filter filter;
  for (const std::string& rule : rules) {
    const std::string_view text = rule;
    const bool include = text.starts_with("+ ");
    if ((!include && !text.starts_with("- ")) || text.size() < 3 || text == "+ /" ||
        text == "- /") {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("'{}' is no filter rule; a rule is '+ PATTERN' or '- PATTERN'", rule));
    }
    filter.rules_.emplace_back(include, text.substr(2));
  }
  return filter;
}

bool Filter::Includes(std::string_view path, NodeKind kind) const {
  if (rules_.empty()) return true;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    if (!IncludesNode(path.substr(0, slash), true)) return false;
  }
  return IncludesNode(path, kind == NodeKind::kDirectory);
}

bool Filter::IncludesNode(std::string_view path, bool is_directory) const {
  for (const Rule& rule : rules_) {
    if (rule.Matches(path, is_directory)) return rule.include();
  }
  return true;
}

}  // namespace skybridge
