#include "core/config.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/service_endpoint.h"
#include "core/units.h"

namespace skybridge {
namespace {

using nlohmann::json;
using Names = std::initializer_list<std::string_view>;

const char* TypeName(const json& value) {
  switch (value.type()) {
    case json::value_t::object:
      return "an object";
    case json::value_t::array:
      return "a list";
    case json::value_t::string:
      return "a string";
    case json::value_t::boolean:
      return "true or false";
    case json::value_t::null:
      return "null";
    default:
      return "a number";
  }
}

// One value of the file, with the key that leads to it. Every error begins "FILE: KEY: ".
class Node {
 public:
  Node(const json& value, std::string key, const ConfigSource& source)
      : value_(&value), key_(std::move(key)), source_(&source) {}

  const json& value() const { return *value_; }
  std::string SubKey(std::string_view name) const {
    return key_.empty() ? std::string(name) : fmt::format("{}.{}", key_, name);
  }

  tl::unexpected<Error> Bad(std::string_view reason,
                            ErrorCode code = ErrorCode::kInvalidArgument) const {
    return Fail(code, key_.empty() ? fmt::format("{}: {}", source_->file, reason)
                                   : fmt::format("{}: {}: {}", source_->file, key_, reason));
  }
  tl::unexpected<Error> MustBe(std::string_view what) const {
    return Bad(fmt::format("must be {}, not {}", what, TypeName(*value_)));
  }

  Status CheckObject() const {
    if (!value_->is_object()) return MustBe("an object");
    return {};
  }
  Status CheckKeys(Names allowed) const {
    TRY_VOID(CheckObject());
    for (const auto& [name, unused] : value_->items()) {
      if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) continue;
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {}: unknown key; allowed are {}", source_->file, SubKey(name),
                              fmt::join(allowed, ", ")));
    }
    return {};
  }
  std::optional<Node> Find(std::string_view name) const {
    const auto found = value_->find(name);
    if (found == value_->end()) return std::nullopt;
    return Node(*found, SubKey(name), *source_);
  }
  Result<Node> Need(std::string_view name, std::string_view what) const {
    auto found = Find(name);
    if (!found) return Bad(fmt::format("lacks '{}' ({})", name, what));
    return *found;
  }

  Result<std::string> AsString() const {
    if (!value_->is_string()) return MustBe("a string");
    auto text = value_->get<std::string>();
    if (text.empty()) return Bad("is empty");
    return text;
  }
  Result<std::string> StringOr(std::string_view name, std::string otherwise) const {
    const auto found = Find(name);
    if (!found) return otherwise;
    return found->AsString();
  }
  Result<bool> FlagOr(std::string_view name, bool otherwise) const {
    const auto found = Find(name);
    if (!found) return otherwise;
    if (!found->value().is_boolean()) return found->MustBe("true or false");
    return found->value().get<bool>();
  }
  Result<double> NumberOr(std::string_view name, double least, double most,
                          double otherwise) const {
    const auto found = Find(name);
    if (!found) return otherwise;
    if (!found->value().is_number()) return found->MustBe("a number");
    const double number = found->value().get<double>();
    if (number < least || number > most)
      return found->Bad(fmt::format("must be {} to {}", least, most));
    return number;
  }
  // The value that stands for one of a few words.
  template <class Enum>
  Result<Enum> AsChoice(std::initializer_list<std::pair<std::string_view, Enum>> choices) const {
    const std::string text = TRY(AsString());
    std::vector<std::string_view> names;
    for (const auto& [name, meaning] : choices) {
      if (name == text) return meaning;
      names.push_back(name);
    }
    return Bad(fmt::format("'{}' is not allowed; allowed are {}", text, fmt::join(names, ", ")));
  }
  Result<SecretReference> AsSecret() const {
    auto reference = SecretReference::Parse(TRY(AsString()), key_);
    if (!reference)
      return Fail(reference.error().code,
                  fmt::format("{}: {}", source_->file, reference.error().message));
    if (reference->kind() == SecretReference::Kind::kLiteral && !source_->literals_allowed) {
      return Bad(fmt::format("a secret stands in a file that other users may read; run: chmod 600 "
                             "{}, or write env:NAME, "
                             "file:PATH or credential:NAME",
                             source_->file),
                 ErrorCode::kPermissionDenied);
    }
    return reference;
  }
  // Runs a parser of core/ on the string; its message gets our prefix.
  template <class Parser>
  auto Parsed(Parser parse) const -> decltype(parse(std::string_view())) {
    const std::string text = TRY(AsString());
    auto result = parse(text);
    if (!result) return Bad(result.error().message, result.error().code);
    return result;
  }

 private:
  const json* value_;
  std::string key_;
  const ConfigSource* source_;
};

