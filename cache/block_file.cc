#include "cache/block_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <xxhash.h>

namespace skybridge::cache {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the header is written as it lies in memory");

constexpr std::array<char, 8> kMagic = {'S', 'K', 'Y', 'B', 'L', 'O', 'C', 'K'};
constexpr std::uint32_t kVersion = 1;

struct FixedHeader {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t chunk_bytes = kBlockChunkBytes;
  std::uint64_t block_size_bytes = 0;
  std::uint64_t index = 0;
  std::uint64_t length_bytes = 0;
  std::uint32_t object_bytes = 0;
  std::uint32_t etag_bytes = 0;
  std::uint64_t digest = 0;
};
static_assert(sizeof(FixedHeader) == 56);

std::uint64_t ChunkCount(std::uint64_t length_bytes) {
  return (length_bytes + kBlockChunkBytes - 1) / kBlockChunkBytes;
}

std::uint64_t Xxh3(ByteSpan bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

FixedHeader MakeFixed(const BlockId& id, std::uint64_t block_size_bytes,
                      std::uint64_t length_bytes) {
  FixedHeader fixed;
  fixed.block_size_bytes = block_size_bytes;
  fixed.index = id.index;
  fixed.length_bytes = length_bytes;
  fixed.object_bytes = static_cast<std::uint32_t>(id.object.size());
  fixed.etag_bytes = static_cast<std::uint32_t>(id.etag.size());
  return fixed;
}

Error Damaged(const char* what) { return Error{.code = ErrorCode::kCorrupt, .message = what}; }

// True if the header is whole, undamaged, and that of `id`.
bool HeaderIsOf(std::vector<std::byte>& header, const FixedHeader& fixed, const BlockId& id,
                std::uint64_t block_size_bytes) {
  FixedHeader expected = MakeFixed(id, block_size_bytes, fixed.length_bytes);
  std::memcpy(header.data(), &expected,
              sizeof expected);  // the digest is taken with its field zero
  if (Xxh3(header) != fixed.digest) return false;
  expected.digest = fixed.digest;
  const std::byte* names = header.data() + sizeof(FixedHeader);
  return std::memcmp(&expected, &fixed, sizeof fixed) == 0 &&
         std::memcmp(names, id.object.data(), id.object.size()) == 0 &&
         std::memcmp(names + id.object.size(), id.etag.data(), id.etag.size()) == 0;
}

}  // namespace

std::uint64_t BlockHeaderBytes(const BlockId& id, std::uint64_t length_bytes) {
  return sizeof(FixedHeader) + id.object.size() + id.etag.size() +
         ChunkCount(length_bytes) * sizeof(std::uint64_t);
}

std::vector<std::byte> EncodeBlockHeader(const BlockId& id, std::uint64_t block_size_bytes,
                                         ByteSpan data) {
  std::vector<std::byte> header(BlockHeaderBytes(id, data.size()));
  FixedHeader fixed = MakeFixed(id, block_size_bytes, data.size());
  std::byte* at = header.data();
  std::memcpy(at, &fixed, sizeof fixed);
  at += sizeof fixed;
  at = std::copy_n(AsBytes(id.object).data(), id.object.size(), at);
  at = std::copy_n(AsBytes(id.etag).data(), id.etag.size(), at);
  for (std::size_t done = 0; done < data.size(); done += kBlockChunkBytes) {
    const std::uint64_t digest =
        Xxh3(data.subspan(done, std::min(kBlockChunkBytes, data.size() - done)));
    std::memcpy(at, &digest, sizeof digest);
    at += sizeof digest;
  }
  fixed.digest = Xxh3(header);
  std::memcpy(header.data(), &fixed, sizeof fixed);
  return header;
}

Result<BlockFile> BlockFile::Open(const std::string& path, const BlockId& id,
                                  std::uint64_t block_size_bytes) {
  BlockFile block;
  block.file_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!block.file_) return Fail(ErrorFromErrno(errno, "open '" + path + "'"));
  FixedHeader fixed;
  const std::size_t got =
      TRY(ReadAt(block.file_.get(), 0, std::as_writable_bytes(std::span(&fixed, 1))));
  if (got != sizeof fixed || fixed.length_bytes > block_size_bytes)
    return Fail(Damaged("it has no header"));
  std::vector<std::byte> header(BlockHeaderBytes(id, fixed.length_bytes));
  const std::size_t size = TRY(ReadAt(block.file_.get(), 0, header));
  if (size != header.size() || !HeaderIsOf(header, fixed, id, block_size_bytes)) {
    return Fail(Damaged("it has another or a damaged header"));
  }
  block.data_offset_bytes_ = header.size();
  block.length_bytes_ = fixed.length_bytes;
  block.digests_.resize(ChunkCount(fixed.length_bytes));
  const ByteSpan table = ByteSpan(header).last(block.digests_.size() * sizeof(std::uint64_t));
  std::copy(table.begin(), table.end(), std::as_writable_bytes(std::span(block.digests_)).begin());
  return block;
}

void BlockFile::ReadAhead() const {
  ::posix_fadvise(file_.get(), 0, static_cast<off_t>(data_offset_bytes_ + length_bytes_),
                  POSIX_FADV_WILLNEED);
}

Status BlockFile::Read(std::uint64_t offset_bytes, std::span<std::byte> into) const {
  while (!into.empty()) {
    const std::uint64_t in_chunk = offset_bytes % kBlockChunkBytes;
    const bool reaches_end = offset_bytes + into.size() == length_bytes_;
    const std::size_t whole =
        reaches_end ? into.size() : into.size() / kBlockChunkBytes * kBlockChunkBytes;
    std::size_t size = whole;
    if (in_chunk == 0 && whole > 0) {
      TRY_VOID(ReadChunks(offset_bytes / kBlockChunkBytes, into.first(whole)));
    } else {
      size = std::min<std::size_t>(into.size(), kBlockChunkBytes - in_chunk);
      TRY_VOID(ReadPartly(offset_bytes, into.first(size)));
    }
    offset_bytes += size;
    into = into.subspan(size);
  }
  return {};
}

Status BlockFile::ReadChunks(std::uint64_t first_chunk, std::span<std::byte> into) const {
  const std::size_t size =
      TRY(ReadAt(file_.get(), data_offset_bytes_ + first_chunk * kBlockChunkBytes, into));
  if (size != into.size()) return Fail(Damaged("it is cut off"));
  for (std::uint64_t chunk = first_chunk; !into.empty(); ++chunk) {
    const std::size_t length = std::min(into.size(), kBlockChunkBytes);
    if (Xxh3(into.first(length)) != digests_[chunk])
      return Fail(Damaged("its bytes do not have their checksum"));
    into = into.subspan(length);
  }
  return {};
}

Status BlockFile::ReadPartly(std::uint64_t offset_bytes, std::span<std::byte> into) const {
  thread_local std::array<std::byte, kBlockChunkBytes> scratch;
  const std::uint64_t chunk = offset_bytes / kBlockChunkBytes;
  const std::uint64_t begin = chunk * kBlockChunkBytes;
  const std::size_t length = std::min<std::uint64_t>(kBlockChunkBytes, length_bytes_ - begin);
  TRY_VOID(ReadChunks(chunk, std::span(scratch).first(length)));
  std::copy_n(scratch.begin() + static_cast<std::ptrdiff_t>(offset_bytes - begin), into.size(),
              into.begin());
  return {};
}

}  // namespace skybridge::cache
