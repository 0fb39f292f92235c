#include "core/uri.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/encoding.h"
#include "core/service_endpoint.h"
#include "core/url.h"

namespace skybridge {
namespace {

constexpr std::string_view kAllowedForms =
    "abfss://FILESYSTEM@ACCOUNT.dfs.core.windows.net/PATH, "
    "https://ACCOUNT.dfs.core.windows.net/FILESYSTEM/PATH, "
    "oci://BUCKET@NAMESPACE/PATH, file:///DIR";

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return IsLower(c) || (c >= 'A' && c <= 'Z'); }

tl::unexpected<Error> Bad(std::string_view text, std::string_view reason) {
  const auto query = text.find('?');
  const std::string_view shown = text.substr(0, query);
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("'{}{}': {}", shown, query == std::string_view::npos ? "" : "?...", reason));
}

struct Split {
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;  // without its first '/'
};

std::optional<Split> SplitUri(std::string_view text) {
  const auto colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  Split split{.scheme = text.substr(0, colon)};
  const std::string_view rest = text.substr(colon + 3);
  const auto slash = rest.find('/');
  split.authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) split.path = rest.substr(slash + 1);
  return split;
}

// Azure: Naming and referencing containers. 3 to 63 of a-z, 0-9 and '-', no two '-' in a row,
// alphanumeric ends;
// "$root", "$web" and the like begin with '$'.
bool IsContainerName(std::string_view name) {
  if (name.size() < 3 || name.size() > 63) return false;
  const auto alphanumeric = [](char c) { return IsLower(c) || IsDigit(c); };
  if (!alphanumeric(name.front()) && name.front() != '$') return false;
  if (!alphanumeric(name.back()) || name.find("--") != std::string_view::npos) return false;
  return std::all_of(name.begin() + 1, name.end(),
                     [&](char c) { return alphanumeric(c) || c == '-'; });
}

// Azure: Storage account overview. 3 to 24 lower-case letters and digits.
bool IsAccountName(std::string_view name) {
  return name.size() >= 3 && name.size() <= 24 &&
         std::all_of(name.begin(), name.end(), [](char c) { return IsLower(c) || IsDigit(c); });
}

Status CheckAzureNames(std::string_view text, std::string_view account,
                       std::string_view container) {
  if (!IsAccountName(account)) {
    return Bad(
        text,
        fmt::format("'{}' is not a storage account name (3 to 24 lower-case letters and digits)",
                    account));
  }
  if (!IsContainerName(container)) {
    return Bad(
        text,
        fmt::format(
            "'{}' is not a file system (container) name (3 to 63 lower-case letters, digits and "
            "single hyphens)",
            container));
  }
  return {};
}

struct AzureHost {
  std::string_view account;
  std::string_view rest;  // what follows the "dfs" or "blob" label: "core.windows.net"
};

// ACCOUNT.dfs.SUFFIX or ACCOUNT.blob.SUFFIX; an account in a DNS zone has one more label
// (ACCOUNT.z01.blob.SUFFIX).
std::optional<AzureHost> SplitAzureHost(std::string_view host) {
  const auto in_host = [](char c) { return IsLetter(c) || IsDigit(c) || c == '-' || c == '.'; };
  if (!std::all_of(host.begin(), host.end(), in_host)) return std::nullopt;
  for (const std::string_view label : {std::string_view(".dfs."), std::string_view(".blob.")}) {
    const auto at = host.rfind(label);
    if (at == std::string_view::npos || at == 0) continue;
    AzureHost split{.account = host.substr(0, at), .rest = host.substr(at + label.size())};
    if (split.rest.empty()) return std::nullopt;
    return split;
  }
  return std::nullopt;
}

AzureUri MakeAzureUri(const AzureHost& host, std::string_view container, ObjectKey path) {
  const std::string_view account = host.account.substr(0, host.account.find('.'));
  return AzureUri{.account = std::string(account),
                  .container = std::string(container),
                  .path = std::move(path),
                  .dfs_endpoint = fmt::format("https://{}.dfs.{}", host.account, host.rest),
                  .blob_endpoint = fmt::format("https://{}.blob.{}", host.account, host.rest)};
}

Result<ObjectKey> KeyOf(std::string_view text, std::string_view path) {
  auto key = ParseKey(path);
  if (!key) return Bad(text, key.error().message);
  return key;
}

Result<Uri> ParseAbfs(std::string_view text, const Split& split) {
  const auto at = split.authority.find('@');
  if (at == std::string_view::npos) {
    return Bad(text, fmt::format("lacks the file system before '@'; write "
                                 "{}://FILESYSTEM@ACCOUNT.dfs.core.windows.net/PATH",
                                 split.scheme));
  }
  const auto host = SplitAzureHost(split.authority.substr(at + 1));
  if (!host) {
    return Bad(text, fmt::format("'{}' is not ACCOUNT.dfs.SUFFIX or ACCOUNT.blob.SUFFIX, such as "
                                 "contoso.dfs.core.windows.net",
                                 split.authority.substr(at + 1)));
  }
  const std::string_view container = split.authority.substr(0, at);
  TRY_VOID(CheckAzureNames(text, host->account.substr(0, host->account.find('.')), container));
  return Uri(MakeAzureUri(*host, container, TRY(KeyOf(text, split.path))));
}

