#include "backends/key_check.h"

#include <string_view>

#include <fmt/format.h>

namespace skybridge {
namespace {

Status CheckPart(std::string_view part, std::string_view path, const Capabilities& capabilities) {
  const bool is_plain = !part.empty() && part != "." && part != "..";
  if ((!is_plain && !capabilities.any_key_parts) || part.find('\0') != std::string_view::npos) {
    return Fail(ErrorCode::kInvalidName, fmt::format("'{}' is not a path of plain names", path));
  }
  if (part.size() > capabilities.max_name_bytes) {
    return Fail(ErrorCode::kNameTooLong, fmt::format("a name of {} bytes; {} are allowed",
                                                     part.size(), capabilities.max_name_bytes));
  }
  return {};
}

}  // namespace

Status CheckKey(const ObjectKey& key, const Capabilities& capabilities) {
  const bool is_no_key = key.path.size() > 1 && key.path[0] == '/' && key.path[1] != '/';
  if (is_no_key) {  // an empty first part is spelt "//" (core/ids.h)
    return Fail(ErrorCode::kInvalidName, fmt::format("'{}' begins with a '/'", key.path));
  }
  if (key.path.size() > capabilities.max_key_bytes) {
    return Fail(ErrorCode::kNameTooLong, fmt::format("a path of {} bytes; {} are allowed",
                                                     key.path.size(), capabilities.max_key_bytes));
  }
  std::string_view rest = key.path;
  for (;;) {
    const auto slash = rest.find('/');
    TRY_VOID(CheckPart(rest.substr(0, slash), key.path, capabilities));
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace skybridge
