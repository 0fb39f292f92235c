// OciStore through pre-authenticated requests: the contract, and what they do not allow.
#include <gmock/gmock.h>

#include "tests/contract/object_store_contract.h"
#include "tests/contract/oci_world.h"

namespace skybridge::oci {
namespace {

using skybridge::testing::ContractName;
using skybridge::testing::ContractSubject;
using skybridge::testing::ObjectStoreContract;
using skybridge::testing::OciWorld;
using ::testing::HasSubstr;
using ::testing::Not;

struct ThroughUrl {
  OciWorld world;
  std::unique_ptr<ObjectStore> store;
};

std::shared_ptr<ObjectStore> MakeStore(const std::string& prefix, const ObjectKey& root) {
  auto made = std::make_shared<ThroughUrl>();
  const auto url = made->world.MakePreAuthenticatedRequest("AnyObjectReadWrite", prefix);
  made->store = made->world.OpenThrough(url, root);
  ObjectStore* store = made->store.get();
  return {std::move(made), store};
}

INSTANTIATE_TEST_SUITE_P(
    OciPreAuthenticated, ObjectStoreContract,
    ::testing::Values(ContractSubject{"WholeBucket", [] { return MakeStore("", {}); }},
                      ContractSubject{"BelowAPrefix",
                                      [] { return MakeStore("in box/", ObjectKey("in box")); }}),
    ContractName);

class OciPreAuthenticatedStore : public ::testing::Test {
 protected:
  CallContext Context() const {
    return {.deadline = world_.clock.Now() + std::chrono::seconds(30)};
  }
  std::unique_ptr<ObjectStore> Open(const std::string& access_type, const std::string& prefix = {},
                                    bool lists = true) {
    url_ = world_.MakePreAuthenticatedRequest(access_type, prefix, lists);
    return world_.OpenThrough(url_, {});
  }
  Status Put(ObjectStore& store, const std::string& path, const std::string& text) {
    const auto put = store.Put({.key = ObjectKey(path), .body = AsBytes(text)}, Context());
    if (!put) return Fail(put.error());
    return {};
  }
  Result<GetReply> Read(ObjectStore& store, const std::string& path) {
    return store.Get({.key = ObjectKey(path), .range = {0, 1}}, std::span(&byte_, 1), Context());
  }

  OciWorld world_;
  PreAuthenticatedUrl url_;
  std::byte byte_{};
};

TEST_F(OciPreAuthenticatedStore, OneForReadingRefusesToWriteAndSaysWhy) {
  ASSERT_TRUE(Put(*world_.store, "a", "x"));
  const auto store = Open("AnyObjectRead");
  EXPECT_TRUE(store->Probe(Context()));
  EXPECT_TRUE(Read(*store, "a"));
  const Status written = Put(*store, "b", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kPermissionDenied);
  EXPECT_FALSE(written.error().retryable) << "it will never be allowed";
  EXPECT_THAT(written.error().message, HasSubstr("pre-authenticated request does not allow"));
}

TEST_F(OciPreAuthenticatedStore, WithoutListingItOpensAndReadsWhatIsNamed) {
  ASSERT_TRUE(Put(*world_.store, "a", "x"));
  const auto store = Open("AnyObjectRead", "", false);
  const auto probe = store->Probe(Context());
  ASSERT_TRUE(probe) << probe.error().ToString();
  EXPECT_THAT(probe->detail, HasSubstr("not listed"));
  EXPECT_TRUE(Read(*store, "a"));
  EXPECT_EQ(store->Head(ObjectKey("a"), Context())->size_bytes, 1U);
  EXPECT_EQ(store->List({}, Context()).error().code, ErrorCode::kPermissionDenied);
}

TEST_F(OciPreAuthenticatedStore, OneForWritingOnlyDoesNotOpen) {
  const auto store = Open("AnyObjectWrite", "", false);
  EXPECT_EQ(store->Probe(Context()).error().code, ErrorCode::kPermissionDenied);
}

TEST_F(OciPreAuthenticatedStore, OneThatIsOverSaysSoAndNeverShowsItsSecret) {
  const auto store = Open("AnyObjectRead");
  world_.server->rules().Add({.clock_skew = std::chrono::hours(25)});
  const auto probe = store->Probe(Context());
  ASSERT_FALSE(probe);
  EXPECT_EQ(probe.error().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(probe.error().message, HasSubstr("is over or was deleted"));
  const std::string secret(url_.access.Reveal().substr(3));
  EXPECT_THAT(probe.error().ToString(), Not(HasSubstr(secret)));
}

TEST_F(OciPreAuthenticatedStore, CommitRefusesToLeaveOutAPartThatWasSent) {
  const auto store = Open("AnyObjectReadWrite");
  const ObjectKey key("big");
  const UploadId upload = store->StartUpload({.key = key}, Context()).value();
  const std::string part(std::size_t{10} << 20, 'p');
  CommitUploadRequest commit{.upload = upload, .key = key};
  for (std::uint32_t number = 1; number <= 2; ++number) {
    const auto sent = store->UploadPart({.upload = upload,
                                         .key = key,
                                         .part_number = number,
                                         .offset_bytes = (number - 1) * part.size(),
                                         .body = AsBytes(part)},
                                        Context());
    ASSERT_TRUE(sent) << sent.error().ToString();
    if (number == 1) commit.parts.push_back(*sent);
  }
  EXPECT_EQ(store->CommitUpload(commit, Context()).error().code, ErrorCode::kNotSupported);
  EXPECT_EQ(Read(*store, "big").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(store->AbortUpload({.upload = upload, .key = key}, Context()));
}

TEST_F(OciPreAuthenticatedStore, LargeObjectsChangeTheirAttributesByBeingSentAgain) {
  const auto store = Open("AnyObjectReadWrite");
  std::string large(std::size_t{25} << 20, 'x');
  large.back() = '!';
  const auto before = store->Put({.key = ObjectKey("large"), .body = AsBytes(large)}, Context());
  ASSERT_TRUE(before);
  const auto after = store->SetAttributes(
      {.key = ObjectKey("large"), .attributes = {.mode = 0600U}, .if_match = before->etag},
      Context());
  ASSERT_TRUE(after) << after.error().ToString();
  EXPECT_EQ(after->attributes, (Attributes{.mode = 0600U}));
  EXPECT_EQ(after->digests.crc32c, before->digests.crc32c);
}

}  // namespace
}  // namespace skybridge::oci
