#include "backends/oci/pre_authenticated.h"

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "core/encoding.h"
#include "core/url.h"

namespace skybridge::oci {
namespace {

tl::unexpected<Error> Bad(std::string_view reason) {
  return Fail(ErrorCode::kInvalidArgument,
              "the pre-authenticated request's URL " + std::string(reason) +
                  "; allowed is https://HOST/p/SECRET/n/NAMESPACE/b/BUCKET/o/");
}

// Cuts "/LABEL/VALUE" off `path`. "" if it does not begin so.
std::string_view TakePart(std::string_view label, std::string_view& path) {
  if (!path.starts_with(label)) return {};
  const std::size_t end = path.find('/', label.size());
  const std::string_view value = path.substr(label.size(), end - label.size());
  path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  return value;
}

bool IsUrlSafe(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c == 0x7f || c == '?' || c == '#' || c == '"') return false;
  }
  return true;
}

}  // namespace

Result<PreAuthenticatedUrl> ParsePreAuthenticatedUrl(const Secret& url) {
  const std::string text(url.Reveal());
  if (!text.starts_with("https://") && !text.starts_with("http://"))
    return Bad("does not begin https://");
  if (!IsUrlSafe(text))
    return Bad("has a query, a blank or another byte that does not belong there");
  const auto parts = ParseUrl(text);
  if (!parts) return Bad("lacks the host or the path");
  if (parts->has_user) return Bad("has a user before the host");
  PreAuthenticatedUrl parsed{.endpoint = fmt::format("{}://{}", parts->scheme, parts->authority())};
  std::string_view rest = parts->path;
  const std::string_view secret = TakePart("/p/", rest);
  const Result<std::string> name_space = PercentDecode(TakePart("/n/", rest));
  const Result<std::string> bucket = PercentDecode(TakePart("/b/", rest));
  if (secret.empty() || !name_space || name_space->empty() || !bucket || bucket->empty())
    return Bad("lacks secret, namespace or bucket");
  if (rest != "/o/" && rest != "/o") {
    return Bad(
        "is for a single object: make one for the bucket or a prefix (AnyObjectRead, "
        "AnyObjectReadWrite)");
  }
  parsed.access = Secret("/p/" + std::string(secret));
  parsed.name_space = *name_space;
  parsed.bucket = *bucket;
  return parsed;
}

}  // namespace skybridge::oci
