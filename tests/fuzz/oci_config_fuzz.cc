// ~/.oci/config. Input: one line for the profile, then the file.
#include <unistd.h>

#include <string>

#include <sys/mman.h>

#include "backends/oci/config_file.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge::oci {

FUZZ_TARGET(oci_config) {
  fuzz::Input in(input);
  const std::string profile(in.Line());
  const std::string_view text = in.Rest();
  const int fd = ::memfd_create("config", MFD_CLOEXEC);
  fuzz::Require(
      fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()),
      "the file could be written");
  for (const auto authentication : {Authentication::kApiKey, Authentication::kSecurityToken}) {
    const auto loaded = LoadProfile({.file = "/proc/self/fd/" + std::to_string(fd),
                                     .profile = profile,
                                     .authentication = authentication,
                                     .environment = [](std::string_view) { return std::nullopt; }});
    if (!loaded) {
      fuzz::Require(loaded.error().code == ErrorCode::kInvalidArgument, "the user's mistake");
      continue;
    }
    fuzz::Require(!loaded->key_file.empty(), "a profile that loads can sign");
  }
  ::close(fd);
}

}  // namespace skybridge::oci
