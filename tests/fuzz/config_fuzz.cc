// The configuration file: every text is a Config or an error that names the file.
#include "core/config.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge {

FUZZ_TARGET(config) {
  fuzz::Input in(input);
  const bool literals_allowed = (in.Byte() & 1) != 0;
  const auto config = ParseConfig(in.Rest(), {.file = "/c", .literals_allowed = literals_allowed});
  if (config) {
    for (const auto& [name, mount] : config->mounts) {
      fuzz::Require(!mount.remotes.empty(), "a mount has a remote");
    }
    for (const auto& [name, remote] : config->remotes) remote.Label();
    return;
  }
  fuzz::Require(config.error().message.starts_with("/c: "), "the error names the file");
  fuzz::Require(config.error().code == ErrorCode::kInvalidArgument ||
                    (config.error().code == ErrorCode::kPermissionDenied && !literals_allowed),
                "the user's mistake");
}

}  // namespace skybridge
