#include "sync/listing/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "sync/listing/object_record.h"

namespace skybridge {
namespace {

// Of one stretch: a merge of hundreds of stretches stays within tens of megabytes.
constexpr std::size_t kBufferBytes = 64 << 10;

int OpenNameless(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
  std::string name = directory + "/skybridge-spool-XXXXXX";
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

Result<std::unique_ptr<Spool>> Spool::Create(const std::string& directory) {
  std::error_code error;
  const std::string place =
      directory.empty() ? std::filesystem::temp_directory_path(error).string() : directory;
  const int fd = error ? -1 : OpenNameless(place);
  if (fd < 0)
    return Fail(ErrorFromErrno(error ? error.value() : errno, "temporary file in '" + place + "'"));
  return std::unique_ptr<Spool>(new Spool(fd));
}

Spool::~Spool() { ::close(fd_); }

Status Spool::Append(const ObjectInfo& info) {
  const std::string record = EncodeObjectRecord(info);
  const auto size = static_cast<std::uint32_t>(record.size());
  buffer_.append(reinterpret_cast<const char*>(&size), sizeof size);
  buffer_ += record;
  if (buffer_.size() >= kBufferBytes) TRY(Flush());
  return {};
}

Result<std::uint64_t> Spool::Flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t done =
        ::pwrite(fd_, left.data(), left.size(), static_cast<off_t>(written_bytes_));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return Fail(ErrorFromErrno(errno, "temporary file"));
    written_bytes_ += static_cast<std::uint64_t>(done);
    left.remove_prefix(static_cast<std::size_t>(done));
  }
  buffer_.clear();
  return written_bytes_;
}

Result<std::optional<ObjectInfo>> SpoolReader::Next() {
  std::uint32_t size = 0;
  if (next_bytes_ == end_bytes_ && used_bytes_ == buffer_.size())
    return std::optional<ObjectInfo>();
  TRY_VOID(Fill(sizeof size));
  std::memcpy(&size, buffer_.data() + used_bytes_, sizeof size);
  TRY_VOID(Fill(sizeof size + size));
  const std::string_view record = std::string_view(buffer_).substr(used_bytes_ + sizeof size, size);
  std::optional<ObjectInfo> info = TRY(DecodeObjectRecord(record));
  used_bytes_ += sizeof size + size;
  return info;
}

// Makes `wanted_bytes` available behind `used_bytes_`.
Status SpoolReader::Fill(std::size_t wanted_bytes) {
  if (buffer_.size() - used_bytes_ >= wanted_bytes) return {};
  buffer_.erase(0, used_bytes_);
  used_bytes_ = 0;
  while (buffer_.size() < wanted_bytes) {
    const std::size_t have = buffer_.size();
    const std::size_t want = std::max(kBufferBytes, wanted_bytes) - have;
    const std::size_t more = std::min<std::uint64_t>(want, end_bytes_ - next_bytes_);
    buffer_.resize(have + more);
    const ssize_t got =
        ::pread(spool_.fd_, buffer_.data() + have, more, static_cast<off_t>(next_bytes_));
    if (got < 0 && errno != EINTR) return Fail(ErrorFromErrno(errno, "temporary file"));
    buffer_.resize(have + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0)
      return Fail(ErrorCode::kCorrupt, "a temporary file is shorter than what was written to it");
    next_bytes_ += static_cast<std::uint64_t>(std::max<ssize_t>(got, 0));
  }
  return {};
}

}  // namespace skybridge
