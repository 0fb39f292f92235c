// The callbacks that libfuse calls for each request of the kernel. User data: a SessionContext.
#pragma once

struct fuse_lowlevel_ops;

namespace skybridge::fuse {

// Constant for the life of the process. Each callback is a firewall: no exception leaves it, each
// request gets one reply.
const fuse_lowlevel_ops& SessionOperations();

}  // namespace skybridge::fuse
