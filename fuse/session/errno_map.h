// The only place that turns an Error into errno.
#pragma once

#include "core/error.h"

namespace skybridge::fuse {

// Never 0 and never ENOSYS: after ENOSYS the kernel stops asking and reports success for ever.
int ErrnoOf(ErrorCode code);

}  // namespace skybridge::fuse
