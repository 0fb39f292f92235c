// CheckKey: refuses a key that no store of ours may hold, before anything is sent.
#pragma once

#include "backends/object_store.h"

namespace skybridge {

// A key that is not the root, made of parts joined by single '/', none of them empty, "." or "..",
// without NUL. Errors: kInvalidName; kNameTooLong if the path or a part is longer than
// `capabilities` allows.
Status CheckKey(const ObjectKey& key, const Capabilities& capabilities);

}  // namespace skybridge
