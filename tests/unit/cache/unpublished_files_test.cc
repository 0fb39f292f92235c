#include "cache/unpublished_files.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace skybridge::cache {
namespace {

UnpublishedFile Sample() {
  UnpublishedFile file{.remote = "oci", .key = "dir/n%me\nx"};
  file.record.ino = InodeNumber{17};
  file.record.mode = 0600;
  file.record.etag = "v1";
  file.record.size_bytes = 12;
  file.record.xattrs["user.colour"] = std::string("\0blue", 5);
  file.record.attributes_known = true;
  file.has_content = true;
  file.base_size_bytes = 5;
  file.base_shown_until_bytes = 4;
  file.ranges = {{0, 2}, {7, 5}};
  return file;
}

class UnpublishedFilesTest : public ::testing::Test {
 protected:
  std::unique_ptr<StagingFile> Content(std::string_view text) {
    auto file = staging_->Create();
    EXPECT_TRUE((*file)->Write(0, AsBytes(text), {}));
    return *std::move(file);
  }
  std::string Path(std::string_view name) const {
    return temp_.Sub("unpublished/" + std::string(name));
  }

  testing::TempDirectory temp_;
  testing::FakeClock clock_;
  std::unique_ptr<Staging> staging_ = *Staging::Open({.directory = temp_.Sub("staging"),
                                                      .capacity_bytes = 1 << 20,
                                                      .keep_free_bytes = 0,
                                                      .clock = &clock_});
  UnpublishedFiles files_{temp_.Sub("unpublished")};
};

TEST_F(UnpublishedFilesTest, ARecordComesBackAsItWasKept) {
  const auto read = DecodeUnpublished(EncodeUnpublished(Sample()));
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->remote, "oci");
  EXPECT_EQ(read->key, Sample().key);
  EXPECT_EQ(read->record.mode, 0600U);
  EXPECT_EQ(read->record.etag, "v1");
  EXPECT_EQ(read->record.size_bytes, 12U);
  EXPECT_EQ(read->record.xattrs, Sample().record.xattrs);
  EXPECT_TRUE(read->has_content);
  EXPECT_EQ(read->base_size_bytes, 5U);
  EXPECT_EQ(read->base_shown_until_bytes, 4U);
  EXPECT_EQ(read->ranges, Sample().ranges);
}

TEST_F(UnpublishedFilesTest, EveryCutOfARecordIsRefused) {
  const std::string text = EncodeUnpublished(Sample());
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(DecodeUnpublished(text.substr(0, size))) << size;
  EXPECT_FALSE(DecodeUnpublished(""));
  EXPECT_FALSE(DecodeUnpublished("skybridge-unpublished 0\n"));
  EXPECT_FALSE(DecodeUnpublished("something else\n"));
}

TEST_F(UnpublishedFilesTest, AFileIsFoundByTheNextProcessWithItsContent) {
  auto content = Content("hello world!");
  ASSERT_TRUE(files_.Keep(0, Sample(), content.get()));
  content.reset();
  UnpublishedFiles next(temp_.Sub("unpublished"));
  const auto kept = next.Load();
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 1U);
  std::string text(12, '?');
  ASSERT_TRUE(kept->front().content->Read(0, std::as_writable_bytes(std::span(text))));
  EXPECT_EQ(text, "hello world!");
}

TEST_F(UnpublishedFilesTest, AFileThatIsKeptAgainReplacesItsRecord) {
  const auto content = Content("hello world!");
  const auto number = files_.Keep(0, Sample(), content.get());
  ASSERT_TRUE(number);
  UnpublishedFile renamed = Sample();
  renamed.key = "elsewhere";
  ASSERT_EQ(files_.Keep(*number, renamed, content.get()), *number);
  const auto kept = files_.Load();
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(kept->front().file.key, "elsewhere");
}

TEST_F(UnpublishedFilesTest, WhatIsRemovedLeavesNothing) {
  const auto content = Content("x");
  const auto number = files_.Keep(0, Sample(), content.get());
  files_.Remove(*number);
  EXPECT_TRUE(std::filesystem::is_empty(temp_.Sub("unpublished")));
  EXPECT_TRUE(files_.Load()->empty());
}

TEST_F(UnpublishedFilesTest, ARecordOfANewerFormatIsNamedAndStays) {
  std::filesystem::create_directory(temp_.Sub("unpublished"));
  std::ofstream(Path("7.record")) << "skybridge-unpublished 2\nwhatever: that means\n";
  std::ofstream(Path("7.content")) << "bytes";
  const auto read = DecodeUnpublished("skybridge-unpublished 2\nwhatever: that means\n");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kNotSupported);
  EXPECT_TRUE(files_.Load()->empty());
  const auto content = Content("x");
  EXPECT_EQ(files_.Keep(0, Sample(), content.get()), 8U) << "its number is not used again";
  EXPECT_TRUE(std::filesystem::exists(Path("7.record")));
  EXPECT_TRUE(std::filesystem::exists(Path("7.content")));
}

TEST_F(UnpublishedFilesTest, ARecordWithoutItsContentStaysAndIsNotTaken) {
  const auto content = Content("x");
  ASSERT_TRUE(files_.Keep(0, Sample(), content.get()));
  std::filesystem::remove(Path("1.content"));
  EXPECT_TRUE(files_.Load()->empty());
  EXPECT_TRUE(std::filesystem::exists(Path("1.record")));
}

}  // namespace
}  // namespace skybridge::cache
