#include "fuse/session/session_operations.h"

#include "fuse/session/session_call.h"

namespace skybridge::fuse {
namespace {

fuse_lowlevel_ops MakeOperations() {
  fuse_lowlevel_ops operations{};
  AddMountOperations(operations);
  AddNameOperations(operations);
  AddDirectoryOperations(operations);
  AddFileOperations(operations);
  AddXattrOperations(operations);
  return operations;
}

}  // namespace

const fuse_lowlevel_ops& SessionOperations() {
  static const fuse_lowlevel_ops kOperations = MakeOperations();
  return kOperations;
}

}  // namespace skybridge::fuse
