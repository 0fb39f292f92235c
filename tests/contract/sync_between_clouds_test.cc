// A pass from Azure to OCI and back, over both clouds' protocols: what arrives is what was sent.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sync/pass/sync.h"
#include "sync/verify/verify.h"
#include "tests/contract/azure_world.h"
#include "tests/contract/oci_world.h"

namespace skybridge::testing {
namespace {

class SyncBetweenClouds : public ::testing::TestWithParam<bool> {
 protected:
  void Put(const std::string& path, const std::string& text, NodeKind kind = NodeKind::kFile) {
    Attributes attributes{
        .mtime = WallTime(std::chrono::nanoseconds(1'700'000'000'123'456'789 + ++count_))};
    if (kind == NodeKind::kFile) attributes.mode = 0640U;
    const auto info = azure_.store->Put(
        {.key = ObjectKey(path), .kind = kind, .body = AsBytes(text), .attributes = attributes},
        {});
    EXPECT_TRUE(info) << info.error().ToString();
  }
  SyncSummary Pass(ObjectStore& source, ObjectStore& destination) {
    const auto summary =
        Sync({.source = {source}, .destination = {destination}, .clock = azure_.clock});
    EXPECT_TRUE(summary) << summary.error().ToString();
    for (const SyncFailure& failure : summary->failed)
      ADD_FAILURE() << failure.path << ": " << failure.error.ToString();
    return *summary;
  }
  void ExpectEqual(ObjectStore& source, ObjectStore& destination, bool always_read) {
    const auto report = Verify({.source = {source},
                                .destination = {destination},
                                .clock = azure_.clock,
                                .always_read = always_read,
                                .attributes = AttributeCheck::kAll});
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_TRUE(report->is_equal());
    for (const FoundDifference& found : report->differences) {
      ADD_FAILURE() << found.path << ": " << DifferenceName(found.difference) << " "
                    << found.detail;
    }
  }

  int count_ = 0;
  AzureWorld azure_{GetParam()};
  OciWorld oci_;
};

TEST_P(SyncBetweenClouds, WhatArrivesIsWhatWasSentAndASecondPassMovesNothing) {
  for (int i = 0; i < 60; ++i)
    Put(fmt::format("d{}/sub/f{}", i % 5, i), fmt::format("content {}", i));
  Put("odd/ü +%&#?=~'", "odd");
  Put("empty file", "");
  Put("link", "d0/sub/f0", NodeKind::kSymlink);
  std::string large(std::size_t{25} << 20, '\0');
  for (std::size_t i = 0; i < large.size(); ++i)
    large[i] = static_cast<char>(i * 2654435761U >> 13);
  const auto upload = azure_.store->StartUpload({.key = ObjectKey("large"), .append_to = {}}, {});
  ASSERT_TRUE(upload) << upload.error().ToString();
  const auto part = azure_.store->UploadPart(
      {.upload = *upload, .key = ObjectKey("large"), .body = AsBytes(large)}, {});
  ASSERT_TRUE(part) << part.error().ToString();
  ASSERT_TRUE(azure_.store->CommitUpload(
      {.upload = *upload, .key = ObjectKey("large"), .parts = {*part}}, {}));
  ASSERT_TRUE(azure_.store->MakeDirectory({.key = ObjectKey("empty")}, {}));

  EXPECT_EQ(Pass(*azure_.store, *oci_.store).files_copied, 64U);
  ExpectEqual(*azure_.store, *oci_.store, false);
  ExpectEqual(*azure_.store, *oci_.store, true);
  const SyncSummary second = Pass(*azure_.store, *oci_.store);
  EXPECT_EQ(second.files_copied, 0U);
  EXPECT_EQ(second.attributes_updated, 0U);
  EXPECT_EQ(second.directories_made, 0U);
  EXPECT_EQ(second.extra_at_destination, 0U);

  AzureWorld back(GetParam());
  EXPECT_EQ(Pass(*oci_.store, *back.store).files_copied, 64U);
  ExpectEqual(*oci_.store, *back.store, false);
  ExpectEqual(*azure_.store, *back.store, true);
  EXPECT_EQ(Pass(*oci_.store, *back.store).files_copied, 0U);
}

INSTANTIATE_TEST_SUITE_P(From, SyncBetweenClouds, ::testing::Values(true, false),
                         [](const auto& hierarchical) {
                           return hierarchical.param ? "Hierarchical" : "Flat";
                         });

}  // namespace
}  // namespace skybridge::testing
