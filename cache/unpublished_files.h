// UnpublishedFiles: what this mount could not bring to the store, kept on local disk over a restart:
// for each file a record, and its content if that has changed. You need it to keep a file whose
// publication failed, and to publish it at the next mount of the same cache directory.
//
// It is not part of the metadata cache, which may be emptied: nothing but Remove takes a file away.
// The directory holds, for each file with number N:
//   N.record    text: "skybridge-unpublished 1" (the format and its version), then one line each:
//                 remote: NAME            which remote of the mount
//                 key: PATH               in that remote, percent-encoded
//                 inode: HEX              the node as it must become (inode_codec.h), with its size;
//                                         its etag is the version that was changed, empty for a new
//                                         file
//                 content: yes | no       whether N.content exists; if not, attributes alone
//                 base-size: BYTES        of the version that was changed
//                 base-shown-until: BYTES below this, bytes in no range are those of that version;
//                                         above, they are zeros
//                 range: OFFSET LENGTH    bytes of N.content that count, ascending
//                 end
//               It is replaced as a whole, and on disk when Keep returns.
//   N.content   the staging file, with each byte at its place in the file
// A record of a newer format version is left alone, with everything that belongs to it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/metadata_cache.h"
#include "cache/staging.h"
#include "core/byte_range.h"
#include "core/mutex.h"
#include "core/result.h"

namespace skybridge::cache {

struct UnpublishedFile {
  std::string remote;
  std::string key;
  InodeRecord record;
  bool has_content = false;
  std::uint64_t base_size_bytes = 0;
  std::uint64_t base_shown_until_bytes = 0;
  std::vector<ByteRange> ranges;
};

// Text of an N.record and back. Errors: kNotSupported (a newer format, which is named), kCorrupt.
std::string EncodeUnpublished(const UnpublishedFile& file);
Result<UnpublishedFile> DecodeUnpublished(std::string_view text);

// Safe from many threads, but one file (one number) is used by one thread at a time.
class UnpublishedFiles {
 public:
  using Number = std::uint64_t;

  // What an earlier process kept. `content` is open for reading where has_content is true.
  struct Kept {
    Number number = 0;
    UnpublishedFile file;
    std::unique_ptr<StagingFile> content;
  };

  // The directory is made with the first file that is kept.
  explicit UnpublishedFiles(std::string directory);

  const std::string& directory() const { return directory_; }
  // In the order of their numbers. Records that cannot be read are named in the log and stay.
  // Errors: kIo.
  Result<std::vector<Kept>> Load();
  // Keeps the file, replacing its earlier record: `number` is 0 for one that has none. `content` is
  // the staging file of its content; it is linked, not copied. Errors: kIo, kNoSpace.
  Result<Number> Keep(Number number, const UnpublishedFile& file, StagingFile* content);
  void Remove(Number number);

 private:
  std::string PathOf(Number number, std::string_view what) const;
  Status ReadOne(Number number, std::vector<Kept>& kept);
  Number NewNumber();

  const std::string directory_;
  mutable Mutex mutex_;
  Number last_number_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skybridge::cache
