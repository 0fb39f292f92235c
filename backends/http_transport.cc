#include "backends/http_transport.h"

#include <algorithm>

#include <fmt/format.h>

namespace skybridge {
namespace {

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool SameHeaderName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return LowerAscii(x) == LowerAscii(y); });
}

bool IsMeaninglessFromStrangers(int status) {
  switch (status) {
    case 401:
    case 403:
    case 407:
    case 408:
    case 429:
      return false;
    default:
      return status < 500;
  }
}

Error StrangersAnswer(std::string_view what, const HttpResponse& response) {
  const bool redirection = response.status >= 300 && response.status < 400;
  return {.code = ErrorCode::kUnavailable,
          .message = fmt::format("{}: HTTP {} came from a proxy or portal, not from the service",
                                 what, response.status),
          .retryable = !redirection,
          .remote = {.http_status = response.status}};
}

const std::string* HttpHeaders::Find(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (SameHeaderName(field, name)) return &value;
  }
  return nullptr;
}

void HttpHeaders::Set(std::string_view name, std::string value) {
  for (auto& [field, current] : fields_) {
    if (SameHeaderName(field, name)) {
      current = std::move(value);
      return;
    }
  }
  Add(std::string(name), std::move(value));
}

std::string_view HttpHeaders::Get(std::string_view name, std::string_view otherwise) const {
  const std::string* value = Find(name);
  return value != nullptr ? std::string_view(*value) : otherwise;
}

}  // namespace skybridge
