#include "backends/oci/object_names.h"

#include "backends/key_check.h"
#include "core/utf8.h"

namespace skybridge::oci {

std::optional<ObjectKey> ObjectNames::Key(std::string_view name,
                                          const Capabilities& capabilities) const {
  if (!name.starts_with(base_)) return std::nullopt;
  ObjectKey key = ObjectKey::FromFlatName(name.substr(base_.size()));
  if (!CheckKey(key, capabilities)) return std::nullopt;
  return key;
}

Status CheckObjectKey(const ObjectKey& key, const Capabilities& capabilities) {
  TRY_VOID(CheckKey(key, capabilities));
  if (key.path.find_first_of("\r\n") != std::string::npos || !IsUtf8(key.path)) {
    return Fail(ErrorCode::kInvalidName, "OCI object names are UTF-8 without line breaks");
  }
  return {};
}

}  // namespace skybridge::oci