// The first part of a path, which is cut off from it.
std::string_view TakePart(std::string_view& path) {
  const auto slash = path.find('/');
  const std::string_view part = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return part;
}

// A pre-authenticated request of OCI: its path is a secret and is not repeated.
bool IsPreAuthenticated(const Split& split) {
  return split.path.starts_with("p/") && split.path.find("/n/") != std::string_view::npos;
}

Result<Uri> ParseHttp(std::string_view text, const Split& split) {
  if (IsPreAuthenticated(split)) {
    return Bad("https://.../p/...",
               "a pre-authenticated request's URL is a secret and no location; write "
               "oci://BUCKET@NAMESPACE/PATH, and the URL into auth.url of the remote");
  }
  if (text.find('?') != std::string_view::npos || text.find('#') != std::string_view::npos) {
    return Bad(text,
               "a location has no query; a SAS token belongs into auth.sas_token or "
               "AZURE_STORAGE_SAS_TOKEN");
  }
  if (split.authority.empty()) return Bad(text, "lacks the host");
  if (split.authority.find('@') != std::string_view::npos)
    return Bad(text, "user information is not allowed here");
  std::string_view path = split.path;
  const auto host = SplitAzureHost(split.authority);
  if (host && split.scheme == "http")
    return Bad(text, "plain http to Azure is not allowed; write https://");
  const std::string_view account =
      host ? host->account.substr(0, host->account.find('.')) : TakePart(path);
  const std::string_view container = TakePart(path);
  if (account.empty() || container.empty()) {
    return Bad(
        text,
        host ? "lacks the file system; write https://ACCOUNT.dfs.core.windows.net/FILESYSTEM/PATH"
             : "is not an Azure host, and lacks account and container; write "
               "https://ACCOUNT.dfs.core.windows.net/FILESYSTEM/PATH, or "
               "http://HOST:PORT/ACCOUNT/CONTAINER "
               "for an emulator");
  }
  TRY_VOID(CheckAzureNames(text, account, container));
  auto decoded = PercentDecode(path);
  if (!decoded) return Bad(text, "the path has a bad percent escape");
  ObjectKey key = TRY(KeyOf(text, *decoded));
  if (host) return Uri(MakeAzureUri(*host, container, std::move(key)));
  const ServiceEndpoint endpoint = TRY(ParseServiceEndpoint(
      fmt::format("{}://{}/{}", split.scheme, split.authority, account), EndpointPath::kAllowed));
  return Uri(AzureUri{.account = std::string(account),
                      .container = std::string(container),
                      .path = std::move(key),
                      .dfs_endpoint = endpoint.url,
                      .blob_endpoint = endpoint.url});
}

bool IsBucketName(std::string_view name) {
  return !name.empty() && name.size() <= 256 && std::all_of(name.begin(), name.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '-' || c == '_' || c == '.';
  });
}

Result<Uri> ParseOci(std::string_view text, const Split& split) {
  const auto at = split.authority.find('@');
  if (at == std::string_view::npos)
    return Bad(text, "lacks the namespace; write oci://BUCKET@NAMESPACE/PATH");
  OciUri uri{.bucket = std::string(split.authority.substr(0, at))};
  std::string_view place = split.authority.substr(at + 1);
  place = place.substr(0, place.find(':'));  // the HDFS connector tolerates a port and ignores it
  const auto dot = place.find('.');
  uri.name_space = place.substr(0, dot);
  if (dot != std::string_view::npos) uri.region = place.substr(dot + 1);
  if (!IsBucketName(uri.bucket)) {
    return Bad(text,
               fmt::format("'{}' is not a bucket name (letters, digits, '-', '_', '.'; 1 to 256)",
                           uri.bucket));
  }
  const auto in_namespace = [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '-' || c == '_';
  };
  if (uri.name_space.empty() ||
      !std::all_of(uri.name_space.begin(), uri.name_space.end(), in_namespace)) {
    return Bad(
        text,
        fmt::format("'{}' is not an Object Storage namespace (letters, digits, '-', '_'); write "
                    "oci://BUCKET@NAMESPACE/PATH",
                    uri.name_space));
  }
  if (dot != std::string_view::npos && uri.region.size() < 3) {
    return Bad(text, fmt::format("'{}' is not a region such as us-ashburn-1", uri.region));
  }
  uri.path = TRY(KeyOf(text, split.path));
  return Uri(std::move(uri));
}

