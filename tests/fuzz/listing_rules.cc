#include "tests/fuzz/listing_rules.h"

#include <string>

#include "backends/file_length.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge::fuzz {
namespace {

constexpr std::size_t kMaxPathBytes = 4096;

void CheckPath(const ObjectKey& key) {
  Require(key.path.size() <= kMaxPathBytes, "a path has a bound");
  Require(key.path.find('\0') == std::string::npos, "no NUL in a path");
  Require(ObjectKey::FromFlatName(key.flat_name()) == key, "a key has one spelling");
}

}  // namespace

void CheckPage(const ListRequest& request, const Result<ListPage>& page) {
  if (!page) return;
  for (const ObjectInfo& entry : page->entries) {
    CheckPath(entry.key);
    Require(entry.size_bytes <= kMaxFileBytes, "a length that a file can have");
    if (!request.directory.is_root()) {
      Require(entry.key.is_below(request.directory),
              "an entry lies below the directory that was listed");
    }
    if (!request.recursive) {
      Require(entry.key.parent() == request.directory, "a level has children only");
    }
  }
}

}  // namespace skybridge::fuzz
