#include "cache/inode_codec.h"

#include <string>

#include <gtest/gtest.h>

namespace skybridge::cache {
namespace {

DirectoryEntry MakeEntry() {
  DirectoryEntry entry{.present = true, .generation = 7};
  entry.inode = {.ino = InodeNumber{2},
                 .parent = InodeNumber::kRoot,
                 .name = "n",
                 .size_bytes = 100,
                 .etag = "0x8D",
                 .mode = 0644,
                 .foreign = {{"a", "1"}, {"b", "2"}}};
  return entry;
}

bool IsRefused(const std::string& value) {
  return !DecodeEntry(value, InodeNumber::kRoot, "n").has_value();
}

TEST(InodeCodec, AnEntryComesBack) {
  const DirectoryEntry entry = MakeEntry();
  const auto decoded = DecodeEntry(EncodeEntry(entry), InodeNumber::kRoot, "n");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->inode, entry.inode);
  EXPECT_EQ(decoded->generation, entry.generation);
}

TEST(InodeCodec, ContentHeadersTierAndAccessComeBack) {
  DirectoryEntry entry = MakeEntry();
  entry.inode.content = {.type = "text/csv", .encoding = "gzip", .cache_control = "max-age=60"};
  entry.inode.tier = "Cool";
  entry.inode.access = AccessControl{.owner = "$superuser", .acl = "user::rw-"};
  const std::string value = EncodeEntry(entry);
  const auto decoded = DecodeEntry(value, InodeNumber::kRoot, "n");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->inode, entry.inode);
  for (std::size_t size = 0; size < value.size(); ++size) {
    EXPECT_TRUE(IsRefused(value.substr(0, size))) << size;
  }
}

TEST(InodeCodec, RefusesAnEmptyTierThatIsSaidToBeThere) {
  DirectoryEntry entry = MakeEntry();
  entry.inode.tier = "X";
  std::string value = EncodeEntry(entry);
  value.resize(value.size() - 2);
  EXPECT_TRUE(IsRefused(value + '\0'));
}

TEST(InodeCodec, RefusesWhatNoEncoderMade) {
  const std::string good = EncodeEntry(MakeEntry());
  ASSERT_FALSE(IsRefused(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_TRUE(IsRefused(good.substr(0, size))) << size;
  }
  EXPECT_TRUE(IsRefused(good + '\0'));
  std::string two = good;
  two[1] = 2;  // neither absent nor present
  EXPECT_TRUE(IsRefused(two));
  constexpr std::size_t kKind = 18;
  std::string kind = good;
  kind[kKind] = 3;
  EXPECT_TRUE(IsRefused(kind));
  std::string flags = good;
  flags[kKind + 1] = static_cast<char>(flags[kKind + 1] | 32);
  EXPECT_TRUE(IsRefused(flags));
}

TEST(InodeCodec, RefusesASecondSpellingOfTheSame) {
  const std::string good = EncodeEntry(MakeEntry());
  std::string swapped = good;
  std::swap(swapped[good.rfind('a')], swapped[good.rfind('b')]);  // a map out of order
  EXPECT_TRUE(IsRefused(swapped));
  std::string longer = good;
  const std::size_t last_length = good.size() - 2;  // of the value "2"
  longer.replace(last_length, 1, std::string("\x81\0", 2));
  EXPECT_TRUE(IsRefused(longer));
}

}  // namespace
}  // namespace skybridge::cache
