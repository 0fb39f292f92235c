// The format of one file of the block cache: a header that names the object and version, then the
// bytes. This file is the only owner of the format.
//
// Layout, little-endian:
//    0  8  magic "SKYBLOCK"
//    8  4  format version (1)
//   12  4  chunk size in bytes (16384)
//   16  8  block size of the cache in bytes
//   24  8  index of the block in its object
//   32  8  length of the data in bytes
//   40  4  length of the object's name, n
//   44  4  length of the ETag, m
//   48  8  XXH3-64 of the whole header (everything before the data), taken with this field zero
//   56  n  object name
//    +  m  ETag
//    +  8  XXH3-64 of each chunk of the data, one after another
//    +     data
//
// Checksums are of 16 KiB chunks: a random 4 KiB read then verifies 16 KiB, and a table for 4 MiB
// takes 2 KiB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cache/block_cache.h"
#include "cache/local_file.h"
#include "core/encoding.h"
#include "core/result.h"

namespace skybridge::cache {

constexpr std::size_t kBlockChunkBytes = 16 << 10;

// Bytes before the data of a block of `length_bytes`.
std::uint64_t BlockHeaderBytes(const BlockId& id, std::uint64_t length_bytes);

// The header of a block whose data is `data`.
std::vector<std::byte> EncodeBlockHeader(const BlockId& id, std::uint64_t block_size_bytes,
                                         ByteSpan data);

// An open block whose header proved itself. Safe from many threads.
class BlockFile {
 public:
  // Errors: kNotFound; kCorrupt (not the block `id`, or damaged); kIo.
  static Result<BlockFile> Open(const std::string& path, const BlockId& id,
                                std::uint64_t block_size_bytes);

  std::uint64_t length_bytes() const { return length_bytes_; }
  // Starts reading the whole block from the disk, for a reader that will read all of it.
  void ReadAhead() const;
  // Reads and verifies. The range must lie inside the block. Errors: kCorrupt, kIo.
  Status Read(std::uint64_t offset_bytes, std::span<std::byte> into) const;

 private:
  BlockFile() = default;
  // Fills `into`, which starts at a chunk and covers whole chunks (or the shorter last one), and
  // verifies each.
  Status ReadChunks(std::uint64_t first_chunk, std::span<std::byte> into) const;
  // Reads the part of one chunk that begins at `offset_bytes`.
  Status ReadPartly(std::uint64_t offset_bytes, std::span<std::byte> into) const;

  FileDescriptor file_;
  std::uint64_t data_offset_bytes_ = 0;
  std::uint64_t length_bytes_ = 0;
  std::vector<std::uint64_t> digests_;  // of the chunks
};

}  // namespace skybridge::cache
