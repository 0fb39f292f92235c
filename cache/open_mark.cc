#include "cache/open_mark.h"

#include <unistd.h>

#include <utility>

#include "cache/local_file.h"

namespace skybridge::cache {

Result<std::unique_ptr<OpenMark>> OpenMark::Set(const std::string& path) {
  const bool was_there = ::access(path.c_str(), F_OK) == 0;
  if (!was_there) {
    TRY_VOID(WriteSynced(path, "open\n"));
    TRY_VOID(SyncDirectoryOf(path));
  }
  return std::unique_ptr<OpenMark>(new OpenMark(path, was_there));
}

OpenMark::~OpenMark() {
  if (!stays_) ::unlink(path_.c_str());
}

}  // namespace skybridge::cache
