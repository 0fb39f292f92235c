#include "sync/transfer/transfer.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backends/forwarding_store.h"
#include "core/digest.h"
#include "core/mutex.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge {
namespace {

using testing::FakeClock;
using testing::FakeObjectStore;
using testing::FlatCapabilities;
using testing::HierarchicalCapabilities;
using testing::OciLikeCapabilities;
using testing::StoreOp;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(PartBytes, GrowWithTheObject) {
  const Capabilities limits{
      .min_part_bytes = 10 * kMiB, .max_part_bytes = 4000 * kMiB, .max_parts = 10'000};
  EXPECT_EQ(PartBytes(20 * kMiB, 8 * kMiB, limits), 10 * kMiB) << "the store's least";
  EXPECT_EQ(PartBytes(20 * kMiB, 32 * kMiB, limits), 32 * kMiB) << "what is preferred";
  EXPECT_EQ(PartBytes(10'000 * 64 * kMiB, 8 * kMiB, limits), 64 * kMiB);
  EXPECT_EQ(PartBytes(10'000 * 64 * kMiB + 1, 8 * kMiB, limits), 65 * kMiB);
  EXPECT_EQ(PartBytes(10'000 * 4000 * kMiB, 8 * kMiB, limits), 4000 * kMiB);
  EXPECT_EQ(PartBytes(10'000 * 4000 * kMiB + 1, 8 * kMiB, limits), 0U) << "no part is large enough";
}

// Damages one byte of what goes through it, in either direction.
class DamagingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  int damaged_reads = 0;  // so many reads come damaged
  std::vector<std::uint64_t> read_lengths;
  bool damage_writes = false;

  Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                       const CallContext& context) override {
    auto reply = ForwardingStore::Get(request, into, context);
    MutexLock lock(mutex_);
    read_lengths.push_back(request.range.length_bytes);
    if (damaged_reads > 0 && reply && reply->bytes_received > 0) {
      --damaged_reads;
      into[0] ^= std::byte{1};
    }
    return reply;
  }
  Result<ObjectInfo> Put(const PutRequest& request, const CallContext& context) override {
    PutRequest damaged = request;
    std::string body(reinterpret_cast<const char*>(request.body.data()), request.body.size());
    if (damage_writes) body[0] ^= 1;
    damaged.body = AsBytes(body);
    return ForwardingStore::Put(damaged, context);
  }
  Result<PartReceipt> UploadPart(const UploadPartRequest& request,
                                 const CallContext& context) override {
    UploadPartRequest damaged = request;
    std::string body(reinterpret_cast<const char*>(request.body.data()), request.body.size());
    if (damage_writes && request.part_number == 2) body[0] ^= 1;
    damaged.body = AsBytes(body);
    auto receipt = ForwardingStore::UploadPart(damaged, context);
    if (receipt) receipt->crc32c = Crc32c(request.body);  // of what was sent, as the interface says
    return receipt;
  }

 private:
  Mutex mutex_;
};

// Tells neither versions nor digests, and of each read what `bend` makes of it.
class BareStore final : public ForwardingStore {
 public:
  BareStore(ObjectStore& store, void (*bend)(GetReply&)) : ForwardingStore(store), bend_(bend) {}

  Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) override {
    auto info = ForwardingStore::Head(key, context);
    if (info) info->etag = ETag();
    if (info) info->digests = {};
    return info;
  }
  Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                       const CallContext& context) override {
    auto reply = ForwardingStore::Get(request, into, context);
    if (reply) bend_(*reply);
    return reply;
  }

 private:
  void (*const bend_)(GetReply&);
};

class TransferTest : public ::testing::Test {
 protected:
  static constexpr TransferLimits kLimits{.whole_bytes = 10, .part_bytes = 7, .max_restarts = 2};

  Result<ObjectInfo> Copy(std::string_view path, Conditions conditions = {}) {
    const CallPolicy policy{.clock = clock_, .stop = stop_.get_token()};
    Transfer transfer(from_, to_, parts_, budget_, kLimits, policy);
    auto info = source_.Head(ObjectKey(std::string(path)), policy.Context());
    EXPECT_TRUE(info);
    const ObjectKey key{std::string(path)};
    return transfer.Copy(
        {.source = key, .destination = key, .info = *info, .conditions = conditions});
  }

  FakeClock clock_;
  std::stop_source stop_;
  FakeObjectStore source_{clock_};
  FakeObjectStore destination_{clock_, {.capabilities = OciLikeCapabilities()}};
  DamagingStore from_{source_};
  DamagingStore to_{destination_};
  WorkPool parts_{4, 4};
  ByteBudget budget_{28};
  const std::string large_ = "0123456789abcdefghijklmnopqrstuvwxyz";
  const Attributes attributes_{.mtime = WallTime(std::chrono::nanoseconds(1'500'000'001)),
                               .mode = 0640U,
                               .uid = 7U,
                               .gid = 8U,
                               .xattrs = {{"user.colour", "blue"}}};
};

TEST_F(TransferTest, LengthsAreHeldAgainstTheListingWhereNothingElseTells) {
  source_.PutText("a", "hello");
  const CallPolicy policy{.clock = clock_, .stop = stop_.get_token()};
  const ObjectKey key("a");
  for (void (*const bend)(GetReply&) : {+[](GetReply& reply) { --reply.bytes_received; },
                                        +[](GetReply& reply) { ++reply.object_size_bytes; }}) {
    BareStore bare(source_, bend);
    Transfer transfer(bare, to_, parts_, budget_, kLimits, policy);
    const auto copied =
        transfer.Copy({.source = key, .destination = key, .info = *bare.Head(key, {})});
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().code, ErrorCode::kConflict);
  }
  EXPECT_FALSE(destination_.ContentOf("a"));
}

TEST_F(TransferTest, SmallObjectsGoInOneRequestWithAllAttributes) {
  source_.PutText("a", "hello", attributes_);
  const auto copied = Copy("a");
  ASSERT_TRUE(copied) << copied.error().ToString();
  EXPECT_EQ(destination_.ContentOf("a"), "hello");
  EXPECT_EQ(destination_.InfoOf("a")->attributes, attributes_);
  EXPECT_EQ(destination_.calls(StoreOp::kPut), 1U);
  EXPECT_EQ(source_.calls(StoreOp::kGet), 1U);
}

TEST_F(TransferTest, EmptyObjectsAreNotRead) {
  source_.PutText("a", "");
  ASSERT_TRUE(Copy("a"));
  EXPECT_EQ(destination_.ContentOf("a"), "");
  EXPECT_EQ(source_.calls(StoreOp::kGet), 0U);
}

TEST_F(TransferTest, LinksStayLinks) {
  source_.PutLink("l", "../somewhere/far away");
  ASSERT_TRUE(Copy("l"));
  EXPECT_EQ(destination_.ContentOf("l"), "../somewhere/far away");
  EXPECT_EQ(destination_.InfoOf("l")->kind, NodeKind::kSymlink);
}

TEST_F(TransferTest, LargeObjectsGoInPartsWithinTheMemoryBound) {
  source_.PutText("a", large_, attributes_);
  const auto copied = Copy("a");
  ASSERT_TRUE(copied) << copied.error().ToString();
  EXPECT_EQ(destination_.ContentOf("a"), large_);
  EXPECT_EQ(destination_.InfoOf("a")->attributes, attributes_);
  EXPECT_EQ(destination_.calls(StoreOp::kUploadPart), 6U);
  EXPECT_EQ(destination_.open_uploads(), 0U);
  EXPECT_LE(budget_.peak_bytes(), 28U);
}

TEST_F(TransferTest, ASourceThatChangesIsCopiedAnew) {
  source_.PutText("a", large_);
  source_.script().BeforeNext(StoreOp::kGet, [this] { source_.PutText("a", large_ + "!"); });
  ASSERT_TRUE(Copy("a"));
  EXPECT_EQ(destination_.ContentOf("a"), large_ + "!");
  EXPECT_EQ(destination_.open_uploads(), 0U);
}

TEST_F(TransferTest, ASourceThatNeverRestsIsGivenUp) {
  source_.PutText("a", "short");
  for (int i = 0; i < 3; ++i) {
    source_.script().BeforeNext(StoreOp::kGet, [this] { source_.PutText("a", "other"); });
  }
  EXPECT_EQ(Copy("a").error().code, ErrorCode::kConflict);
  EXPECT_FALSE(destination_.ContentOf("a"));
}

TEST_F(TransferTest, NobodysWorkAtTheDestinationIsOverwrittenUnseen) {
  source_.PutText("small", "new");
  source_.PutText("large", large_);
  for (const char* path : {"small", "large"}) {
    const ETag seen = destination_.PutText(path, "old");
    destination_.PutText(path, "somebody else's");
    EXPECT_EQ(Copy(path, {.if_match = seen}).error().code, ErrorCode::kPreconditionFailed);
    EXPECT_EQ(Copy(path, {.must_not_exist = true}).error().code, ErrorCode::kAlreadyExists);
    EXPECT_EQ(destination_.ContentOf(path), "somebody else's");
  }
  EXPECT_EQ(destination_.open_uploads(), 0U);
}

TEST_F(TransferTest, AFailedPartLeavesNothingBehind) {
  source_.PutText("a", large_);
  destination_.script().BeforeNext(StoreOp::kUploadPart, [] {});
  destination_.script().FailNext(StoreOp::kUploadPart,
                                 {.code = ErrorCode::kPermissionDenied, .message = "no"});
  EXPECT_EQ(Copy("a").error().code, ErrorCode::kPermissionDenied);
  EXPECT_FALSE(destination_.ContentOf("a"));
  EXPECT_EQ(destination_.open_uploads(), 0U);
}

TEST_F(TransferTest, BytesDamagedOnTheWayInAreNotCopied) {
  source_.PutText("small", "hello");
  source_.PutText("large", large_);
  from_.damaged_reads = 1000;
  for (const char* path : {"small", "large"}) {
    EXPECT_EQ(Copy(path).error().code, ErrorCode::kCorrupt) << path;
    EXPECT_FALSE(destination_.ContentOf(path));
  }
  EXPECT_EQ(destination_.open_uploads(), 0U);
}

TEST_F(TransferTest, BytesDamagedOnTheWayInAreReadAgain) {
  source_.PutText("small", "hello");
  source_.PutText("large", large_);
  for (const char* path : {"small", "large"}) {
    from_.damaged_reads = 1;
    const auto copied = Copy(path);
    ASSERT_TRUE(copied) << copied.error().ToString();
    EXPECT_EQ(destination_.ContentOf(path), source_.ContentOf(path));
  }
  EXPECT_EQ(destination_.open_uploads(), 0U);
}

TEST_F(TransferTest, WhatHasNoDigestIsReadInRangesThatTheStoreProves) {
  class Checking final : public ForwardingStore {
   public:
    explicit Checking(ObjectStore& store)
        : ForwardingStore(store), capabilities_(store.capabilities()) {
      capabilities_.max_checked_range_bytes = 4;
    }
    const Capabilities& capabilities() const override { return capabilities_; }

   private:
    Capabilities capabilities_;
  };
  source_.PutText("f", large_);
  Checking checking(from_);
  const CallPolicy policy{.clock = clock_, .stop = stop_.get_token()};
  Transfer transfer(checking, to_, parts_, budget_, kLimits, policy);
  ObjectInfo info = *source_.Head(ObjectKey("f"), {});
  const auto longest_read = [&] {
    from_.read_lengths.clear();
    EXPECT_TRUE(transfer.Copy({.source = info.key, .destination = info.key, .info = info}));
    EXPECT_EQ(destination_.ContentOf("f"), large_);
    return *std::max_element(from_.read_lengths.begin(), from_.read_lengths.end());
  };
  EXPECT_EQ(longest_read(), 7U) << "the digest of the whole proves it, in fewer requests";
  info.digests.crc32c.reset();
  EXPECT_EQ(longest_read(), 4U) << "an MD5 says nothing of parts";
}

TEST_F(TransferTest, BytesDamagedOnTheWayOutDoNotStay) {
  source_.PutText("small", "hello");
  source_.PutText("large", large_);
  to_.damage_writes = true;
  for (const char* path : {"small", "large"}) {
    EXPECT_EQ(Copy(path).error().code, ErrorCode::kCorrupt) << path;
    EXPECT_FALSE(destination_.ContentOf(path)) << "a later pass would take it for a good copy";
  }
}

TEST_F(TransferTest, AStoppedCopyFreesItsUpload) {
  source_.PutText("a", large_);
  destination_.script().BeforeNext(StoreOp::kUploadPart, [this] { stop_.request_stop(); });
  EXPECT_EQ(Copy("a").error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(destination_.ContentOf("a"));
  EXPECT_EQ(destination_.open_uploads(), 0U);
}

}  // namespace
}  // namespace skybridge
