#include "backends/posix_metadata.h"

#include <gtest/gtest.h>

namespace skybridge {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using Dialect = MetadataDialect;

const WallTime kTime = WallTime(seconds(1767608430)) + nanoseconds(123456789);
const Dialect kDialects[] = {Dialect::kAzureFlat, Dialect::kAzureHierarchical, Dialect::kOci};

Attributes FullAttributes() {
  return {.mtime = kTime, .mode = 0640, .uid = 1000, .gid = 4294967294u};
}

TEST(PosixMetadata, WritesAzureKeysOfRcloneAndAzCopy) {
  const MetadataMap expected = {{"mtime", "2026-01-05T10:20:30.123456789Z"},
                                {"modtime", "1767608430123456789"},
                                {"permissions", "33184"},
                                {"posix_owner", "1000"},
                                {"posix_group", "4294967294"}};
  EXPECT_EQ(EncodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile, FullAttributes()).value(),
            expected);
}

TEST(PosixMetadata, WritesOciKeysOfRclone) {
  const MetadataMap expected = {{"mtime", "1767608430.123456789"},
                                {"mode", "0100640"},
                                {"uid", "1000"},
                                {"gid", "4294967294"}};
  EXPECT_EQ(EncodePosixMetadata(Dialect::kOci, NodeKind::kFile, FullAttributes()).value(),
            expected);
}

TEST(PosixMetadata, WritesNothingThatIsNotRecorded) {
  for (const Dialect dialect : kDialects) {
    EXPECT_TRUE(EncodePosixMetadata(dialect, NodeKind::kFile, {})->empty());
  }
}

TEST(PosixMetadata, MarksLinksSoThatOtherToolsSeeThem) {
  EXPECT_EQ(EncodePosixMetadata(Dialect::kAzureFlat, NodeKind::kSymlink, {}).value(),
            (MetadataMap{{"is_symlink", "true"}, {"permissions", "41471"}}));
  EXPECT_EQ(EncodePosixMetadata(Dialect::kOci, NodeKind::kSymlink, {}).value(),
            (MetadataMap{{"mode", "0120777"}}));
}

TEST(PosixMetadata, MarksDirectoriesOnFlatAzureOnly) {
  EXPECT_EQ(EncodePosixMetadata(Dialect::kAzureFlat, NodeKind::kDirectory, {}).value(),
            (MetadataMap{{"hdi_isfolder", "true"}}));
  EXPECT_TRUE(EncodePosixMetadata(Dialect::kAzureHierarchical, NodeKind::kDirectory, {})->empty());
  EXPECT_TRUE(EncodePosixMetadata(Dialect::kOci, NodeKind::kDirectory, {})->empty());
}

TEST(PosixMetadata, RoundTripsEveryKindAndAttribute) {
  Attributes attributes = FullAttributes();
  attributes.xattrs = {
      {"user.colour", std::string("\0\xff\n", 3)}, {"user.empty", ""}, {"security.Ü/x", "v"}};
  attributes.foreign = {{"md5chksum", "AAAA"}, {"project", "blue = green"}};
  for (const Dialect dialect : kDialects) {
    for (const NodeKind kind : {NodeKind::kFile, NodeKind::kDirectory, NodeKind::kSymlink}) {
      if (kind == NodeKind::kSymlink) attributes.mode.reset();
      const MetadataMap metadata = EncodePosixMetadata(dialect, kind, attributes).value();
      const NodeKind known = kind == NodeKind::kDirectory ? kind : NodeKind::kFile;
      const PosixMetadata read = DecodePosixMetadata(dialect, known, metadata);
      EXPECT_EQ(read.kind, kind);
      EXPECT_EQ(read.attributes, attributes);
    }
    attributes.mode = 0640;
  }
}

