#include "tests/contract/object_store_contract.h"

namespace skybridge::testing {
namespace {

TEST_P(ObjectStoreContract, ProbeTellsTheServersTimeAndKind) {
  const auto probe = store_.Probe(Context());
  ASSERT_TRUE(probe) << probe.error().ToString();
  EXPECT_GT(probe->server_time, WallTime());
  EXPECT_FALSE(probe->detail.empty());
  EXPECT_FALSE(can().name.empty());
}

TEST_P(ObjectStoreContract, ReadsWhatWasPut) {
  const ObjectInfo put = Put("dir/file", "content");
  std::string into(20, '\0');
  const auto reply = store_.Get({.key = Key("dir/file"), .range = {0, 20}, .if_match = put.etag},
                                std::as_writable_bytes(std::span(into)), Context());
  ASSERT_TRUE(reply) << reply.error().ToString();
  EXPECT_EQ(into.substr(0, reply->bytes_received), "content");
  EXPECT_EQ(reply->object_size_bytes, 7u);
  EXPECT_EQ(reply->etag, put.etag);
}

TEST_P(ObjectStoreContract, ReadsRangesAndStopsAtTheEnd) {
  const ObjectInfo put = Put("file", "0123456789");
  const struct {
    ByteRange range;
    std::string expected;
  } cases[] = {{{0, 1}, "0"}, {{3, 4}, "3456"}, {{8, 5}, "89"},    {{9, 1}, "9"},
               {{10, 5}, ""}, {{11, 5}, ""},    {{1 << 30, 1}, ""}};
  for (const auto& c : cases) {
    std::string into(8, '\0');
    const auto reply = store_.Get({.key = Key("file"), .range = c.range, .if_match = put.etag},
                                  std::as_writable_bytes(std::span(into)), Context());
    ASSERT_TRUE(reply) << reply.error().ToString();
    EXPECT_EQ(into.substr(0, reply->bytes_received), c.expected);
  }
}

TEST_P(ObjectStoreContract, ReadsEmptyObjects) {
  Put("empty", "");
  EXPECT_EQ(Read("empty"), "");
  EXPECT_EQ(store_.Head(Key("empty"), Context())->size_bytes, 0u);
}

TEST_P(ObjectStoreContract, ReadsOneVersionOnly) {
  const ObjectInfo before = Put("file", "old");
  Put("file", "new");
  std::string into(3, '\0');
  const auto reply = store_.Get({.key = Key("file"), .range = {0, 3}, .if_match = before.etag},
                                std::as_writable_bytes(std::span(into)), Context());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kPreconditionFailed);
}

TEST_P(ObjectStoreContract, HeadDescribesWhatIsThere) {
  const ObjectInfo put = Put("file", "content");
  const auto head = store_.Head(Key("file"), Context());
  ASSERT_TRUE(head);
  EXPECT_EQ(head->key, Key("file"));
  EXPECT_EQ(head->kind, NodeKind::kFile);
  EXPECT_EQ(head->size_bytes, 7u);
  EXPECT_EQ(head->etag, put.etag);
  EXPECT_FALSE(head->etag.empty());
  EXPECT_TRUE(head->attributes);
}

TEST_P(ObjectStoreContract, TheRootIsADirectory) {
  const auto head = store_.Head(ObjectKey(), Context());
  ASSERT_TRUE(head) << head.error().ToString();
  EXPECT_EQ(head->kind, NodeKind::kDirectory);
}

TEST_P(ObjectStoreContract, WhatIsMissingIsNotFound) {
  std::string into(1, '\0');
  EXPECT_EQ(store_.Head(Key("a"), Context()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_
                .Get({.key = Key("a"), .range = {0, 1}}, std::as_writable_bytes(std::span(into)),
                     Context())
                .error()
                .code,
            ErrorCode::kNotFound);
  EXPECT_EQ(store_.SetAttributes({.key = Key("a")}, Context()).error().code, ErrorCode::kNotFound);
  if (can().can_delete) {
    EXPECT_EQ(store_.Delete({.key = Key("a")}, Context()).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(store_.RemoveDirectory(Key("a"), Context()).error().code, ErrorCode::kNotFound);
  }
  if (!can().can_rename) return;
  EXPECT_EQ(store_.Rename({.source = Key("a"), .destination = Key("b")}, Context()).error().code,
            ErrorCode::kNotFound);
}

TEST_P(ObjectStoreContract, RefusesWhatItCannotDo) {
  Put("dir/file", "x");
  const auto refuses = [](const auto& result) {
    return !result && result.error().code == ErrorCode::kNotSupported;
  };
  if (!can().can_rename) {
    EXPECT_TRUE(refuses(
        store_.Rename({.source = Key("dir/file"), .destination = Key("other")}, Context())));
    EXPECT_TRUE(refuses(store_.Rename(
        {.source = Key("dir"), .destination = Key("other"), .kind = NodeKind::kDirectory},
        Context())));
  }
  if (!can().can_delete) {
    const DeleteRequest requests[] = {{.key = Key("dir/file")}};
    EXPECT_TRUE(refuses(store_.Delete(requests[0], Context())));
    EXPECT_TRUE(refuses(store_.DeleteMany(requests, Context()).at(0)));
    EXPECT_TRUE(refuses(store_.RemoveDirectory(Key("dir"), Context())));
  }
  EXPECT_EQ(Read("dir/file"), "x");
}

TEST_P(ObjectStoreContract, ADirectoryIsNoFileToReadOrDelete) {
  Put("dir/file", "x");
  std::string into(1, '\0');
  const auto read = store_.Get({.key = Key("dir"), .range = {0, 1}},
                               std::as_writable_bytes(std::span(into)), Context());
  const auto deleted = store_.Delete({.key = Key("dir")}, Context());
  ASSERT_FALSE(read);
  ASSERT_FALSE(deleted);
  std::vector<ErrorCode> codes = {read.error().code};
  if (can().can_delete) codes.push_back(deleted.error().code);
  for (const ErrorCode code : codes) {
    // A flat service knows no object of that name; asking for children as well may cost a request.
    EXPECT_TRUE(code == ErrorCode::kIsDirectory ||
                (code == ErrorCode::kNotFound && !can().real_directories))
        << ErrorCodeName(code);
  }
  EXPECT_EQ(Read("dir/file"), "x");
}

TEST_P(ObjectStoreContract, CallsEndAtTheirDeadlineAndWhenStopped) {
  Put("file", "x");
  EXPECT_EQ(store_.Head(Key("file"), {.deadline = MonotonicTime::min()}).error().code,
            ErrorCode::kTimedOut);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(store_.Head(Key("file"), {.stop = stop.get_token()}).error().code,
            ErrorCode::kCancelled);
}

}  // namespace
}  // namespace skybridge::testing