bool IsAzure(const Uri& uri) { return std::holds_alternative<AzureUri>(uri); }
bool IsOci(const Uri& uri) { return std::holds_alternative<OciUri>(uri); }

// The keys of an identity that signs requests, for objects and for the vault.
Result<AuthType> ReadOciAuthType(const Node& type) {
  return type.AsChoice<AuthType>({{"config_file", AuthType::kConfigFile},
                                  {"session_token", AuthType::kSessionToken},
                                  {"instance_principal", AuthType::kInstancePrincipal},
                                  {"resource_principal", AuthType::kResourcePrincipal},
                                  {"oke_workload_identity", AuthType::kOkeWorkloadIdentity},
                                  {"none", AuthType::kNone}});
}

Result<AuthType> ReadAuthType(const Node& auth, const Uri& uri) {
  const Node type = TRY(auth.Need("type", "how to authenticate"));
  if (IsAzure(uri)) {
    return type.AsChoice<AuthType>({{"shared_key", AuthType::kSharedKey},
                                    {"sas", AuthType::kSas},
                                    {"service_principal", AuthType::kServicePrincipal},
                                    {"workload_identity", AuthType::kWorkloadIdentity},
                                    {"managed_identity", AuthType::kManagedIdentity},
                                    {"azure_cli", AuthType::kAzureCli},
                                    {"default", AuthType::kDefault},
                                    {"none", AuthType::kNone}});
  }
  if (IsOci(uri)) {
    if (type.value() == "pre_authenticated_request") return AuthType::kPreAuthenticatedRequest;
    return ReadOciAuthType(type);
  }
  return type.AsChoice<AuthType>({{"none", AuthType::kNone}});
}

Result<SecretReference> NeedSecret(const Node& auth, std::string_view name, std::string_view what) {
  const Node secret = TRY(auth.Need(name, what));
  return secret.AsSecret();
}

Result<std::string> NeedString(const Node& node, std::string_view name, std::string_view what) {
  const Node found = TRY(node.Need(name, what));
  return found.AsString();
}

// Plain http only to loopback or when asked for by name.
Status CheckTls(const Node& node, const ServiceEndpoint& endpoint, bool allow_http) {
  if (endpoint.tls || endpoint.is_loopback() || allow_http) return {};
  return node.Bad(
      "plain http is allowed to this machine only; write https://, or set \"allow_http\": true for "
      "the remote");
}

Result<std::string> ReadEndpoint(const Node& node, EndpointPath path, bool allow_http) {
  const ServiceEndpoint endpoint =
      TRY(node.Parsed([&](std::string_view text) { return ParseServiceEndpoint(text, path); }));
  TRY_VOID(CheckTls(node, endpoint, allow_http));
  return endpoint.url;
}

Status ReadAuthority(const Node& node, bool allow_http, AuthConfig& auth) {
  const auto host = node.Find("authority_host");
  if (!host) return {};
  auth.authority_host = TRY(ReadEndpoint(*host, EndpointPath::kAllowed, allow_http));
  return {};
}

