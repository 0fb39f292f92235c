// What a stranger must not read in the exchanges that tests make: the values of headers that prove
// who we are, signatures in URLs, fields of forms and of answers that hold secrets, private keys.
//
// With SKYBRIDGE_SUITE_LOGS (a directory) in the environment, as ctest runs every test, NoteSecrets
// writes them down there, and suite_log.cc each test's log at debug. When all tests have ended,
// tests/scripts/secrets_in_logs.py looks for the one in the other.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "backends/http_transport.h"

namespace skybridge::testing {

inline constexpr std::size_t kLeastSecretBytes = 8;  // shorter ones are found in any text

std::set<std::string> SecretsOfRequest(const HttpHeaders& headers, std::string_view url,
                                       std::string_view body);
std::set<std::string> SecretsOfAnswer(std::string_view body);
// Each line of a private key, in PEM.
std::set<std::string> SecretsOfKey(std::string_view pem);

std::optional<std::string> SuiteLogDirectory();  // nothing: this is not the suite
// Safe from many threads. Writes nothing outside of the suite.
void NoteSecrets(const std::set<std::string>& secrets);

}  // namespace skybridge::testing
