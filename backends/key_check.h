// CheckKey: refuses a key that no store of ours may hold, before anything is sent.
#pragma once

#include "backends/object_store.h"

namespace skybridge {

// A key that is not the root, in its one spelling (core/ids.h), without NUL; unless `capabilities`
// allow any parts, none of them is empty, "." or "..". Errors: kInvalidName; kNameTooLong if the path
// or a part is longer than `capabilities` allows.
Status CheckKey(const ObjectKey& key, const Capabilities& capabilities);

}  // namespace skybridge