Status ReadServicePrincipal(const Node& node, bool allow_http, AuthConfig& auth) {
  TRY_VOID(node.CheckKeys({"type", "tenant_id", "client_id", "client_secret", "client_certificate",
                           "pass_phrase", "send_certificate_chain", "authority_host"}));
  auth.tenant_id = TRY(NeedString(node, "tenant_id", "the directory (tenant) id"));
  auth.client_id = TRY(NeedString(node, "client_id", "the application (client) id"));
  const auto certificate = node.Find("client_certificate");
  if (certificate && node.Find("client_secret")) {
    return node.Bad("takes client_secret or client_certificate, not both");
  }
  if (certificate) {
    auth.client_certificate = TRY(certificate->AsSecret());
    if (const auto phrase = node.Find("pass_phrase")) auth.pass_phrase = TRY(phrase->AsSecret());
    auth.send_certificate_chain = TRY(node.FlagOr("send_certificate_chain", false));
  } else {
    auth.client_secret =
        TRY(NeedSecret(node, "client_secret", "the application's secret; or client_certificate"));
  }
  return ReadAuthority(node, allow_http, auth);
}

// What is left out comes from the environment, as the AKS webhook sets it.
Status ReadWorkloadIdentity(const Node& node, bool allow_http, AuthConfig& auth) {
  TRY_VOID(
      node.CheckKeys({"type", "tenant_id", "client_id", "federated_token_file", "authority_host"}));
  auth.tenant_id = TRY(node.StringOr("tenant_id", ""));
  auth.client_id = TRY(node.StringOr("client_id", ""));
  auth.federated_token_file = TRY(node.StringOr("federated_token_file", ""));
  return ReadAuthority(node, allow_http, auth);
}

Status ReadManagedIdentity(const Node& node, AuthConfig& auth) {
  TRY_VOID(node.CheckKeys({"type", "client_id", "object_id", "resource_id"}));
  auth.client_id = TRY(node.StringOr("client_id", ""));
  auth.object_id = TRY(node.StringOr("object_id", ""));
  auth.resource_id = TRY(node.StringOr("resource_id", ""));
  const int ids = (auth.client_id.empty() ? 0 : 1) + (auth.object_id.empty() ? 0 : 1) +
                  (auth.resource_id.empty() ? 0 : 1);
  if (ids > 1) return node.Bad("takes one of client_id, object_id and resource_id");
  return {};
}

Status ReadFederationEndpoint(const Node& node, bool allow_http, AuthConfig& auth) {
  const auto found = node.Find("federation_endpoint");
  if (!found) return {};
  auth.federation_endpoint = TRY(ReadEndpoint(*found, EndpointPath::kRefused, allow_http));
  return {};
}

Result<AuthConfig> ReadAuth(const Node& node, const Uri& uri, bool allow_http) {
  TRY_VOID(node.CheckObject());
  AuthConfig auth{.type = TRY(ReadAuthType(node, uri))};
  switch (auth.type) {
    case AuthType::kAutomatic:
    case AuthType::kNone:
      TRY_VOID(node.CheckKeys({"type"}));
      break;
    case AuthType::kSharedKey:
      TRY_VOID(node.CheckKeys({"type", "account_key"}));
      auth.account_key = TRY(NeedSecret(node, "account_key", "the storage account's key"));
      break;
    case AuthType::kSas:
      TRY_VOID(node.CheckKeys({"type", "sas_token"}));
      auth.sas_token = TRY(NeedSecret(node, "sas_token", "the shared access signature"));
      break;
    case AuthType::kServicePrincipal:
      TRY_VOID(ReadServicePrincipal(node, allow_http, auth));
      break;
    case AuthType::kWorkloadIdentity:
      TRY_VOID(ReadWorkloadIdentity(node, allow_http, auth));
      break;
    case AuthType::kManagedIdentity:
      TRY_VOID(ReadManagedIdentity(node, auth));
      break;
    case AuthType::kAzureCli:
      TRY_VOID(node.CheckKeys({"type", "tenant_id"}));
      auth.tenant_id = TRY(node.StringOr("tenant_id", ""));
      break;
    case AuthType::kDefault:
      TRY_VOID(node.CheckKeys({"type", "authority_host"}));
      TRY_VOID(ReadAuthority(node, allow_http, auth));
      break;
    case AuthType::kInstancePrincipal:
    case AuthType::kResourcePrincipal:
      TRY_VOID(node.CheckKeys({"type", "delegation_token_file", "federation_endpoint"}));
      auth.delegation_token_file = TRY(node.StringOr("delegation_token_file", ""));
      TRY_VOID(ReadFederationEndpoint(node, allow_http, auth));
      break;
    case AuthType::kOkeWorkloadIdentity:
      TRY_VOID(node.CheckKeys({"type", "federation_endpoint"}));
      TRY_VOID(ReadFederationEndpoint(node, allow_http, auth));
      break;
    case AuthType::kPreAuthenticatedRequest:
      TRY_VOID(node.CheckKeys({"type", "url"}));
      auth.url = TRY(NeedSecret(node, "url", "the pre-authenticated request's URL"));
      break;
    case AuthType::kConfigFile:
    case AuthType::kSessionToken:
      TRY_VOID(
          node.CheckKeys({"type", "config_file", "profile", "pass_phrase", "federation_endpoint"}));
      TRY_VOID(ReadFederationEndpoint(node, allow_http, auth));
      auth.config_file = TRY(node.StringOr("config_file", ""));
      auth.profile = TRY(node.StringOr("profile", ""));
      if (const auto phrase = node.Find("pass_phrase")) auth.pass_phrase = TRY(phrase->AsSecret());
      break;
  }
  return auth;
}

