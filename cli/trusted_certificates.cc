#include "cli/trusted_certificates.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace skybridge::cli {
namespace {

bool IsReadable(const std::string& path) { return ::access(path.c_str(), R_OK) == 0; }

// A place that somebody named must be there.
Status Take(std::string& into, const std::string& path, const std::string& name) {
  if (!IsReadable(path)) return Fail(ErrorFromErrno(errno, name + " " + path));
  into = path;
  return {};
}

}  // namespace

CertificatePlaces UsualCertificatePlaces() {
  return {.built_in = CurlCertificates(),
          .files = {"/etc/ssl/certs/ca-certificates.crt",  // Debian, Alpine, Arch
                    "/etc/pki/tls/certs/ca-bundle.crt",    // Fedora, Oracle Linux
                    "/etc/ssl/ca-bundle.pem",              // SUSE
                    "/etc/ssl/cert.pem"},                  // Alpine, BSD
          .directories = {"/etc/ssl/certs"}};
}

Status TrustCertificates(CurlOptions& options, const std::string& ca_file,
                         const Environment& environment, const CertificatePlaces& places) {
  if (!ca_file.empty()) return Take(options.ca_file, ca_file, "ca_file");
  if (const auto bundle = environment.Get("CURL_CA_BUNDLE"))
    return Take(options.ca_file, *bundle, "CURL_CA_BUNDLE");
  const auto file = environment.Get("SSL_CERT_FILE");
  const auto directory = environment.Get("SSL_CERT_DIR");
  if (file) TRY_VOID(Take(options.ca_file, *file, "SSL_CERT_FILE"));
  if (directory) TRY_VOID(Take(options.ca_directory, *directory, "SSL_CERT_DIR"));
  if (file || directory) return {};
  if (IsReadable(places.built_in.file) || IsReadable(places.built_in.directory)) return {};
  for (const std::string& path : places.files) {
    if (IsReadable(path)) return Take(options.ca_file, path, "certificates");
  }
  for (const std::string& path : places.directories) {
    if (IsReadable(path)) return Take(options.ca_directory, path, "certificates");
  }
  std::vector<std::string> seen = places.files;
  for (const std::string& path : {places.built_in.file, places.built_in.directory}) {
    const bool is_listed = std::find(seen.begin(), seen.end(), path) != seen.end();
    if (!path.empty() && !is_listed) seen.push_back(path);
  }
  seen.insert(seen.end(), places.directories.begin(), places.directories.end());
  Error error{.code = ErrorCode::kNotFound,
              .message = fmt::format("there are no certificates to trust: looked for {}",
                                     fmt::join(seen, ", "))};
  error.Advise("install the package ca-certificates, or set ca_file or SSL_CERT_FILE");
  return Fail(std::move(error));
}

}  // namespace skybridge::cli
