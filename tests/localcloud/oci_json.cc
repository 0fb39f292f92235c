#include "tests/localcloud/oci_json.h"

#include <fmt/format.h>

#include "tests/localcloud/oci_handlers.h"

namespace skybridge::localcloud::oci {

using nlohmann::json;

Outcome<json> ParseJsonObject(std::string_view body) {
  json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object())
    return Refuse(400, "InvalidJSON", "The request body is not a JSON object");
  return parsed;
}

Outcome<std::string> OptionalText(const json& object, std::string_view name) {
  const auto member = object.find(name);
  if (member == object.end() || member->is_null()) return std::string();
  if (!member->is_string())
    return Refuse(400, "InvalidParameter", fmt::format("'{}' must be a text", name));
  return member->get<std::string>();
}

Outcome<std::string> RequiredText(const json& object, std::string_view name) {
  std::string text = OCI_TRY(OptionalText(object, name));
  if (text.empty()) return Refuse(400, "MissingParameter", fmt::format("'{}' is required", name));
  return text;
}

std::optional<OciFailure> AddMetadataMember(const json& object, std::string_view name,
                                            ObjectProperties& properties) {
  const auto member = object.find(name);
  if (member == object.end() || member->is_null()) return std::nullopt;
  if (!member->is_object())
    return OciFailure{400, "InvalidMetadata", fmt::format("'{}' must be an object", name)};
  for (const auto& [key, value] : member->items()) {
    if (!value.is_string())
      return OciFailure{400, "InvalidMetadata", fmt::format("'{}' must be a text", key)};
    if (auto failure = AddMetadata(properties, key, value.get_ref<const std::string&>()))
      return failure;
  }
  return CheckMetadata(properties);
}

}  // namespace skybridge::localcloud::oci
