// Values of the metadata cache: what no encoder made is refused, so what is read writes the same
// bytes.
#include "cache/inode_codec.h"
#include "sync/listing/object_record.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge::cache {

FUZZ_TARGET(inode_codec) {
  if (const auto entry = DecodeEntry(input, InodeNumber::kRoot, "n")) {
    fuzz::Require(EncodeEntry(*entry) == input, "an entry has one spelling");
  }
  if (const auto place = DecodePlace(input)) {
    fuzz::Require(EncodePlace(*place) == input, "a place has one spelling");
  }
  if (const auto state = DecodeState(input)) {
    fuzz::Require(EncodeState(*state) == input, "a state has one spelling");
  }
  if (const auto record = DecodeObjectRecord(input)) {
    fuzz::Require(DecodeObjectRecord(EncodeObjectRecord(*record)).has_value(),
                  "a record that was read can be written");
  }
}

}  // namespace skybridge::cache
