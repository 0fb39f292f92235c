#include "tests/support/seen_secrets.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/encoding.h"
#include "core/mutex.h"

namespace skybridge::testing {
namespace {

constexpr std::size_t kMostBytesOfAForm = 256 << 10;  // longer bodies are content

void Add(std::set<std::string>& secrets, std::string_view secret) {
  if (secret.size() >= kLeastSecretBytes) secrets.emplace(secret);
}

void AddAfter(std::set<std::string>& secrets, std::string_view text, std::string_view before,
              std::string_view after) {
  const auto at = text.find(before);
  if (at == std::string_view::npos) return;
  text.remove_prefix(at + before.size());
  const std::string_view secret = text.substr(0, text.find(after));
  Add(secrets, secret);
  Add(secrets, PercentDecode(secret).value_or(""));
}

}  // namespace

std::set<std::string> SecretsOfRequest(const HttpHeaders& headers, std::string_view url,
                                       std::string_view body) {
  std::set<std::string> secrets;
  for (const char* name : {"Authorization", "X-IDENTITY-HEADER", "secret", "opc-obo-token"}) {
    const std::string_view value = headers.Get(name);
    Add(secrets, value.substr(value.rfind(' ') + 1));
    AddAfter(secrets, value, "signature=\"", "\"");
    AddAfter(secrets, value, "ST$", "\"");
  }
  AddAfter(secrets, url, "sig=", "&");
  if (body.size() > kMostBytesOfAForm) return secrets;
  AddAfter(secrets, body, "client_secret=", "&");
  AddAfter(secrets, body, "client_assertion=", "&");
  return secrets;
}

std::set<std::string> SecretsOfAnswer(std::string_view body) {
  std::set<std::string> secrets;
  if (body.size() > kMostBytesOfAForm) return secrets;
  for (const char* field :
       {"\"access_token\":\"", "\"token\":\"", "\"content\":\"", "\"resourcePrincipalToken\":\"",
        "\"servicePrincipalSessionToken\":\""}) {
    AddAfter(secrets, body, field, "\"");
  }
  secrets.merge(SecretsOfKey(body));
  return secrets;
}

std::set<std::string> SecretsOfKey(std::string_view pem) {
  std::set<std::string> secrets;
  if (pem.find("PRIVATE KEY") == std::string_view::npos) return secrets;
  std::istringstream lines{std::string(pem)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("-----")) Add(secrets, line);
  }
  return secrets;
}

std::optional<std::string> SuiteLogDirectory() {
  const char* directory = std::getenv("SKYBRIDGE_SUITE_LOGS");
  return directory == nullptr ? std::nullopt : std::optional<std::string>(directory);
}

void NoteSecrets(const std::set<std::string>& secrets) {
  static const auto kDirectory = SuiteLogDirectory();
  if (!kDirectory || secrets.empty()) return;
  static Mutex mutex;
  static std::set<std::string> noted;
  MutexLock lock(mutex);
  std::ofstream file;
  for (const std::string& secret : secrets) {
    if (secret.find('\n') != std::string::npos || !noted.insert(secret).second) continue;
    if (!file.is_open())
      file.open(*kDirectory + "/" + std::to_string(::getpid()) + ".secrets", std::ios::app);
    file << secret << '\n';
  }
}

}  // namespace skybridge::testing
