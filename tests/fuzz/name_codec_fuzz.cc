// Names of objects as names of files: reversible, and never a way out of a directory.
#include <string>

#include "fuse/names/name_codec.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge::fuse {
namespace {

void CheckLocalName(const std::string& local, std::string_view part) {
  fuzz::Require(!local.empty() && local.size() <= kMaxNameBytes, "a name has 1 to 255 bytes");
  fuzz::Require(local != "." && local != "..", "a name stays in its directory");
  fuzz::Require(local.find('/') == std::string::npos, "a name is one part");
  fuzz::Require(local.find('\0') == std::string::npos, "a name has no NUL");
  fuzz::Require(IsDigestName(local) ? IsPartOfDigestName(part, local)
                                    : RemoteName(local) == std::string(part),
                "a local name leads back");
}

}  // namespace

FUZZ_TARGET(name_codec) {
  if (input.find('/') == std::string_view::npos) {
    CheckLocalName(LocalName(input), input);
    CheckLocalName(ShadowedFileName(input), input);
  }
  const auto remote = RemoteName(input);
  if (!remote || input.empty() || input == "." || input == ".." ||
      input.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos) {
    return;  // no directory entry
  }
  const bool one_spelling = LocalName(*remote) == input || ShadowedFileName(*remote) == input;
  fuzz::Require(one_spelling, "a remote name has one local spelling");
}

}  // namespace skybridge::fuse
