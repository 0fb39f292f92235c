// POSIX attributes in the metadata of an object: what was read, written and read again is the same.
// Input: choice byte, then lines "name=value".
#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "backends/posix_metadata.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge {

namespace {

// Whole names: a NUL is a byte like others.
struct LessWithoutCase {
  static char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
  bool operator()(const std::string& a, const std::string& b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return Lower(x) < Lower(y); });
  }
};
using NamesWithoutCase = std::map<std::string, std::string, LessWithoutCase>;

}  // namespace

FUZZ_TARGET(posix_metadata) {
  constexpr std::array kDialects = {MetadataDialect::kAzureFlat,
                                    MetadataDialect::kAzureHierarchical, MetadataDialect::kOci};
  fuzz::Input in(input);
  const unsigned choices = in.Byte();
  const MetadataDialect dialect = kDialects[choices % kDialects.size()];
  const NodeKind known = (choices & 4) != 0 ? NodeKind::kDirectory : NodeKind::kFile;
  // No service keeps two names that differ in nothing but case.
  NamesWithoutCase once;
  while (!in.Rest().empty()) {
    const std::string_view line = in.Line();
    const auto equals = line.find('=');
    if (equals == 0 || equals == std::string_view::npos) continue;
    once[std::string(line.substr(0, equals))] = line.substr(equals + 1);
  }
  const MetadataMap metadata(once.begin(), once.end());
  const PosixMetadata read = DecodePosixMetadata(dialect, known, metadata);
  const auto written = EncodePosixMetadata(dialect, read.kind, read.attributes);
  if (!written) return;
  // An account with real directories tells them itself, and its mark for them is not ours to write.
  const bool told = dialect == MetadataDialect::kAzureHierarchical;
  const PosixMetadata again = DecodePosixMetadata(
      dialect, told && read.kind == NodeKind::kDirectory ? read.kind : known, *written);
  fuzz::Require(again.kind == read.kind, "the kind survives");
  fuzz::Require(again.attributes == read.attributes, "the attributes survive");
}

}  // namespace skybridge
