// FlatStore against Azurite, a server that others wrote: what the Blob protocol is, not what our own double makes of it.
#include <gtest/gtest.h>

#include "backends/azure/blob_requests.h"
#include "backends/azure/channel.h"
#include "backends/azure/open_store.h"
#include "backends/azure/sas.h"
#include "backends/azure/shared_key.h"
#include "backends/http/curl_transport.h"
#include "tests/conformance/azurite.h"

namespace skybridge::azure {
namespace {

using skybridge::testing::Azurite;

// One emulator for the program; a container for each test.
class AzuriteFlatStore : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = Azurite::Start();
    ASSERT_TRUE(started) << started.error().ToString();
    azurite_ = *std::move(started);
  }
  static void TearDownTestSuite() { azurite_.reset(); }

  void SetUp() override {
    ASSERT_NE(azurite_, nullptr);
    static int containers = 0;
    auto key = SharedKeyCredential::Make(Azurite::kAccount, Azurite::kKey);
    ASSERT_TRUE(key);
    options_ = {.account = Azurite::kAccount,
                .container = "contract-" + std::to_string(++containers),
                .root = {},
                .dfs_endpoint = azurite_->endpoint(),
                .blob_endpoint = azurite_->endpoint(),
                .checksum = Checksum::kMd5,  // the one that Azurite checks
                .credential = *std::move(key)};
    const Channel channel(options_, transport_, clock_);
    const HttpRequest create{.operation = "azure.create_container",
                             .method = "PUT",
                             .url = azurite_->endpoint() + "/" + options_.container + "?restype=container"};
    const auto created = channel.Send(create, ObjectKey(), {});
    ASSERT_TRUE(created) << created.error().ToString();
    auto store = OpenStore(options_, transport_, clock_, {});
    ASSERT_TRUE(store) << store.error().ToString();
    store_ = *std::move(store);
  }

  ObjectInfo Put(const std::string& path, const std::string& text, Attributes attributes = {}) {
    auto info = store_->Put({.key = ObjectKey(path), .body = AsBytes(text), .attributes = std::move(attributes)}, {});
    EXPECT_TRUE(info) << info.error().ToString();
    return info.value_or(ObjectInfo{});
  }
  std::string Read(const std::string& path) {
    std::string text(64, '\0');
    const auto reply = store_->Get({.key = ObjectKey(path), .range = {0, text.size()}},
                                   std::as_writable_bytes(std::span(text)), {});
    EXPECT_TRUE(reply) << reply.error().ToString();
    text.resize(reply ? reply->bytes_received : 0);
    return text;
  }

  static std::unique_ptr<Azurite> azurite_;
  SystemClock clock_;
  CurlTransport transport_;
  Options options_;
  std::unique_ptr<ObjectStore> store_;
};

std::unique_ptr<Azurite> AzuriteFlatStore::azurite_;

TEST_F(AzuriteFlatStore, IsDetectedAsFlat) { EXPECT_EQ(store_->capabilities().name, "azure-flat"); }

TEST_F(AzuriteFlatStore, KeepsMetadataWhoseNamesSortUnlikeBytes) {
  const Attributes attributes{.foreign = {{"a_b", "1"}, {"a1", "2"}}};
  Put("f", "x", attributes);
  EXPECT_EQ(store_->Head(ObjectKey("f"), {})->attributes->foreign, attributes.foreign);
}

TEST_F(AzuriteFlatStore, RefusesAWrongKey) {
  auto key = SharedKeyCredential::Make(Azurite::kAccount, "AAAA");
  options_.credential = *std::move(key);
  options_.hierarchical = false;
  auto store = OpenStore(options_, transport_, clock_, {});
  ASSERT_TRUE(store);
  const auto refused = (*store)->Probe({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
}

TEST_F(AzuriteFlatStore, ReportsAContainerThatIsNotThere) {
  options_.container = "missing";
  options_.hierarchical = false;
  auto store = OpenStore(options_, transport_, clock_, {});
  ASSERT_TRUE(store);
  const auto refused = (*store)->Probe({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kContainerNotFound);
}

TEST_F(AzuriteFlatStore, MovesADirectoryAndReadsItThere) {
  Put("d/a b+%.txt", "one");
  Put("d/sub/\xC3\xA9", "two");
  ASSERT_TRUE(store_->MakeDirectory({.key = ObjectKey("d/empty")}, {}));
  const auto moved =
      store_->Rename({.source = ObjectKey("d"), .destination = ObjectKey("n"), .kind = NodeKind::kDirectory}, {});
  ASSERT_TRUE(moved) << moved.error().ToString();
  EXPECT_EQ(Read("n/a b+%.txt"), "one");
  EXPECT_EQ(Read("n/sub/\xC3\xA9"), "two");
  EXPECT_EQ(store_->Head(ObjectKey("n/empty"), {})->kind, NodeKind::kDirectory);
  EXPECT_EQ(store_->Head(ObjectKey("d"), {}).error().code, ErrorCode::kNotFound);
}

TEST_F(AzuriteFlatStore, PublishesBlocksAsAWhole) {
  const ObjectKey key("big");
  const auto upload = store_->StartUpload({.key = key}, {});
  ASSERT_TRUE(upload);
  const auto second = store_->UploadPart(
      {.upload = *upload, .key = key, .part_number = 2, .offset_bytes = 3, .body = AsBytes("def")}, {});
  const auto first = store_->UploadPart(
      {.upload = *upload, .key = key, .part_number = 1, .offset_bytes = 0, .body = AsBytes("abc")}, {});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(store_->Head(key, {}).error().code, ErrorCode::kNotFound);
  const CommitUploadRequest commit{.upload = *upload,
                                   .key = key,
                                   .parts = {*first, *second},
                                   .conditions = {.if_match = std::nullopt, .must_not_exist = true}};
  const auto info = store_->CommitUpload(commit, {});
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(Read("big"), "abcdef");
  // As after a lost reply.
  const auto again = store_->CommitUpload(commit, {.retried = true});
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(again->etag, info->etag);
}

}  // namespace
}  // namespace skybridge::azure
