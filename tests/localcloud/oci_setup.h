// What the program `localcloud` prepares so that OCI's own tools can use it at once: an API key and
// a configuration file.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "tests/localcloud/oci_service.h"

namespace skybridge::localcloud {

struct OciLogin {
  OciIdentity identity;
  std::string config_file;  // in the format of ~/.oci/config, profile DEFAULT
};

// Writes DIRECTORY/oci_api_key.pem and DIRECTORY/oci_config, readable by their owner only. A key
// that is there already is used again, so that a restart does not lock its clients out.
Result<OciLogin> PrepareOciLogin(const std::string& directory, const std::string& region);

// "NAME=CONTENT" as a secret of the one vault that there is. kInvalidArgument for anything else.
Result<oci::OciSecret> ParseSecret(std::string_view text, WallTime now);

// How to reach a running service, as the JSON object of the ready file.
std::string DescribeOci(const OciServiceOptions& options, const OciLogin& login,
                        const std::string& url);

}  // namespace skybridge::localcloud
