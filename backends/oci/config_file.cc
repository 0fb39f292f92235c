#include "backends/oci/config_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace skybridge::oci {
namespace {

using Section = std::map<std::string, std::string>;  // keys in lower case
using Sections = std::map<std::string, Section>;

constexpr std::string_view kDefaultProfile = "DEFAULT";

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return lower;
}

Result<Sections> Parse(std::string_view text, const std::string& file) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // of editors on Windows
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Sections sections;
  Section* current = nullptr;
  std::size_t line_number = 0;
  std::istringstream lines{std::string(text)};
  for (std::string raw; std::getline(lines, raw);) {
    ++line_number;
    const std::string_view line = Trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      current = &sections[std::string(Trim(line.substr(1, line.size() - 2)))];
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || current == nullptr) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}:{}: expected [PROFILE] or key=value", file, line_number));
    }
    (*current)[LowerCase(Trim(line.substr(0, equals)))] =
        std::string(Trim(line.substr(equals + 1)));
  }
  return sections;
}

std::string ExpandHome(std::string path, const Environment& environment) {
  if (path != "~" && !path.starts_with("~/")) return path;
  return environment("HOME").value_or("") + path.substr(1);
}

bool Exists(const std::string& file) { return std::ifstream(file).good(); }

struct FoundFile {
  std::string path;
  bool named = false;  // by the caller or the environment: then it must exist
};

// The SDKs' order: OCI_CONFIG_FILE counts only where ~/.oci/config does not exist; the CLI's own
// variable wins over both.
FoundFile FindFile(const ProfileRequest& request) {
  const Environment& environment = request.environment;
  if (!request.file.empty()) return {ExpandHome(request.file, environment), true};
  if (const auto named = environment("OCI_CLI_CONFIG_FILE"))
    return {ExpandHome(*named, environment), true};
  const std::string usual = ExpandHome("~/.oci/config", environment);
  if (Exists(usual)) return {usual, false};
  if (const auto named = environment("OCI_CONFIG_FILE"))
    return {ExpandHome(*named, environment), true};
  const std::string old = ExpandHome("~/.oraclebmc/config", environment);
  return {Exists(old) ? old : usual, false};
}

Result<Sections> ReadSections(const FoundFile& file) {
  std::ifstream in(file.path, std::ios::binary);
  if (!in) {
    if (!file.named) return Sections{};
    return Fail(ErrorCode::kNotFound, "OCI configuration file '" + file.path + "' cannot be read");
  }
  std::ostringstream text;
  text << in.rdbuf();
  return Parse(text.str(), file.path);
}

// The selected profile over [DEFAULT], and the environment over both.
class Lookup {
 public:
  Lookup(const Section& defaults, const Section& section, const Environment& environment)
      : defaults_(defaults), section_(section), environment_(environment) {}

  std::string Get(const std::string& key, std::string_view variable) const {
    if (const auto value = environment_(variable)) return *value;
    if (const auto found = section_.find(key); found != section_.end()) return found->second;
    if (const auto found = defaults_.find(key); found != defaults_.end()) return found->second;
    return {};
  }

 private:
  const Section& defaults_;
  const Section& section_;
  const Environment& environment_;
};

bool IsFingerprint(std::string_view text) {
  constexpr std::size_t kPairs = 16;
  if (text.size() != kPairs * 3 - 1) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (i % 3 == 2 ? text[i] != ':' : !is_hex) return false;
  }
  return true;
}

bool HasKey(Authentication authentication) {
  return authentication == Authentication::kApiKey ||
         authentication == Authentication::kSecurityToken;
}

Status CheckComplete(const Profile& profile, const std::string& where) {
  if (!HasKey(profile.authentication)) return {};
  std::vector<std::string_view> missing;
  if (profile.authentication == Authentication::kApiKey) {
    if (profile.tenancy.empty()) missing.emplace_back("tenancy");
    if (profile.user.empty()) missing.emplace_back("user");
    if (profile.fingerprint.empty()) missing.emplace_back("fingerprint");
  } else if (profile.security_token_file.empty()) {
    missing.emplace_back("security_token_file");
  }
  if (profile.key_file.empty() && profile.key_content.empty()) missing.emplace_back("key_file");
  if (!missing.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: missing {}", where, fmt::join(missing, ", ")));
  }
  if (!profile.fingerprint.empty() && !IsFingerprint(profile.fingerprint)) {
    return Fail(ErrorCode::kInvalidArgument,
                where + ": fingerprint must be 16 lower-case hexadecimal pairs joined by ':'");
  }
  return {};
}

