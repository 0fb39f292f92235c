// Members of JSON request bodies. Included by .cc files only: it brings nlohmann/json with it.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "tests/localcloud/oci_message.h"
#include "tests/localcloud/oci_state.h"

namespace skybridge::localcloud::oci {

// 400 InvalidJSON if the body is not a JSON object.
Outcome<nlohmann::json> ParseJsonObject(std::string_view body);

// The text member `name`: 400 MissingParameter if it is absent or null, 400 InvalidParameter if it
// is not a text.
Outcome<std::string> RequiredText(const nlohmann::json& object, std::string_view name);
// The same, but "" if it is absent or null.
Outcome<std::string> OptionalText(const nlohmann::json& object, std::string_view name);

// Adds the entries of the object member `name`, keys with their "opc-meta-", to the properties'
// metadata.
std::optional<OciFailure> AddMetadataMember(const nlohmann::json& object, std::string_view name,
                                            ObjectProperties& properties);

}  // namespace skybridge::localcloud::oci
