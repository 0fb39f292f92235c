// A bit that turns on its way to a service or back: it is found, named, and repaired by another
// try. Over both clouds' protocols, with the bit turned by the server.
#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/endpoint_state.h"
#include "backends/retrying_store.h"
#include "tests/contract/azure_world.h"
#include "tests/contract/oci_world.h"

namespace skybridge::testing {
namespace {

using ::testing::HasSubstr;
using Rule = localcloud::Rule;

struct Cloud {
  std::shared_ptr<ObjectStore> store;
  localcloud::RuleBook* rules = nullptr;
};

Cloud MakeAzure(bool hierarchical, azure::Checksum checksum, Reach reach = Reach::kBothEndpoints) {
  auto world = std::make_shared<AzureWorld>(hierarchical, reach);
  world->store = world->OpenStore({}, checksum);
  return {{world, world->store.get()}, &world->server->rules()};
}

Cloud MakeOci() {
  auto world = std::make_shared<OciWorld>();
  return {{world, world->store.get()}, &world->server->rules()};
}

struct Subject {
  std::string name;
  std::function<Cloud()> make;
  std::string part_path;           // of the request that sends a part
  std::string digest;              // the word for what the parts are checked by
  bool checks_ranges = false;      // the service tells digests of ranges, not only of whole objects
  std::string put_path = "/file";  // of the request that sends a whole object
};
void PrintTo(const Subject& subject, std::ostream* out) { *out << subject.name; }

class FlippedBits : public ::testing::TestWithParam<Subject> {
 protected:
  void Flip(localcloud::Fault fault, const std::string& method, const std::string& path,
            std::uint64_t count = 1) {
    rules_.Add(Rule{.method = method, .path = path, .count = count, .fault = fault});
  }
  static std::string Text(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 2654435761U >> 13);
    return text;
  }
  void Put(const std::string& text) {
    const auto put = patient_.Put({.key = kKey, .body = AsBytes(text), .conditions = kNew}, {});
    ASSERT_TRUE(put) << put.error().ToString();
  }
  static Result<std::string> Read(ObjectStore& store, ByteRange range) {
    std::string text(range.length_bytes, '\0');
    const GetReply reply =
        TRY(store.Get({.key = kKey, .range = range}, std::as_writable_bytes(std::span(text)), {}));
    text.resize(reply.bytes_received);
    return text;
  }

