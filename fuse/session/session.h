// Session: one mount in the kernel. The only code that sees libfuse types.
//
//   auto session = TRY(Session::Mount(options, filesystem, {.on_ready = [] { ... }}));
//   TRY_VOID(session->Run());      // until SIGTERM, SIGINT, RequestStop or an unmount from outside
//
// Run answers requests on up to `max_threads` threads for each remote, and a few for what needs
// none. When it is told to stop it publishes what open files hold (within drain_timeout), unmounts
// and returns. While it runs it owns the handlers of SIGTERM, SIGINT and SIGHUP (restored
// afterwards), so one Session runs at a time with `handle_signals`.
#pragma once

#include <functional>
#include <memory>

#include "core/result.h"
#include "fuse/filesystem/filesystem.h"
#include "fuse/options.h"

namespace skybridge::fuse {

struct SessionHooks {
  // Called once, on one of the session's threads, when the kernel has accepted the mount: it can be
  // used from now on. A daemon tells its parent or systemd here.
  std::function<void()> on_ready = {};
  // False: Run leaves signals alone (tests; several sessions in one process).
  bool handle_signals = true;
};

class Session {
 public:
  // Mounts. A dead mount of ours at the same place is removed first. `filesystem` must outlive the
  // session. Errors, each in one clear line: kNotFound (no mount point), kNotDirectory, kLocked (a
  // skybridge mount is there already), kNotEmpty (without allow_nonempty), kInvalidArgument (one of
  // local_paths lies below the mount point), kNotSupported (no /dev/fuse), kPermissionDenied, kIo.
  static Result<std::unique_ptr<Session>> Mount(const MountOptions& options, Filesystem& filesystem,
                                                SessionHooks hooks = {});
  virtual ~Session() = default;  // unmounts if it still is mounted

  // Blocks until the mount has ended. Errors: that of the drain (data that did not reach the
  // store), kIo.
  virtual Status Run() = 0;
  // Makes Run drain, unmount and return. Safe from any thread; not from a signal handler.
  virtual void RequestStop() = 0;
};

}  // namespace skybridge::fuse
