#include "tests/fuzz/listing_rules.h"

#include <string_view>

#include "backends/file_length.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge::fuzz {
namespace {

constexpr std::size_t kMaxPathBytes = 4096;

void CheckPath(std::string_view path) {
  Require(path.size() <= kMaxPathBytes, "a path has a bound");
  Require(path.find('\0') == std::string_view::npos, "no NUL in a path");
  for (;;) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    Require(!part.empty() && part != "." && part != "..", "a path has plain parts");
    if (slash == std::string_view::npos) return;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

void CheckPage(const ListRequest& request, const Result<ListPage>& page) {
  if (!page) return;
  for (const ObjectInfo& entry : page->entries) {
    CheckPath(entry.key.path);
    Require(entry.size_bytes <= kMaxFileBytes, "a length that a file can have");
    if (!request.directory.is_root()) {
      Require(entry.key.path.starts_with(request.directory.path + "/"),
              "an entry lies below the directory that was listed");
    }
    if (!request.recursive) {
      Require(entry.key.parent() == request.directory, "a level has children only");
    }
  }
}

}  // namespace skybridge::fuzz
