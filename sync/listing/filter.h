// Filter: which nodes of a tree a pass works on, by rsync's rules (rsync(1) 3.2.7, "Filter rules").
//
// A rule is "+ PATTERN" (include) or "- PATTERN" (exclude). The first rule that matches decides; a
// node that no rule matches is included. A directory is decided before what is below it, and nothing
// below an excluded directory is looked at.
//
//     /NAME    only at the root of the tree            NAME/    only a directory
//     NAME     the last part of the path, anywhere     A/B      the last parts of the path
//     **       crosses '/'; * and ? do not             DIR/***  the directory and all below it
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/object_store.h"
#include "core/result.h"

namespace skybridge {

// Immutable and safe from many threads.
class Filter {
 public:
  // Includes everything.
  Filter();
  ~Filter();
  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;

  // Errors: kInvalidArgument, which names the rule and what is allowed.
  static Result<Filter> Parse(std::span<const std::string> rules);

  // `path` is relative to the root of the tree, without '/' at its begin or end. The directories
  // above it are decided too.
  bool Includes(std::string_view path, NodeKind kind) const;

  bool includes_everything() const { return rules_.empty(); }

 private:
  class Rule;

  bool IncludesNode(std::string_view path, bool is_directory) const;

  std::vector<Rule> rules_;
};

}  // namespace skybridge