// {"OBJECT-ID": NUMBER, ...}
Status ReadIds(const Node& node, std::string_view name, std::map<std::string, std::uint32_t>& ids) {
  const auto table = node.Find(name);
  if (!table) return {};
  TRY_VOID(table->CheckObject());
  for (const auto& [object_id, unused] : table->value().items()) {
    constexpr double kMostId = 4294967294;
    ids[object_id] = static_cast<std::uint32_t>(TRY(table->NumberOr(object_id, 0, kMostId, 0)));
  }
  return {};
}

Status ReadPermissions(const Node& node, RemoteConfig& remote) {
  if (const auto permissions = node.Find("permissions")) {
    remote.account_permissions =
        TRY(permissions->AsChoice<bool>({{"metadata", false}, {"account", true}}));
  }
  TRY_VOID(ReadIds(node, "users", remote.users));
  TRY_VOID(ReadIds(node, "groups", remote.groups));
  if (remote.account_permissions && remote.namespace_kind == NamespaceKind::kFlat)
    return node.Bad("\"permissions\": \"account\" is for hierarchical namespaces");
  if (!remote.account_permissions && !(remote.users.empty() && remote.groups.empty()))
    return node.Bad("users and groups need \"permissions\": \"account\"");
  return {};
}

Status ReadAzureKeys(const Node& node, RemoteConfig& remote) {
  auto& uri = std::get<AzureUri>(remote.uri);
  remote.account_endpoint = uri.dfs_endpoint;
  for (const auto& [name, blob, dfs] :
       {std::tuple("endpoint", true, true), std::tuple("blob_endpoint", true, false),
        std::tuple("dfs_endpoint", false, true)}) {
    const auto found = node.Find(name);
    if (!found) continue;
    const std::string url = TRY(ReadEndpoint(*found, EndpointPath::kAllowed, remote.allow_http));
    if (blob) uri.blob_endpoint = url;
    if (dfs) uri.dfs_endpoint = url;
  }
  if (const auto kind = node.Find("namespace")) {
    remote.namespace_kind =
        TRY(kind->AsChoice<NamespaceKind>({{"detect", NamespaceKind::kDetect},
                                           {"hierarchical", NamespaceKind::kHierarchical},
                                           {"flat", NamespaceKind::kFlat}}));
  }
  TRY_VOID(ReadPermissions(node, remote));
  if (TRY(node.FlagOr("dfs_only", false))) {
    if (node.Find("blob_endpoint")) return node.Bad("takes blob_endpoint or dfs_only, not both");
    if (remote.namespace_kind == NamespaceKind::kFlat)
      return node.Bad("dfs_only is for hierarchical namespaces");
    uri.blob_endpoint.clear();
  }
  const std::string& used = uri.blob_endpoint.empty() ? uri.dfs_endpoint : uri.blob_endpoint;
  const ServiceEndpoint endpoint = TRY(ParseServiceEndpoint(used, EndpointPath::kAllowed));
  return CheckTls(node, endpoint, remote.allow_http);
}