Result<Uri> ParseFile(std::string_view text, const Split& split) {
  if (!split.authority.empty() && split.authority != "localhost") {
    return Bad(text, "a file URI names a directory of this machine; write file:///DIR");
  }
  auto path = PercentDecode(split.path);
  if (!path) return Bad(text, "the path has a bad percent escape");
  if (path->find('\0') != std::string::npos) return Bad(text, "a path has no NUL byte");
  return Uri(LocalDirectory{.path = "/" + *path});
}

Location Widen(Uri uri) {
  return std::visit([](auto&& held) { return Location(std::forward<decltype(held)>(held)); },
                    std::move(uri));
}

Result<Location> ParseRemote(std::string_view text, std::string_view name, std::string_view path) {
  ObjectKey key = TRY(KeyOf(text, path));
  return Location(RemotePath{.remote = std::string(name), .path = std::move(key)});
}

std::string WithPath(const std::string& base, const ObjectKey& path) {
  return base + "/" + path.path;
}

}  // namespace

Result<Uri> ParseUri(std::string_view text) {
  const auto split = SplitUri(text);
  if (!split) return Bad(text, fmt::format("is not a URI; allowed are {}", kAllowedForms));
  // The reasons below quote the authority, and a SAS token may have been pasted behind it.
  if (split->authority.find_first_of("?#") != std::string_view::npos) {
    return Bad(text,
               "a location has no query or fragment; a SAS token belongs into auth.sas_token or "
               "AZURE_STORAGE_SAS_TOKEN");
  }
  if (split->scheme == "abfss" || split->scheme == "abfs" || split->scheme == "wasbs" ||
      split->scheme == "wasb") {
    return ParseAbfs(text, *split);
  }
  if (split->scheme == "https" || split->scheme == "http") return ParseHttp(text, *split);
  if (split->scheme == "oci") return ParseOci(text, *split);
  if (split->scheme == "file") return ParseFile(text, *split);
  return Bad(text, fmt::format("'{}' is not a scheme that skybridge knows; allowed are {}",
                               split->scheme, kAllowedForms));
}

Result<Location> ParseLocation(std::string_view text) {
  if (text.empty()) return Bad(text, "is empty; write a URI, remote:path or a directory");
  if (text.find('\0') != std::string_view::npos) return Bad("...", "a path has no NUL byte");
  if (text.find("://") != std::string_view::npos && text[0] != '/' && text[0] != '.')
    return Widen(TRY(ParseUri(text)));
  const auto colon = text.find(':');
  const auto slash = text.find('/');
  if (colon == std::string_view::npos || slash < colon)
    return Location(LocalDirectory{.path = std::string(text)});
  const std::string_view name = text.substr(0, colon);
  if (!IsRemoteName(name)) {
    return Bad(
        text,
        fmt::format(
            "'{}' is not a remote's name (letters, digits, '-', '_', '.'); for a directory write "
            "./{}",
            name, text));
  }
  return ParseRemote(text, name, text.substr(colon + 1));
}

Result<Location> ParseRemoteLocation(std::string_view text) {
  if (IsRemoteName(text) && text != "." && text != "..") return ParseRemote(text, text, "");
  return ParseLocation(text);
}

Result<ObjectKey> ParseKey(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return ObjectKey();
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return Fail(ErrorCode::kInvalidArgument, "a path has no control characters");
    }
  }
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view part = TakePart(rest);
    if (part.empty()) return Fail(ErrorCode::kInvalidArgument, "the path has an empty part ('//')");
    if (part == "." || part == "..") {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the path has a part '{}'", part));
    }
  }
  return ObjectKey(std::string(path));
}

bool IsRemoteName(std::string_view name) {
  if (name.empty() || name.size() > 64 || !(IsLetter(name[0]) || IsDigit(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '-' || c == '_' || c == '.';
  });
}

std::string ToString(const AzureUri& uri) {
  const auto url = ParseUrl(uri.dfs_endpoint);
  const std::string authority = url ? url->authority() : std::string();
  const auto host = SplitAzureHost(authority);
  if (!host) {
    // Of the forms of a URI only the http ones are percent-encoded.
    return fmt::format("{}/{}/{}", uri.dfs_endpoint, uri.container,
                       PercentEncodePath(uri.path.path));
  }
  return WithPath(fmt::format("abfss://{}@{}.dfs.{}", uri.container, host->account, host->rest),
                  uri.path);
}

std::string ToString(const OciUri& uri) {
  const std::string region = uri.region.empty() ? "" : "." + uri.region;
  return WithPath(fmt::format("oci://{}@{}{}", uri.bucket, uri.name_space, region), uri.path);
}

std::string ToString(const LocalDirectory& directory) { return directory.path; }
std::string ToString(const RemotePath& path) { return path.remote + ":" + path.path.path; }

std::string ToString(const Uri& uri) {
  return std::visit([](const auto& held) { return ToString(held); }, uri);
}
std::string ToString(const Location& location) {
  return std::visit([](const auto& held) { return ToString(held); }, location);
}

}  // namespace skybridge
