// WrittenRanges: the file format of `NAME.conflict-TIME.ranges`: what was written to a file whose
// other bytes belonged to a version that is no longer in the store. It is used only where no whole
// conflict copy can be made, because the base was never read here. This is the only owner of the
// format.
//
// A text header, then the written bytes, range after range:
//
//   skybridge-written-ranges 1          the format and its version
//   # ...                               lines that begin with '#' are explanations
//   file: NAME                          the file that was changed; '%' and control bytes as %XX
//   base-etag: ETAG                     the version that was changed, spelt like the name
//   base-size: BYTES                    its size
//   base-shown-until: BYTES             below this, bytes that no range has are those of the base;
//                                       above, they are zeros
//   size: BYTES                         the size that the file would have had
//   range: OFFSET LENGTH                one line for each range, ascending by offset
//                                       an empty line ends the header
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/byte_range.h"

namespace skybridge::fuse {

struct WrittenRanges {
  std::string name;
  std::string base_etag;
  std::uint64_t base_size_bytes = 0;
  std::uint64_t base_shown_until_bytes = 0;
  std::uint64_t size_bytes = 0;
  std::vector<ByteRange> ranges;
};

std::string EncodeHeader(const WrittenRanges& written);

}  // namespace skybridge::fuse
