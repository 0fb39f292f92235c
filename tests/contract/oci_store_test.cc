// OciStore over the local cloud, through a real transport: the contract, and what only this store
// does.
#include <cstddef>
#include <string>

#include "tests/contract/object_store_contract.h"
#include "tests/contract/oci_world.h"

namespace skybridge::oci {
namespace {

using skybridge::testing::ContractName;
using skybridge::testing::ContractSubject;
using skybridge::testing::Fault;
using skybridge::testing::ObjectStoreContract;
using skybridge::testing::OciWorld;

std::shared_ptr<ObjectStore> MakeStore(const ObjectKey& root) {
  auto world = std::make_shared<OciWorld>(root);
  ObjectStore* store = world->store.get();
  return {std::move(world), store};
}

INSTANTIATE_TEST_SUITE_P(
    Oci, ObjectStoreContract,
    ::testing::Values(ContractSubject{"WholeBucket", [] { return MakeStore({}); }},
                      ContractSubject{"BelowAPath",
                                      [] { return MakeStore(ObjectKey("lake house/ä+%")); }}),
    ContractName);

class OciStoreOnTheWire : public ::testing::Test {
 protected:
  CallContext Context(bool retried = false) const {
    return {.deadline = world_.clock.Now() + std::chrono::seconds(30), .retried = retried};
  }
  ObjectInfo Put(const std::string& path, std::string_view text, Attributes attributes = {}) {
    auto info = store_.Put(
        {.key = ObjectKey(path), .body = AsBytes(text), .attributes = std::move(attributes)},
        Context());
    EXPECT_TRUE(info) << info.error().ToString();
    return *info;
  }
  std::string Read(const std::string& path) {
    std::string text(100, '\0');
    const auto reply = store_.Get({.key = ObjectKey(path), .range = {0, text.size()}},
                                  std::as_writable_bytes(std::span(text)), Context());
    if (!reply) return std::string(ErrorCodeName(reply.error().code));
    return text.substr(0, reply->bytes_received);
  }
  void LoseReply(const std::string& operation, int skip = 0) {
    world_.transport.Inject(
        {.operation = operation, .skip = skip, .fault = Fault::kCutAfterActing});
  }

