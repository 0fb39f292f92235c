#include "fuse/names/name_codec.h"

#include <gtest/gtest.h>

namespace skybridge::fuse {
namespace {

using std::string_literals::operator""s;

TEST(NameCodec, ShowsOrdinaryNamesAsTheyAre) {
  for (const std::string name :
       {"a.txt", "...", "..a", "%41", "a%!b", "\xFF\xFE", "new\nline", "back\\slash", " "}) {
    EXPECT_EQ(LocalName(name), name);
    EXPECT_EQ(RemoteName(name).value(), name);
  }
}

TEST(NameCodec, EscapesWhatADirectoryEntryCannotHold) {
  EXPECT_EQ(LocalName(""), "%!");
  EXPECT_EQ(LocalName("."), "%!.");
  EXPECT_EQ(LocalName(".."), "%!..");
  EXPECT_EQ(LocalName("a\0b"s), "%!a%00b");
  EXPECT_EQ(LocalName("%!x"), "%!%25%21x");
}

TEST(NameCodec, EscapedNamesComeBack) {
  for (const std::string& name : {""s, "."s, ".."s, "\0"s, "%!"s, "%!a%00"s, "%!x!file"s}) {
    const auto local = LocalName(name);
    EXPECT_EQ(local.find('/'), std::string::npos);
    EXPECT_EQ(RemoteName(local).value(), name);
  }
}

TEST(NameCodec, RefusesEscapesThatNoRemoteNameHas) {
  for (const char* name :
       {"%!plain", "%!a%2Fb", "%!%2F", "%!a%2Fb!file", "%!%2e%2e", "%!%41", "%!a%0", "%!%00%0"}) {
    const auto remote = RemoteName(name);
    ASSERT_FALSE(remote) << name;
    EXPECT_EQ(remote.error().code, ErrorCode::kInvalidName);
  }
}

TEST(NameCodec, AFileWhoseNameADirectoryHasGetsANameOfItsOwn) {
  const auto local = ShadowedFileName("data");
  ASSERT_EQ(local, "%!data!file");
  EXPECT_TRUE(IsShadowedFileName(local));
  EXPECT_EQ(RemoteName(local).value(), "data");
  EXPECT_FALSE(IsShadowedFileName(LocalName("%!x!file")));
}

TEST(NameCodec, APartOfOver255BytesIsShownByItsStartAndItsDigest) {
  EXPECT_EQ(LocalName(std::string(255, 'a')), std::string(255, 'a'));
  for (const std::string& part :
       {std::string(256, 'a'), std::string(100, '\0'), "%!"s + std::string(250, 'b')}) {
    const std::string local = LocalName(part);
    const std::string shadowed = ShadowedFileName(part);
    for (const std::string& name : {local, shadowed}) {
      EXPECT_LE(name.size(), kMaxNameBytes);
      EXPECT_TRUE(IsDigestName(name)) << name;
      EXPECT_TRUE(IsPartOfDigestName(part, name));
      EXPECT_FALSE(IsPartOfDigestName(part + "x", name));
      EXPECT_FALSE(RemoteName(name));
    }
    EXPECT_NE(local, shadowed);
  }
  EXPECT_TRUE(IsPartOfDigestName(std::string(250, 'c'), ShadowedFileName(std::string(250, 'c'))));
  EXPECT_FALSE(IsDigestName("%!a!file"));
  EXPECT_EQ(RemoteName(std::string(256, 'a')).error().code, ErrorCode::kNameTooLong);
}

TEST(NameCodec, AProgramMakesNoEscapedForm) {
  EXPECT_TRUE(CheckNewName("a%!b"));
  for (const char* name : {"%!", "%!..", "%!a!file", "%!plain"})
    EXPECT_EQ(CheckNewName(name).error().code, ErrorCode::kInvalidName) << name;
  EXPECT_EQ(CheckNewName(std::string(256, 'a')).error().code, ErrorCode::kNameTooLong);
}

TEST(NameCodec, MarksThatOverlapAreNoShadowedFile) {
  EXPECT_FALSE(IsShadowedFileName("%!file"));
  EXPECT_EQ(RemoteName("%!file").error().code, ErrorCode::kInvalidName);
  EXPECT_EQ(RemoteName("%!!file").value(), "");
}

}  // namespace
}  // namespace skybridge::fuse
