// What the callbacks of all groups share: one call of the file system with its deadline and its
// interrupts, and the replies. The shell's internal header, and the one through which its groups of
// operations see libfuse.
#pragma once

#include <sys/stat.h>

#include <exception>
#include <stop_token>
#include <utility>

#include <fuse3/fuse_lowlevel.h>

#include "core/result.h"
#include "fuse/session/session_context.h"
#include "fuse/vocabulary.h"

namespace skybridge::fuse {

inline constexpr blksize_t kPreferredIoBytes = 1 << 20;

inline SessionContext& ContextOf(fuse_req_t req) {
  return *static_cast<SessionContext*>(fuse_req_userdata(req));
}
inline InodeNumber Ino(fuse_ino_t ino) { return static_cast<InodeNumber>(ino); }

// A call that changes something runs to its end once begun: answered EINTR, it might still have
// been carried out.
enum class Interrupts { kStopTheCall, kAreIgnored };

// Lets the kernel's INTERRUPT, or the end of the session, stop one call.
class InterruptGuard {
 public:
  InterruptGuard(fuse_req_t req, Interrupts interrupts)
      : req_(req), calls_(ContextOf(req).calls), interrupts_(interrupts) {
    calls_.Add(&source_);
    if (interrupts_ == Interrupts::kStopTheCall) {
      fuse_req_interrupt_func(
          req_,
          [](fuse_req_t, void* source) { static_cast<std::stop_source*>(source)->request_stop(); },
          &source_);
    }
  }
  // libfuse waits here for an interrupt function that is running, so `source_` outlives it.
  ~InterruptGuard() {
    if (interrupts_ == Interrupts::kStopTheCall) fuse_req_interrupt_func(req_, nullptr, nullptr);
    calls_.Remove(&source_);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  std::stop_token token() const { return source_.get_token(); }

 private:
  fuse_req_t req_;
  CallsAtWork& calls_;
  Interrupts interrupts_;
  std::stop_source source_;
};

// Runs `body(filesystem, call)` with interrupts, and the deadline that began when the request came.
// What it throws (std::bad_alloc, our own bugs) becomes an error: nothing is thrown into C.
template <class Body>
auto Run(fuse_req_t req, Interrupts interrupts, Body&& body)
    -> decltype(body(std::declval<Filesystem&>(), Call{})) {
  try {
    const fuse_ctx* caller = fuse_req_ctx(req);
    Filesystem& filesystem = ContextOf(req).filesystem;
    const InterruptGuard guard(req, interrupts);
    const Call call{
        .uid = caller->uid,
        .gid = caller->gid,
        .pid = static_cast<std::uint32_t>(caller->pid),
        .context = {.deadline = ArrivalScope::Current() + filesystem.options().operation_timeout,
                    .stop = guard.token()}};
    return body(filesystem, call);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInternal, error.what());
  }
}

void ReplyError(fuse_req_t req, const char* operation, fuse_ino_t ino, const Error& error);
// A refusal is EPERM, not EACCES: chmod(2) and chown(2) by who is not the owner (POSIX.1-2017).
void ReplyNotOwner(fuse_req_t req, const char* operation, fuse_ino_t ino, const Error& refusal);
void ReplyStatus(fuse_req_t req, const char* operation, fuse_ino_t ino, const Status& status);
void ReplyEntry(fuse_req_t req, const char* operation, fuse_ino_t ino,
                const Result<NodeReply>& node);
void ReplyAttributes(fuse_req_t req, const char* operation, fuse_ino_t ino,
                     const Result<NodeReply>& node);

// S_IFREG and its like.
mode_t TypeBits(cache::InodeKind kind);
fuse_entry_param ToEntry(const NodeReply& node);
double Seconds(std::chrono::nanoseconds time);

// Each group puts its callbacks in.
void AddNameOperations(fuse_lowlevel_ops& operations);
void AddDirectoryOperations(fuse_lowlevel_ops& operations);
void AddFileOperations(fuse_lowlevel_ops& operations);
void AddXattrOperations(fuse_lowlevel_ops& operations);
void AddMountOperations(fuse_lowlevel_ops& operations);

}  // namespace skybridge::fuse