  OciWorld world_;
  ObjectStore& store_ = *world_.store;
};

TEST_F(OciStoreOnTheWire, APutWhoseReplyWasLostIsRecognised) {
  const PutRequest request{
      .key = ObjectKey("f"), .body = AsBytes("mine"), .conditions = {.must_not_exist = true}};
  LoseReply("oci.put_object");
  ASSERT_FALSE(store_.Put(request, Context()));
  EXPECT_TRUE(store_.Put(request, Context(true)));
  EXPECT_EQ(store_.Put(request, Context()).error().code, ErrorCode::kAlreadyExists);
}

TEST_F(OciStoreOnTheWire, ARenameWhoseReplyWasLostIsRecognised) {
  Put("a", "content");
  LoseReply("oci.rename_object");
  const RenameRequest request{.source = ObjectKey("a"), .destination = ObjectKey("b")};
  ASSERT_FALSE(store_.Rename(request, Context()));
  const auto again = store_.Rename(request, Context(true));
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(again->key.path, "b");
  EXPECT_EQ(Read("b"), "content");
}

TEST_F(OciStoreOnTheWire, AnInterruptedDirectoryRenameGoesOnWhenCalledAgain) {
  ASSERT_TRUE(
      store_.MakeDirectory({.key = ObjectKey("from"), .attributes = {.mode = 0750U}}, Context()));
  for (int i = 0; i < 30; ++i) Put("from/sub/f" + std::to_string(i), std::to_string(i));
  world_.transport.Inject({.operation = "oci.rename_object", .skip = 11});
  const RenameRequest request{
      .source = ObjectKey("from"), .destination = ObjectKey("to"), .kind = NodeKind::kDirectory};
  ASSERT_FALSE(store_.Rename(request, Context()));
  // Another process calls again: nothing but the bucket remembers.
  const auto other = world_.OpenStore({});
  const auto moved = other->Rename(request, Context());
  ASSERT_TRUE(moved) << moved.error().ToString();
  EXPECT_EQ(moved->attributes, (Attributes{.mode = 0750U})) << "no trace of the move is left";
  for (int i = 0; i < 30; ++i) EXPECT_EQ(Read("to/sub/f" + std::to_string(i)), std::to_string(i));
  EXPECT_EQ(store_.Head(ObjectKey("from"), Context()).error().code, ErrorCode::kNotFound);
}

TEST_F(OciStoreOnTheWire, ADirectoryRenameNeverMixesTwoDirectories) {
  Put("from/x", "1");
  Put("to/y", "2");
  const auto moved = store_.Rename(
      {.source = ObjectKey("from"), .destination = ObjectKey("to"), .kind = NodeKind::kDirectory},
      Context());
  EXPECT_EQ(moved.error().code, ErrorCode::kNotEmpty);
  EXPECT_EQ(Read("from/x"), "1");
}

TEST_F(OciStoreOnTheWire, LargeObjectsChangeTheirAttributesWithoutTravelling) {
  const std::string large(std::size_t{9} << 20, 'x');
  const ObjectInfo before = Put("large", large);
  const Attributes wanted{.mtime = WallTime(std::chrono::nanoseconds(1'500'000'000'000'000'001)),
                          .mode = 0600U};
  const auto after = store_.SetAttributes(
      {.key = ObjectKey("large"), .attributes = wanted, .if_match = before.etag}, Context());
  ASSERT_TRUE(after) << after.error().ToString();
  EXPECT_EQ(after->attributes, wanted);
  EXPECT_EQ(after->size_bytes, large.size());
  EXPECT_NE(after->etag, before.etag);
}

TEST_F(OciStoreOnTheWire, ALargeObjectThatTheCallerKnowsIsNotLookedAtBeforeItsAttributesChange) {
  ObjectInfo before = Put("large", std::string(std::size_t{9} << 20, 'x'));
  world_.transport.Inject({.operation = "oci.head_object", .skip = 1});  // a second look fails
  const auto after = store_.SetAttributes({.key = ObjectKey("large"),
                                           .attributes = {.mode = 0600U},
                                           .if_match = before.etag,
                                           .size_bytes = before.size_bytes,
                                           .info = before},
                                          Context());
  ASSERT_TRUE(after) << after.error().ToString();
  EXPECT_EQ(after->attributes->mode, 0600U);
  EXPECT_EQ(after->digests.crc32c, before.digests.crc32c);
}

TEST_F(OciStoreOnTheWire, LargeObjectsAreSentAgainWhereTheServiceMayNotCopy) {
  std::string large(std::size_t{25} << 20, 'x');
  large.back() = '!';
  const ObjectInfo before = Put("large", large);
  world_.transport.Inject({.operation = "oci.copy_object",
                           .times = 2,
                           .fault = Fault::kAnswer,
                           .answer = skybridge::testing::Answer(
                               400, {{"opc-request-id", "r"}},
                               R"({"code":"InsufficientServicePermissions","message":"no"})")});
  const Attributes wanted{.mode = 0600U};
  const SetAttributesRequest request{
      .key = ObjectKey("large"), .attributes = wanted, .if_match = before.etag};
  // The first try breaks off midway: the object stays as it was.
  world_.transport.Inject({.operation = "oci.upload_part", .skip = 1});
  ASSERT_FALSE(store_.SetAttributes(request, Context()));
  EXPECT_EQ(store_.Head(ObjectKey("large"), Context())->etag, before.etag);

  const auto after = store_.SetAttributes(request, Context());
  ASSERT_TRUE(after) << after.error().ToString();
  EXPECT_EQ(after->attributes, wanted);
  EXPECT_EQ(after->digests.crc32c, before.digests.crc32c);
}

}  // namespace
}  // namespace skybridge::oci