TEST(PosixMetadata, KeepsTimesBefore1970) {
  const Attributes attributes{.mtime = WallTime(nanoseconds(-1'500'000'000))};
  for (const Dialect dialect : kDialects) {
    const MetadataMap metadata = EncodePosixMetadata(dialect, NodeKind::kFile, attributes).value();
    EXPECT_EQ(DecodePosixMetadata(dialect, NodeKind::kFile, metadata).attributes, attributes);
  }
}

TEST(PosixMetadata, ReadsAzureManagedLustre) {
  const PosixMetadata read = DecodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile,
                                                 {{"owner", "1000"},
                                                  {"group", "1001"},
                                                  {"permissions", "0644"},
                                                  {"modtime", "2026-01-05 10:20:30 +0000"}});
  EXPECT_EQ(
      read.attributes,
      (Attributes{.mtime = WallTime(seconds(1767608430)), .mode = 0644, .uid = 1000, .gid = 1001}));
}

TEST(PosixMetadata, LustrePermissionsThatAreNotOctalAreReadAsTheyWillBeOnceWritten) {
  const PosixMetadata read =
      DecodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile,
                          {{"owner", "1000"}, {"group", "1001"}, {"permissions", "33188"}});
  EXPECT_EQ(read.attributes, (Attributes{.mode = 0644, .uid = 1000, .gid = 1001}));
  const auto written = EncodePosixMetadata(Dialect::kAzureFlat, read.kind, read.attributes);
  ASSERT_TRUE(written);
  EXPECT_EQ(DecodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile, *written).attributes,
            read.attributes);
}

TEST(PosixMetadata, ReadsAzCopyWithoutRcloneKeys) {
  const PosixMetadata read = DecodePosixMetadata(
      Dialect::kAzureFlat, NodeKind::kFile,
      {{"modtime", "1767608430123456789"}, {"permissions", "33188"}, {"posix_nlink", "1"}});
  EXPECT_EQ(read.attributes,
            (Attributes{.mtime = kTime, .mode = 0644, .foreign = {{"posix_nlink", "1"}}}));
}

TEST(PosixMetadata, PrefersRclonesTimeOverAzCopys) {
  const PosixMetadata read =
      DecodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile,
                          {{"mtime", "2026-01-05T10:20:30.123456789Z"}, {"modtime", "1"}});
  EXPECT_EQ(read.attributes, (Attributes{.mtime = kTime}));
}

TEST(PosixMetadata, ReadsKeysWhateverTheirCase) {
  const PosixMetadata read =
      DecodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile,
                          {{"Is_Symlink", "True"}, {"Posix_Owner", "7"}, {"Project", "x"}});
  EXPECT_EQ(read.kind, NodeKind::kSymlink);
  EXPECT_EQ(read.attributes, (Attributes{.uid = 7, .foreign = {{"Project", "x"}}}));
}

TEST(PosixMetadata, LeavesUnreadableValuesToTheirOwner) {
  const MetadataMap metadata = {
      {"mtime", "yesterday"}, {"owner", "finance"}, {"permissions", "rw"}, {"xattr_zz", "?"}};
  const PosixMetadata read = DecodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile, metadata);
  EXPECT_EQ(read.attributes, (Attributes{.foreign = metadata}));
  EXPECT_EQ(EncodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile, read.attributes).value(),
            metadata);
}

TEST(PosixMetadata, OwnValuesStandAboveForeignOnesOfTheSameName) {
  const Attributes attributes{.uid = 7, .foreign = {{"Posix_Owner", "nobody"}}};
  const MetadataMap written =
      EncodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile, attributes).value();
  EXPECT_EQ(written, (MetadataMap{{"posix_owner", "7"}, {"key_506f7369785f4f776e6572", "nobody"}}));
  EXPECT_EQ(DecodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile, written).attributes,
            attributes);
}

// What one cloud does not understand, the other might take for its own: whatever is foreign in the
// one is foreign in the other, under the same name and with the same value.
TEST(PosixMetadata, ForeignKeysThatMeanSomethingInTheOtherCloudStayForeign) {
  const Attributes attributes{.mtime = kTime,
                              .mode = 0644,
                              .foreign = {{"mode", "fast"},
                                          {"uid", "0"},
                                          {"permissions", "420"},
                                          {"posix_owner", "7"},
                                          {"modtime", "1"},
                                          {"owner", "4"},
                                          {"is_symlink", "true"},
                                          {"hdi_isfolder", "true"},
                                          {"is_directory", "True"},
                                          {"md5chksum", "CY9rzUYh03PK3k6DJie09g=="},
                                          {"skybridge_crc32c", "4:AAAAAA=="},
                                          {"skybridge_upload", "x"},
                                          {"xattr_757365722e78", "YQ=="},
                                          {"xattr-757365722e78", "YQ=="},
                                          {"key_6d74696d65", "1"},
                                          {"key-6d74696d65", "1"}}};
  for (const Dialect dialect : kDialects) {
    const MetadataMap written = EncodePosixMetadata(dialect, NodeKind::kFile, attributes).value();
    const PosixMetadata read = DecodePosixMetadata(dialect, NodeKind::kFile, written);
    EXPECT_EQ(read.kind, NodeKind::kFile);
    EXPECT_EQ(read.attributes, attributes);
    EXPECT_FALSE(written.contains("skybridge_crc32c") && dialect != Dialect::kOci);
  }
}

