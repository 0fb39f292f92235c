// Which certificates https trusts where the configuration names no ca_file.
#pragma once

#include <string>
#include <vector>

#include "backends/http/curl_transport.h"
#include "core/environment.h"
#include "core/result.h"

namespace skybridge::cli {

// Where to look after the environment, in this order.
struct CertificatePlaces {
  BuiltInCertificates built_in;
  std::vector<std::string> files;
  std::vector<std::string> directories;
};
// libcurl's own, then those of the common distributions.
CertificatePlaces UsualCertificatePlaces();

// Fills in ca_file and ca_directory: `ca_file` if it is not empty, else CURL_CA_BUNDLE, else
// SSL_CERT_FILE and SSL_CERT_DIR, else the first of `places` that is there; both stay empty where
// that is libcurl's own.
// Errors, naming what was looked at: those of errno for a file that was named and cannot be read;
// kNotFound where nothing is there.
Status TrustCertificates(CurlOptions& options, const std::string& ca_file,
                         const Environment& environment,
                         const CertificatePlaces& places = UsualCertificatePlaces());

}  // namespace skybridge::cli