Status ReadOciKeys(const Node& node, RemoteConfig& remote) {
  remote.region = TRY(node.StringOr("region", std::get<OciUri>(remote.uri).region));
  if (const auto found = node.Find("endpoint")) {
    remote.endpoint = TRY(ReadEndpoint(*found, EndpointPath::kRefused, remote.allow_http));
  }
  return {};
}

Result<std::chrono::milliseconds> ParsePatience(std::string_view text) {
  using namespace std::chrono_literals;
  const auto patience = TRY(ParseDuration(text));
  if (patience >= 1s && patience <= 1h) return patience;
  return Fail(ErrorCode::kInvalidArgument, "must be 1s to 1h");
}

Result<RemoteConfig> ReadRemote(const Node& node, const std::string& name) {
  TRY_VOID(node.CheckObject());
  RemoteConfig remote{.name = name};
  const Node uri = TRY(node.Need("uri", "where the data is"));
  remote.uri = TRY(uri.Parsed(ParseUri));
  if (IsAzure(remote.uri)) {
    TRY_VOID(node.CheckKeys({"uri", "auth", "endpoint", "dfs_endpoint", "blob_endpoint", "dfs_only",
                             "namespace", "permissions", "users", "groups", "ca_file", "allow_http",
                             "max_requests", "requests_per_second", "unreachable_after"}));
  } else if (IsOci(remote.uri)) {
    TRY_VOID(node.CheckKeys({"uri", "auth", "region", "endpoint", "ca_file", "allow_http",
                             "max_requests", "requests_per_second", "unreachable_after"}));
  } else {
    TRY_VOID(node.CheckKeys({"uri", "auth"}));
  }
  remote.allow_http = TRY(node.FlagOr("allow_http", false));
  remote.ca_file = TRY(node.StringOr("ca_file", ""));
  remote.max_requests =
      static_cast<std::uint32_t>(TRY(node.NumberOr("max_requests", 1, 1024, remote.max_requests)));
  remote.requests_per_second = TRY(node.NumberOr("requests_per_second", 0, 1e6, 0));
  if (const auto patience = node.Find("unreachable_after"))
    remote.unreachable_after = TRY(patience->Parsed(ParsePatience));
  if (IsAzure(remote.uri)) TRY_VOID(ReadAzureKeys(node, remote));
  if (IsOci(remote.uri)) TRY_VOID(ReadOciKeys(node, remote));
  if (const auto auth = node.Find("auth"))
    remote.auth = TRY(ReadAuth(*auth, remote.uri, remote.allow_http));
  return remote;
}

// The identity is one of OCI, whatever the remotes are. A secret of it cannot itself be in the
// vault.
Result<VaultConfig> ReadVault(const Node& node) {
  TRY_VOID(node.CheckKeys({"auth", "region", "endpoint", "ca_file", "allow_http"}));
  VaultConfig vault;
  vault.allow_http = TRY(node.FlagOr("allow_http", false));
  vault.ca_file = TRY(node.StringOr("ca_file", ""));
  vault.region = TRY(node.StringOr("region", ""));
  if (const auto endpoint = node.Find("endpoint")) {
    vault.endpoint = TRY(ReadEndpoint(*endpoint, EndpointPath::kRefused, vault.allow_http));
  }
  const Node auth = TRY(node.Need("auth", "the OCI identity that may read the secrets"));
  vault.auth = TRY(ReadAuth(auth, OciUri{}, vault.allow_http));
  if (vault.auth.type == AuthType::kPreAuthenticatedRequest)
    return auth.Bad("a pre-authenticated request cannot open a vault");
  if (vault.auth.pass_phrase.kind() == SecretReference::Kind::kVault) {
    return auth.Bad("the pass phrase that opens the vault cannot be in it");
  }
  return vault;
}