// On behalf of a user ("obo") is an instance principal with a delegation token.
constexpr std::string_view kOnBehalf = "instance_obo_user";
constexpr std::array<std::pair<std::string_view, Authentication>, 6> kAuthentications = {{
    {"api_key", Authentication::kApiKey},
    {"security_token", Authentication::kSecurityToken},
    {"instance_principal", Authentication::kInstancePrincipal},
    {kOnBehalf, Authentication::kInstancePrincipal},
    {"resource_principal", Authentication::kResourcePrincipal},
    {"oke_workload_identity", Authentication::kWorkloadIdentity},
}};

// `chosen`: "" is an API key.
Result<Authentication> ParseAuthentication(const std::string& chosen, const std::string& where) {
  if (chosen.empty()) return Authentication::kApiKey;
  std::vector<std::string_view> names;
  for (const auto& [name, meaning] : kAuthentications) {
    if (name == chosen) return meaning;
    names.push_back(name);
  }
  return Fail(ErrorCode::kNotSupported, fmt::format("{}: authentication_type '{}': allowed are {}",
                                                    where, chosen, fmt::join(names, ", ")));
}

}  // namespace

Result<Profile> LoadProfile(const ProfileRequest& request) {
  const Environment& environment = request.environment;
  const FoundFile file = FindFile(request);
  const Sections sections = TRY(ReadSections(file));
  const std::string name =
      !request.profile.empty()
          ? request.profile
          : environment("OCI_CLI_PROFILE").value_or(std::string(kDefaultProfile));
  const auto section = sections.find(name);
  if (section == sections.end() && name != kDefaultProfile) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: there is no profile [{}]", file.path, name));
  }
  const Section empty;
  const auto defaults = sections.find(std::string(kDefaultProfile));
  const Lookup lookup(defaults == sections.end() ? empty : defaults->second,
                      section == sections.end() ? empty : section->second, environment);

  const std::string where = fmt::format("{} [{}]", file.path, name);
  const std::string chosen = lookup.Get("authentication_type", "OCI_CLI_AUTH");
  Profile profile;
  profile.authentication =
      request.authentication ? *request.authentication : TRY(ParseAuthentication(chosen, where));
  profile.delegation_token_file =
      ExpandHome(lookup.Get("delegation_token_file", "OCI_CLI_DELEGATION_TOKEN_FILE"), environment);
  if (chosen == kOnBehalf && !request.authentication && profile.delegation_token_file.empty()) {
    return Fail(ErrorCode::kInvalidArgument, where + ": missing delegation_token_file");
  }
  profile.tenancy = lookup.Get("tenancy", "OCI_CLI_TENANCY");
  profile.user = lookup.Get("user", "OCI_CLI_USER");
  profile.fingerprint = lookup.Get("fingerprint", "OCI_CLI_FINGERPRINT");
  profile.key_content = environment("OCI_CLI_KEY_CONTENT").value_or("");
  profile.key_file = ExpandHome(lookup.Get("key_file", "OCI_CLI_KEY_FILE"), environment);
  profile.pass_phrase = lookup.Get("pass_phrase", "OCI_CLI_PASSPHRASE");
  if (profile.pass_phrase.empty())
    profile.pass_phrase = lookup.Get("passphrase", "OCI_CLI_PASSPHRASE");
  profile.security_token_file =
      ExpandHome(lookup.Get("security_token_file", "OCI_CLI_SECURITY_TOKEN_FILE"), environment);
  profile.region = lookup.Get("region", "OCI_CLI_REGION");
  if (profile.region.empty()) profile.region = environment("OCI_REGION").value_or("");
  if (!profile.region.empty()) profile.region = RegionId(profile.region, environment);
  TRY_VOID(CheckComplete(profile, where));
  return profile;
}

}  // namespace skybridge::oci