TEST(PosixMetadata, ReadsTheTimeInTheOtherCloudsForm) {
  EXPECT_EQ(
      DecodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile, {{"mtime", "1767608430.123456789"}})
          .attributes,
      (Attributes{.mtime = kTime}));
  EXPECT_EQ(DecodePosixMetadata(Dialect::kOci, NodeKind::kFile,
                                {{"mtime", "2026-01-05T10:20:30.123456789Z"}})
                .attributes,
            (Attributes{.mtime = kTime}));
}

TEST(PosixMetadata, ReadsWhatRcloneWritesOnAzureWithItsMetadataOption) {
  const PosixMetadata read = DecodePosixMetadata(Dialect::kAzureHierarchical, NodeKind::kFile,
                                                 {{"mtime", "2026-01-05T10:20:30.123456789Z"},
                                                  {"mode", "100640"},
                                                  {"uid", "1000"},
                                                  {"gid", "1001"},
                                                  {"btime", "2026-01-05T10:20:30Z"}});
  EXPECT_EQ(read.attributes, (Attributes{.mtime = kTime,
                                         .mode = 0640,
                                         .uid = 1000,
                                         .gid = 1001,
                                         .foreign = {{"btime", "2026-01-05T10:20:30Z"}}}));
}

TEST(PosixMetadata, KeepsForeignKeysThatTheDialectCannotSpell) {
  const Attributes attributes{.foreign = {{"x-team", "a"}, {"Team", "b"}, {"9lives", "c"}}};
  for (const Dialect dialect : kDialects) {
    const MetadataMap metadata = EncodePosixMetadata(dialect, NodeKind::kFile, attributes).value();
    EXPECT_EQ(DecodePosixMetadata(dialect, NodeKind::kFile, metadata).attributes, attributes);
  }
  EXPECT_EQ(EncodePosixMetadata(Dialect::kOci, NodeKind::kFile, attributes).value(),
            (MetadataMap{{"x-team", "a"}, {"key-5465616d", "b"}, {"9lives", "c"}}));
}

TEST(PosixMetadata, AnEscapeThatNobodyNeedsIsANameOfItsOwn) {
  // "mtime" in hexadecimal, with a value that is no time.
  const MetadataMap stored = {{"key-6d74696d65", "soon"}};
  const PosixMetadata read = DecodePosixMetadata(Dialect::kOci, NodeKind::kFile, stored);
  EXPECT_EQ(read.attributes.mtime, std::nullopt);
  EXPECT_EQ(read.attributes.foreign, stored);
  EXPECT_EQ(EncodePosixMetadata(Dialect::kOci, read.kind, read.attributes).value(), stored);
}

TEST(PosixMetadata, RefusesWhatNoHeaderCanCarry) {
  for (const char* value : {"line\nbreak", "\xc3\xbc"}) {
    EXPECT_EQ(EncodePosixMetadata(Dialect::kOci, NodeKind::kFile, {.foreign = {{"a", value}}})
                  .error()
                  .code,
              ErrorCode::kInvalidArgument);
  }
}

TEST(PosixMetadata, RefusesMoreThanTheServiceKeeps) {
  const Attributes attributes{.xattrs = {{"user.big", std::string(1500, 'x')}}};
  EXPECT_TRUE(EncodePosixMetadata(Dialect::kAzureFlat, NodeKind::kFile, attributes));
  EXPECT_EQ(EncodePosixMetadata(Dialect::kOci, NodeKind::kFile, attributes).error().code,
            ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace skybridge