Status CheckConfigured(const Node& node, const Config& config, const std::string& remote) {
  if (config.remotes.contains(remote)) return {};
  std::vector<std::string_view> names;
  for (const auto& [name, unused] : config.remotes) names.push_back(name);
  return node.Bad(fmt::format("there is no remote '{}'; configured are {}", remote,
                              names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

Result<std::vector<std::string>> ReadRemoteNames(const Node& node, const Config& config) {
  if (!node.value().is_array() || node.value().empty())
    return node.MustBe("a list of at least one remote's name");
  std::vector<std::string> names;
  for (const json& item : node.value()) {
    if (!item.is_string()) return node.Bad("must be a list of remotes' names");
    names.push_back(item.get<std::string>());
    TRY_VOID(CheckConfigured(node, config, names.back()));
    if (std::count(names.begin(), names.end(), names.back()) > 1) {
      return node.Bad(fmt::format("'{}' comes twice", names.back()));
    }
  }
  return names;
}

// The JSON value as `-o NAME=VALUE` would write it.
Result<std::string> SettingText(const Node& node, SettingKind kind) {
  const json& value = node.value();
  switch (kind) {
    case SettingKind::kFlag:
      if (!value.is_boolean()) return node.MustBe("true or false");
      return std::string(value.get<bool>() ? "true" : "false");
    case SettingKind::kNumber:
      if (!value.is_number_unsigned()) return node.MustBe("a whole number");
      return fmt::format("{}", value.get<std::uint64_t>());
    case SettingKind::kText:
      if (value.is_number_unsigned()) return fmt::format("{}", value.get<std::uint64_t>());
      return node.AsString();
  }
  return node.Bad("has no known kind", ErrorCode::kInternal);
}

Result<MountConfig> ReadMount(const Node& node, const std::string& directory,
                              const Config& config) {
  TRY_VOID(node.CheckObject());
  if (!directory.starts_with('/'))
    return node.Bad("a mount's name is its directory, an absolute path");
  MountConfig mount{.directory = directory};
  const Node remotes = TRY(node.Need("remotes", "the names of the remotes to mount"));
  mount.remotes = TRY(ReadRemoteNames(remotes, config));
  for (const auto& [name, unused] : node.value().items()) {
    if (name == "remotes") continue;
    const auto& list = MountSettingList();
    const auto info =
        std::find_if(list.begin(), list.end(),
                     [&wanted = name](const SettingInfo& i) { return i.name == wanted; });
    const Node setting = *node.Find(name);
    std::string text;
    if (info != list.end()) text = TRY(SettingText(setting, info->kind));
    const Status applied = ApplyMountSetting(mount.settings, name, text);
    if (!applied) return setting.Bad(applied.error().message);
  }
  return mount;
}

Result<Location> ReadLocation(const Node& node, const Config& config) {
  Location location = TRY(node.Parsed(ParseLocation));
  if (const auto* remote = std::get_if<RemotePath>(&location))
    TRY_VOID(CheckConfigured(node, config, remote->remote));
  return location;
}

Result<MirrorConfig> ReadMirror(const Node& node, const std::string& name, const Config& config) {
  TRY_VOID(node.CheckKeys({"from", "to", "delete", "every", "keep_runs", "state_dir"}));
  const Node from = TRY(node.Need("from", "the source"));
  const Node to = TRY(node.Need("to", "the destination"));
  MirrorConfig mirror{.name = name};
  mirror.from = TRY(ReadLocation(from, config));
  mirror.to = TRY(ReadLocation(to, config));
  if (mirror.from == mirror.to) return node.Bad("'from' and 'to' are the same place");
  if (const auto policy = node.Find("delete")) {
    mirror.delete_policy =
        TRY(policy->AsChoice<DeletePolicy>({{"never", DeletePolicy::kNever},
                                            {"trash", DeletePolicy::kTrash},
                                            {"permanent", DeletePolicy::kPermanent}}));
  }
  if (const auto every = node.Find("every")) {
    mirror.every = TRY(every->Parsed(ParseDuration));
    if (mirror.every < std::chrono::seconds(1)) return every->Bad("must be 1s or more");
  }
  mirror.keep_runs =
      static_cast<std::uint32_t>(TRY(node.NumberOr("keep_runs", 1, 100'000, mirror.keep_runs)));
  mirror.state_dir = TRY(node.StringOr("state_dir", ""));
  if (!mirror.state_dir.empty() && !mirror.state_dir.starts_with('/'))
    return node.Bad("'state_dir' must be an absolute path");
  return mirror;
}

// Calls `read(node, name)` for each member of an optional object and keeps the results by name.
template <class T, class Read>
Status ReadMap(const Node& root, std::string_view section, std::map<std::string, T>& into,
               Read read) {
  const auto found = root.Find(section);
  if (!found) return {};
  TRY_VOID(found->CheckObject());
  for (const auto& [name, unused] : found->value().items()) {
    into.emplace(name, TRY(read(*found->Find(name), name)));
  }
  return {};
}

// nlohmann's own message quotes what it read last, which may be a secret: only the position is
// kept.
std::string SyntaxError(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, byte == 0 ? 0 : byte - 1);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto newline = before.rfind('\n');
  const std::size_t column =
      newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  return fmt::format(
      "line {}, column {}: is not valid JSON (comments are allowed, trailing commas are not)", line,
      column);
}

// JSON allows a key to occur twice; the last one would win and hide a mistake.
class DuplicateKeys {
 public:
  bool operator()(int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) open_.emplace_back();
    if (event == json::parse_event_t::object_end) open_.pop_back();
    if (event == json::parse_event_t::key &&
        !open_.back().insert(parsed.get<std::string>()).second && found_.empty()) {
      found_ = parsed.get<std::string>();
    }
    return true;
  }
  const std::string& found() const { return found_; }

 private:
  std::vector<std::set<std::string>> open_;
  std::string found_;
};

Result<json> ParseJson(std::string_view text, const ConfigSource& source) {
  DuplicateKeys duplicates;
  try {
    auto value = json::parse(text, std::ref(duplicates), /*allow_exceptions=*/true,
                             /*ignore_comments=*/true);
    if (!duplicates.found().empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: key '{}' comes twice", source.file, duplicates.found()));
    }
    return value;
  } catch (const json::parse_error& error) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}", source.file, SyntaxError(text, error.byte)));
  } catch (const json::exception&) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: is not valid JSON", source.file));
  }
}

}  // namespace

