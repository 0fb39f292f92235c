#include "backends/azure/shared_key.h"

#include <algorithm>
#include <map>
#include <utility>

#include "backends/azure/url.h"
#include "core/digest.h"
#include "core/encoding.h"
#include "core/url.h"

namespace skybridge::azure {
namespace {

constexpr std::string_view kCollation = "!#$%&*.^_`|~+0123456789abcdefghijklmnopqrstuvwxyz";

bool IsSkippedAtFirst(char c) { return c == '-' || c == '\''; }

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string WithoutSkipped(std::string_view name) {
  std::string kept;
  for (const char c : name) {
    if (!IsSkippedAtFirst(c)) kept += c;
  }
  return kept;
}

// Names that differ in hyphens only: where they first differ, the one whose hyphen comes earlier
// sorts later.
bool HyphensSortBefore(std::string_view a, std::string_view b) {
  auto at_a = a.find('-');
  auto at_b = b.find('-');
  while (at_a == at_b && at_a != std::string_view::npos) {
    at_a = a.find('-', at_a + 1);
    at_b = b.find('-', at_b + 1);
  }
  return at_a > at_b;  // npos is the greatest: no hyphen sorts first
}

// Trims, and folds runs of white space into one space.
std::string Folded(std::string_view value) {
  std::string folded;
  for (const char c : value) {
    const bool space = c == ' ' || c == '\t';
    if (!space) {
      folded += c;
    } else if (!folded.empty() && folded.back() != ' ') {
      folded += ' ';
    }
  }
  if (folded.ends_with(' ')) folded.pop_back();
  return folded;
}

std::string CanonicalHeaders(const HttpHeaders& headers) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& [name, value] : headers) {
    std::string lower = ToLower(name);
    if (lower.starts_with("x-ms-")) fields.emplace_back(std::move(lower), Folded(value));
  }
  std::stable_sort(fields.begin(), fields.end(),
                   [](const auto& a, const auto& b) { return SortsBefore(a.first, b.first); });
  std::string text;
  for (const auto& [name, value] : fields) text.append(name).append(":").append(value).append("\n");
  return text;
}

// Decoded where it is well formed, else as it stands.
std::string Decoded(std::string_view text) {
  auto decoded = PercentDecode(text);
  return decoded ? *std::move(decoded) : std::string(text);
}

std::string CanonicalResource(std::string_view url, std::string_view account) {
  const auto parsed = ParseUrl(std::string(url));
  const Url parts = parsed ? *parsed : Url();  // what is no URL cannot be sent either
  std::string text = "/" + std::string(account) + parts.path;
  std::map<std::string, std::vector<std::string>> parameters;
  for (std::string_view rest = parts.query; !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    parameters[ToLower(Decoded(pair.substr(0, equals)))].push_back(Decoded(value));
  }
  for (auto& [name, values] : parameters) {
    std::sort(values.begin(), values.end());
    text += "\n" + name + ":";
    for (std::size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : ",") + values[i];
  }
  return text;
}

}  // namespace

bool SortsBefore(std::string_view a, std::string_view b) {
  const std::string kept_a = WithoutSkipped(a);
  const std::string kept_b = WithoutSkipped(b);
  if (kept_a == kept_b) return HyphensSortBefore(a, b);
  return std::lexicographical_compare(
      kept_a.begin(), kept_a.end(), kept_b.begin(), kept_b.end(),
      [](char x, char y) { return kCollation.find(x) < kCollation.find(y); });
}

std::string StringToSign(const HttpRequest& request, std::string_view account) {
  std::string text = request.method + "\n";
  const auto add = [&](std::string_view name) {
    text += request.headers.Get(name);
    text += "\n";
  };
  add("Content-Encoding");
  add("Content-Language");
  // Empty for no body, since version 2015-02-21.
  text += (request.body.empty() ? std::string() : std::to_string(request.body.size())) + "\n";
  for (const std::string_view name : {"Content-MD5", "Content-Type"}) add(name);
  text += "\n";  // Date: x-ms-date is used instead
  for (const std::string_view name :
       {"If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"}) {
    add(name);
  }
  return text + CanonicalHeaders(request.headers) + CanonicalResource(request.url, account);
}

Result<std::unique_ptr<SharedKeyCredential>> SharedKeyCredential::Make(
    std::string account, std::string_view key_base64) {
  auto key = Base64Decode(key_base64);
  if (!key || key->empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "the account key of '" + account + "' is not base64 text");
  }
  return std::unique_ptr<SharedKeyCredential>(
      new SharedKeyCredential(std::move(account), *std::move(key)));
}

Status SharedKeyCredential::Authorize(HttpRequest& request, const CallContext& /*context*/) {
  const std::string text = StringToSign(request, account_);
  const Sha256Digest signature = HmacSha256(AsBytes(key_), AsBytes(text));
  request.headers.Set("Authorization", "SharedKey " + account_ + ":" + Base64Encode(signature));
  return {};
}

bool SharedKeyCredential::Refused(const HttpRequest& /*request*/) { return false; }

}  // namespace skybridge::azure
