#include "tests/localcloud/azure_target.h"

#include <algorithm>
#include <cctype>

#include "core/encoding.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::size_t kMaxPathUtf16Units = 1024;
constexpr std::size_t kMaxDepth = 61;  // of a hierarchical account; a deeper path is PathIsTooDeep
constexpr std::size_t kMaxFlatSegments = 254;  // of a flat account

std::string Decode(std::string_view text) {
  auto decoded = PercentDecode(text);
  if (!decoded) Refuse(400, "InvalidUri", "The request URI is invalid.");
  return *std::move(decoded);
}

std::string DecodeField(std::string_view text) {
  std::string blanks(text);
  std::replace(blanks.begin(), blanks.end(), '+', ' ');
  return Decode(blanks);
}

struct HostParts {
  std::string account;
  Endpoint endpoint = Endpoint::kEither;
};

// "ACCOUNT.dfs.SUFFIX" and the like; anything else says nothing.
HostParts ParseHost(std::string_view host) {
  const std::vector<std::string_view> labels = Split(host.substr(0, host.find(':')), '.');
  if (labels.size() < 3) return {};
  if (labels[1] == "dfs") return {.account = Lower(labels[0]), .endpoint = Endpoint::kDfs};
  if (labels[1] == "queue") return {.account = Lower(labels[0]), .endpoint = Endpoint::kQueue};
  if (labels[1] == "blob") return {.account = Lower(labels[0]), .endpoint = Endpoint::kBlob};
  return {};
}

// Takes the first segment off `path`.
std::string TakeSegment(std::string& path) {
  const std::size_t end = path.find('/');
  std::string segment = path.substr(0, end);
  path = end == std::string::npos ? "" : path.substr(end + 1);
  return segment;
}

bool IsUtf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || at + length > text.size()) return false;
    for (std::size_t i = 1; i < length; ++i) {
      if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return false;
    }
    at += length;
  }
  return true;
}

std::size_t Utf16Units(std::string_view utf8) {
  std::size_t units = 0;
  for (const unsigned char c : utf8) {
    if ((c & 0xC0) != 0x80) units += c >= 0xF0 ? 2 : 1;
  }
  return units;
}

}  // namespace

Query::Query(std::string_view raw_query) {
  for (const std::string_view field : Split(raw_query, '&')) {
    if (field.empty()) continue;
    const std::size_t equals = field.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : field.substr(equals + 1);
    fields_.emplace_back(DecodeField(field.substr(0, equals)), DecodeField(value));
  }
}

const std::string* Query::Find(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoringCase(key, name)) return &value;
  }
  return nullptr;
}

std::string Query::Get(std::string_view name) const {
  const std::string* value = Find(name);
  return value == nullptr ? "" : *value;
}

Target ParseTarget(const Request& request, const std::function<bool(std::string_view)>& is_account,
                   Endpoint origin) {
  const HostParts host = ParseHost(request.headers.Get("Host"));
  const bool labelled = host.endpoint != Endpoint::kEither;
  Target target{.account = host.account,
                .query = Query(request.raw_query),
                .endpoint = labelled ? host.endpoint : origin};
  std::string path = Decode(request.raw_path);
  path.erase(0, 1);
  if (!labelled && is_account(path.substr(0, path.find('/')))) target.account = TakeSegment(path);
  path.erase(0, std::min(path.find_first_not_of('/'), path.size()));
  target.container = TakeSegment(path);
  target.path = std::move(path);
  return target;
}

SourcePath ParseSourcePath(std::string_view encoded,
                           const std::function<bool(std::string_view)>& is_account) {
  SourcePath source;
  const std::size_t query = encoded.find('?');
  if (query != std::string_view::npos) source.raw_query = encoded.substr(query + 1);
  std::string path = Decode(encoded.substr(0, query));
  path.erase(0, std::min(path.find_first_not_of('/'), path.size()));
  if (is_account(path.substr(0, path.find('/')))) source.account = TakeSegment(path);
  source.container = TakeSegment(path);
  source.path = std::move(path);
  return source;
}

void CheckPathLimits(std::string_view path, bool hierarchical) {
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  if (std::any_of(path.begin(), path.end(), control)) {
    Refuse(400, "InvalidUri", "The request URI is invalid: control characters in a name.");
  }
  if (!IsUtf8(path)) Refuse(400, "InvalidUri", "The request URI is invalid: not UTF-8.");
  if (Utf16Units(path) > kMaxPathUtf16Units) {
    Refuse(400, "InvalidResourceName",
           "The specified resource name length is not within the permissible limits.");
  }
  const auto segments = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1;
  if (hierarchical && segments > kMaxDepth) Refuse(400, "PathIsTooDeep", "The path is too deep.");
  if (!hierarchical && segments > kMaxFlatSegments) {
    Refuse(400, "InvalidUri", "The number of path segments is not within the permissible limits.");
  }
}

void CheckContainerName(std::string_view name) {
  static constexpr std::string_view kSpecial[] = {"$root", "$web", "$logs", "$blobchangefeed"};
  if (std::find(std::begin(kSpecial), std::end(kSpecial), name) != std::end(kSpecial)) return;
  CheckQueueName(name);  // the same rules
}

void CheckQueueName(std::string_view name) {
  if (name.size() < 3 || name.size() > 63) {
    Refuse(400, "OutOfRangeInput",
           "The specified resource name length is not within the permissible limits.");
  }
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool ends_well = alphanumeric(name.front()) && alphanumeric(name.back());
  const bool inside_well =
      std::all_of(name.begin(), name.end(), [&](char c) { return alphanumeric(c) || c == '-'; });
  if (!ends_well || !inside_well || name.find("--") != std::string_view::npos) {
    Refuse(400, "InvalidResourceName", "The specified resource name contains invalid characters.");
  }
}

std::string NormalPath(std::string_view path, bool hierarchical) {
  std::string normal;
  const bool trailing_slash = !path.empty() && path.back() == '/';
  bool first = true;
  for (std::string_view segment :
       Split(trailing_slash ? path.substr(0, path.size() - 1) : path, '/')) {
    const std::size_t last = segment.find_last_not_of('.');
    segment = segment.substr(0, last == std::string_view::npos ? 0 : last + 1);
    if (segment.empty() && hierarchical) continue;
    if (!first) normal += '/';
    normal += segment;
    first = false;
  }
  if (trailing_slash && !hierarchical) normal += '/';
  return normal;
}

}  // namespace skybridge::localcloud::azure