std::string RemoteConfig::Label() const { return name.empty() ? ToString(uri) : name; }

Result<Config> ParseConfig(std::string_view text, const ConfigSource& source) {
  const json value = TRY(ParseJson(text, source));
  const Node root(value, "", source);
  TRY_VOID(root.CheckKeys({"vault", "remotes", "mounts", "mirrors"}));
  Config config{.file = source.file};
  if (const auto vault = root.Find("vault")) config.vault = TRY(ReadVault(*vault));
  TRY_VOID(ReadMap(root, "remotes", config.remotes,
                   [&](const Node& node, const std::string& name) -> Result<RemoteConfig> {
                     if (!IsRemoteName(name))
                       return node.Bad(
                           "is not a remote's name (letters, digits, '-', '_', '.'; 64 at most)");
                     auto remote = ReadRemote(node, name);
                     if (remote) remote->vault = config.vault;
                     return remote;
                   }));
  TRY_VOID(ReadMap(root, "mounts", config.mounts, [&](const Node& node, const std::string& name) {
    return ReadMount(node, name, config);
  }));
  TRY_VOID(ReadMap(root, "mirrors", config.mirrors, [&](const Node& node, const std::string& name) {
    return ReadMirror(node, name, config);
  }));
  return config;
}

}  // namespace skybridge
