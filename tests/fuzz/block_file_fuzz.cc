// Files of the block cache. Input: choice byte, length of the data, then pairs of position and mask
// that damage a good file, or (choice 1) the whole file. Either it is refused, or its bytes are
// right.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "cache/block_file.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge::cache {
namespace {

constexpr std::uint64_t kBlockSize = std::uint64_t{256} << 10;
const BlockId kId{.object = "azure:dir/file", .etag = "0x8D", .index = 3};

// One file in memory for all inputs; BlockFile opens by path and follows no links.
class ScratchFile {
 public:
  ScratchFile() : fd_(::mkstemp(path_)) { fuzz::Require(fd_ >= 0, "a scratch file"); }
  ~ScratchFile() {
    ::close(fd_);
    ::unlink(path_);
  }
  const char* Write(ByteSpan bytes) const {
    const auto size = static_cast<ssize_t>(bytes.size());
    fuzz::Require(::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, bytes.data(), bytes.size(), 0) == size,
                  "the scratch file could be written");
    return path_;
  }

 private:
  char path_[32] = "/dev/shm/skybridge-fuzz-XXXXXX";
  const int fd_;
};

std::vector<std::byte> DamagedFile(fuzz::Input& in, std::vector<std::byte>& data) {
  data.resize(in.Number() % (kBlockSize + 1));
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7 + i / 256);
  std::vector<std::byte> file = EncodeBlockHeader(kId, kBlockSize, data);
  file.insert(file.end(), data.begin(), data.end());
  while (!in.Rest().empty()) {
    const std::size_t position = in.Number() % file.size();
    file[position] ^= static_cast<std::byte>(in.Byte());
  }
  return file;
}

}  // namespace

FUZZ_TARGET(block_file) {
  static const ScratchFile scratch;
  fuzz::Input in(input);
  std::vector<std::byte> data;
  std::vector<std::byte> file;
  const bool is_damaged_copy = (in.Byte() & 1) == 0;
  if (is_damaged_copy) {
    file = DamagedFile(in, data);
  } else {
    const ByteSpan rest = AsBytes(in.Rest());
    file.assign(rest.begin(), rest.end());
  }
  const auto block = BlockFile::Open(scratch.Write(file), kId, kBlockSize);
  if (!block) return;
  fuzz::Require(block->length_bytes() <= kBlockSize, "no longer than a block");
  std::vector<std::byte> read(block->length_bytes());
  const bool is_whole = block->Read(0, read).has_value();
  fuzz::Require(!is_whole || !is_damaged_copy || read == data, "what proves itself is right");
  if (!read.empty()) {
    (void)block->Read(read.size() / 2, std::span(read).subspan(read.size() / 2));
  }
}

}  // namespace skybridge::cache