  inline static const ObjectKey kKey{std::string("file")};
  // One request: nothing is there whose access would have to be kept.
  inline static const Conditions kNew{.if_match = {}, .must_not_exist = true};
  const Cloud cloud_{GetParam().make()};
  ObjectStore& store_{*cloud_.store};
  localcloud::RuleBook& rules_{*cloud_.rules};
  SystemClock clock_;
  EndpointState endpoint_;
  RetryingStore patient_{
      store_, endpoint_, clock_, {.max_attempts = 3, .first_delay = std::chrono::milliseconds(1)}};
};

TEST_P(FlippedBits, APutIsRefusedByTheServiceAndSentAgain) {
  const std::string text = Text(100'000);
  Flip(localcloud::Fault::kFlipUpload, "", GetParam().put_path);
  const auto refused = store_.Put({.key = kKey, .body = AsBytes(text), .conditions = kNew}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("file"));
  EXPECT_EQ(store_.Head(kKey, {}).error().code, ErrorCode::kNotFound) << "nothing was stored";

  rules_.Clear();
  Flip(localcloud::Fault::kFlipUpload, "", GetParam().put_path);
  Put(text);
  EXPECT_EQ(patient_.counts().retries, 1U);
  EXPECT_TRUE(Read(store_, {0, text.size()}) == text);
}

TEST_P(FlippedBits, APartIsRefusedByTheServiceAndSentAgain) {
  const std::string first = Text(std::size_t{10} << 20);
  const std::string second = Text(1000);
  const auto upload = store_.StartUpload({.key = kKey, .append_to = {}}, {});
  ASSERT_TRUE(upload) << upload.error().ToString();
  const auto send = [&](ObjectStore& store, std::uint32_t number, std::uint64_t offset,
                        const std::string& body) {
    return store.UploadPart({.upload = *upload,
                             .key = kKey,
                             .part_number = number,
                             .offset_bytes = offset,
                             .body = AsBytes(body)},
                            {});
  };
  Flip(localcloud::Fault::kFlipUpload, "", GetParam().part_path, 2);
  const auto refused = send(store_, 1, 0, first);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().ToString(), HasSubstr(GetParam().digest));
  const auto part_1 = send(patient_, 1, 0, first);
  ASSERT_TRUE(part_1) << part_1.error().ToString();
  const auto part_2 = send(patient_, 2, first.size(), second);
  ASSERT_TRUE(part_2) << part_2.error().ToString();
  EXPECT_EQ(patient_.counts().retries, 1U);
  const auto committed =
      patient_.CommitUpload({.upload = *upload, .key = kKey, .parts = {*part_1, *part_2}}, {});
  ASSERT_TRUE(committed) << committed.error().ToString();
  EXPECT_TRUE(Read(store_, {0, committed->size_bytes}) == first + second);
}

TEST_P(FlippedBits, AReplyIsFoundDamagedAndAskedForAgain) {
  const std::string text = Text(100'000);
  Put(text);
  Flip(localcloud::Fault::kFlipDownload, "GET", "/file", 2);
  const auto damaged = Read(store_, {0, text.size()});
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(damaged.error().retryable);
  EXPECT_THAT(damaged.error().ToString(), HasSubstr("'file': 100000 bytes"));
  const auto repaired = Read(patient_, {0, text.size()});
  ASSERT_TRUE(repaired) << repaired.error().ToString();
  EXPECT_TRUE(*repaired == text);
  EXPECT_EQ(patient_.counts().retries, 1U);
}

// Four MiB from the middle: what a mount reads of a large file.
TEST_P(FlippedBits, ARangeIsCheckedWhereTheServiceTellsItsDigest) {
  const std::string text = Text(std::size_t{9} << 20);
  Put(text);
  const ByteRange range{std::uint64_t{2} << 20, std::uint64_t{4} << 20};
  const auto expected = text.substr(range.offset_bytes, range.length_bytes);
  Flip(localcloud::Fault::kFlipDownload, "GET", "/file");
  const auto read = Read(patient_, range);
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(*read == expected, GetParam().checks_ranges);
  EXPECT_EQ(patient_.counts().retries, GetParam().checks_ranges ? 1U : 0U);
}

TEST_P(FlippedBits, WhatComesDamagedEveryTimeIsAnError) {
  const std::string text = Text(100'000);
  Put(text);
  Flip(localcloud::Fault::kFlipDownload, "GET", "/file", 100);
  const auto read = Read(patient_, {0, text.size()});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
}

INSTANTIATE_TEST_SUITE_P(
    Between, FlippedBits,
    ::testing::Values(
        Subject{"azure_hierarchical", [] { return MakeAzure(true, azure::Checksum::kCrc64); },
                "action=append", "Crc64Mismatch", true},
        Subject{"azure_dfs_only",
                [] { return MakeAzure(true, azure::Checksum::kCrc64, Reach::kDfsOnly); },
                "action=append", "Crc64Mismatch", true, "action=append"},
        Subject{"azure_flat", [] { return MakeAzure(false, azure::Checksum::kCrc64); },
                "comp=block&", "Crc64Mismatch", true},
        Subject{"azure_flat_by_md5", [] { return MakeAzure(false, azure::Checksum::kMd5); },
                "comp=block&", "Md5Mismatch", true},
        Subject{"oci", MakeOci, "uploadPartNum=", "UnmatchedContentCRC32C", false}),
    [](const auto& subject) { return subject.param.name; });

}  // namespace
}  // namespace skybridge::testing
