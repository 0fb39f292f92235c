#include "backends/azure/hierarchical_store.h"

#include <array>

#include <gtest/gtest.h>

#include "backends/azure/open_store.h"
#include "core/time_text.h"
#include "tests/unit/backends/azure_store_fixture.h"

namespace skybridge::azure {
namespace {

using testing::FakeClock;
using testing::ScriptedTransport;
using Operations = std::vector<std::string>;

constexpr const char* kDirectoryHeader = "x-ms-resource-type";

struct Fixture {
  FakeClock clock;
  ScriptedTransport http;
  HierarchicalStore store{StoreOptions(), http, clock};

  static Attributes WithMtime() {
    return {.mtime = *ParseRfc3339("2026-01-05T10:20:30.123456789Z"), .mode = 0640};
  }

  UploadId Start(const Attributes& attributes = {}) {
    http.Answer(201, {{"ETag", "\"0x1\""}});
    const auto id = store.StartUpload({.key = ObjectKey("d/f"), .attributes = attributes}, {});
    EXPECT_TRUE(id);
    return id.value_or(UploadId{});
  }
  // The hidden name that an upload of "d/f" works under.
  std::string Temporary() const { return "d/" + std::string(kUploadPrefix) + nonce(); }
  std::string nonce() const {
    const std::string url = http.sent(0).url;
    const auto at = url.find(kUploadPrefix) + kUploadPrefix.size();
    return url.substr(at, url.find('?') - at);
  }
  static CommitUploadRequest Commit(const UploadId& id) {
    return {.upload = id,
            .key = ObjectKey("d/f"),
            .parts = {{.part_number = 1, .offset_bytes = 0, .size_bytes = 5},
                      {.part_number = 2, .offset_bytes = 5, .size_bytes = 3}},
            .conditions = {.if_match = std::nullopt, .must_not_exist = true}};
  }
};

TEST(HierarchicalStore, ListsFilesLinksAndDirectoriesInOneRequest) {
  Fixture f;
  f.http.Answer(
      200, {},
      ListXml(
          BlobXml("d/a", "<mtime>2026-01-05T10:20:30.123456789Z</mtime>", "6") +
              BlobXml("d/l", "<is_symlink>true</is_symlink>", "3") +
              "<BlobPrefix><Name>d/sub/</Name><Properties><Etag>0x7</Etag><ResourceType>directory"
              "</ResourceType></Properties></BlobPrefix>",
          "next+/="));
  const auto page = f.store.List({.directory = ObjectKey("d")}, {});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 3U);
  EXPECT_EQ(page->entries[0].key, ObjectKey("d/a"));
  EXPECT_EQ(page->entries[0].size_bytes, 6U);
  EXPECT_EQ(page->entries[0].attributes->mtime, Fixture::WithMtime().mtime);
  EXPECT_EQ(page->entries[1].kind, NodeKind::kSymlink);
  EXPECT_EQ(page->entries[2].kind, NodeKind::kDirectory);
  EXPECT_EQ(page->entries[2].etag, ETag("0x7"));
  EXPECT_EQ(page->entries[2].attributes, std::nullopt);  // prefixes come without metadata: ask Head
  EXPECT_EQ(page->continuation, "next+/=");
  EXPECT_EQ(f.http.sent_count(), 1U);
}

TEST(HierarchicalStore, HidesUploadsInProgressAndCountsNamesThatAreNoPath) {
  Fixture f;
  f.http.Answer(200, {},
                ListXml(BlobXml("d/.skybridge-upload-0123456789abcdef") + PrefixXml("d/../") +
                        BlobXml("d/b")));
  const auto page = f.store.List({.directory = ObjectKey("d")}, {});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 1U);
  EXPECT_EQ(page->entries[0].key, ObjectKey("d/b"));
  EXPECT_EQ(page->hidden_names.size(), 1U);
}

TEST(HierarchicalStore, TellsAMissingDirectoryFromAnEmptyOne) {
  Fixture f;
  f.http.Answer(200, {}, ListXml("")).Answer(404, {{"x-ms-error-code", "BlobNotFound"}});
  const auto missing = f.store.List({.directory = ObjectKey("d")}, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  f.http.Answer(200, {}, ListXml("")).Answer(200, {{kDirectoryHeader, "directory"}});
  EXPECT_TRUE(f.store.List({.directory = ObjectKey("d")}, {}));
  f.http.Answer(200, {}, ListXml("")).Answer(200, {{"Content-Length", "5"}});
  const auto file = f.store.List({.directory = ObjectKey("d")}, {});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotDirectory);
}

TEST(HierarchicalStore, HeadDescribesADirectoryBySeveralSigns) {
  Fixture f;
  f.http.Answer(200, {{"ETag", "\"0x8D9CBCCED5F7C4F\""},
                      {"Last-Modified", "Thu, 30 Dec 2021 19:45:26 GMT"},
                      {"Content-Length", "0"},
                      {"x-ms-meta-hdi_isfolder", "true"}});
  const auto info = f.store.Head(ObjectKey("d"), {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->kind, NodeKind::kDirectory);
  EXPECT_EQ(info->etag, ETag("0x8D9CBCCED5F7C4F"));
  EXPECT_TRUE(info->attributes->foreign.empty());
}

// Not every proxy keeps the length in the answer to a HEAD.
TEST(HierarchicalStore, AFileWhoseLengthIsNotToldIsNotEmpty) {
  Fixture f;
  f.http.Answer(200, {{"ETag", "\"0x1\""}, {"x-ms-resource-type", "file"}});
  const auto info = f.store.Head(ObjectKey("f"), {});
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(info.error().retryable);
}

TEST(HierarchicalStore, ReadsARangeOfOneVersion) {
  Fixture f;
  f.http.Answer(206, {{"Content-Range", "bytes 2-4/11"}, {"ETag", "\"0x1\""}}, "llo");
  std::array<std::byte, 3> into{};
  const auto reply = f.store.Get({.key = ObjectKey("f"),
                                  .range = {.offset_bytes = 2, .length_bytes = 3},
                                  .if_match = ETag("0x1")},
                                 into, {});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->bytes_received, 3U);
  EXPECT_EQ(reply->object_size_bytes, 11U);
  EXPECT_EQ(reply->etag, ETag("0x1"));
  EXPECT_EQ(into[0], std::byte{'l'});
  EXPECT_EQ(HeaderOf(f.http.sent(0), "If-Match"), "\"0x1\"");
}

TEST(HierarchicalStore, ARangeIsCheckedAgainstItsDigest) {
  Fixture f;
  std::array<std::byte, 6> into{};
  const GetRequest get{.key = ObjectKey("f"), .range = {.offset_bytes = 2, .length_bytes = 6}};
  f.http.Answer(206, {{"Content-Range", "bytes 2-7/11"}, {"x-ms-content-crc64", "B1ZarUv7Q2o="}},
                "hello\n");
  EXPECT_TRUE(f.store.Get(get, into, {}));
  f.http.Answer(206, {{"Content-Range", "bytes 2-7/11"}, {"x-ms-content-crc64", "B1ZarUv7Q2o="}},
                "hallo\n");
  const auto damaged = f.store.Get(get, into, {});
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(damaged.error().retryable);
  EXPECT_NE(damaged.error().message.find("the service sent B1ZarUv7Q2o="), std::string::npos);
}

TEST(HierarchicalStore, ARangePastTheEndIsEmptyAndTellsTheSize) {
  Fixture f;
  f.http.Answer(416, {{"x-ms-error-code", "InvalidRange"}})
      .Answer(200, {{"Content-Length", "4"}, {"ETag", "\"0x1\""}});
  std::array<std::byte, 3> into{};
  const auto reply =
      f.store.Get({.key = ObjectKey("f"), .range = {4, 3}, .if_match = ETag("0x1")}, into, {});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->bytes_received, 0U);
  EXPECT_EQ(reply->object_size_bytes, 4U);
}

TEST(HierarchicalStore, WhatChangedWhileItsEndWasReadIsNotTakenForEmpty) {
  Fixture f;
  std::array<std::byte, 3> into{};
  const auto read = [&](std::optional<ETag> if_match) {
    f.http.Answer(416, {{"x-ms-error-code", "InvalidRange"}})
        .Answer(200, {{"Content-Length", "4"}, {"ETag", "\"0x2\""}});
    return f.store.Get({.key = ObjectKey("f"), .range = {3, 3}, .if_match = std::move(if_match)},
                       into, {});
  };
  const auto grew = read(std::nullopt);
  ASSERT_FALSE(grew);
  EXPECT_EQ(grew.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(grew.error().retryable);
  EXPECT_EQ(read(ETag("0x1")).error().code, ErrorCode::kPreconditionFailed);
}

TEST(HierarchicalStore, NeverTakesAnotherRangeForTheOneAskedFor) {
  Fixture f;
  f.http.Answer(200, {{"Content-Length", "3"}}, "abc");  // the range was ignored
  std::array<std::byte, 3> into{};
  const auto reply = f.store.Get({.key = ObjectKey("f"), .range = {2, 3}}, into, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kCorrupt);
}

TEST(HierarchicalStore, ReadingADirectoryIsAnError) {
  Fixture f;
  f.http.Answer(206, {{"Content-Range", "bytes 0-0/0"}, {kDirectoryHeader, "directory"}});
  std::array<std::byte, 3> into{};
  const auto reply = f.store.Get({.key = ObjectKey("d"), .range = {0, 3}}, into, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kIsDirectory);
}

TEST(HierarchicalStore, SmallFileIsOnePutBlobWithItsAttributes) {
  Fixture f;
  f.http.Answer(201, {{"ETag", "\"0x2\""},
                      {"Last-Modified", "Mon, 05 Jan 2026 10:20:30 GMT"},
                      {"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}});
  const auto info = f.store.Put({.key = ObjectKey("f"),
                                 .body = AsBytes("hello"),
                                 .attributes = Fixture::WithMtime(),
                                 .conditions = {.if_match = {}, .must_not_exist = true}},
                                {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->etag, ETag("0x2"));
  EXPECT_EQ(info->size_bytes, 5U);
  EXPECT_EQ(info->attributes, Fixture::WithMtime());
  EXPECT_EQ(info->digests.md5, Md5(AsBytes("hello")));
  const auto sent = f.http.sent(0);
  EXPECT_EQ(sent.operation, "azure.put_blob");
  EXPECT_EQ(HeaderOf(sent, "x-ms-meta-mtime"), "2026-01-05T10:20:30.123456789Z");
  EXPECT_EQ(HeaderOf(sent, "If-None-Match"), "*");
  EXPECT_EQ(HeaderOf(sent, "x-ms-version"), "2023-11-03");
  EXPECT_EQ(HeaderOf(sent, "x-ms-date"), "Mon, 05 Jan 2026 10:20:30 GMT");
  EXPECT_EQ(HeaderOf(sent, "x-ms-client-request-id").size(), 36U);
}

TEST(HierarchicalStore, TellsTheServerToGiveUpBeforeTheCallerDoes) {
  Fixture f;
  f.http.Answer(200, {{"Content-Length", "0"}});
  ASSERT_TRUE(f.store.Head(ObjectKey("f"), {.deadline = f.clock.Now() + std::chrono::seconds(30)}));
  EXPECT_EQ(f.http.sent(0).url, "https://a.blob.core.windows.net/c/f?timeout=25");
}

TEST(HierarchicalStore, RepeatedPutRecognisesItsFirstAttempt) {
  Fixture f;
  const PutRequest put{.key = ObjectKey("f"),
                       .body = AsBytes("hello"),
                       .attributes = {.mode = 0600},
                       .conditions = {.if_match = std::nullopt, .must_not_exist = true}};
  const auto refuse = [&](const char* md5, const char* permissions) {
    f.http.Answer(409, {{"x-ms-error-code", "BlobAlreadyExists"}})
        .Answer(200, {{"ETag", "\"0x2\""},
                      {"Content-Length", "5"},
                      {"Content-MD5", md5},
                      {"x-ms-meta-permissions", permissions}});
    return f.store.Put(put, kRetried);
  };
  const auto ours = refuse("XUFAKrxLKna5cZ2REBfFkg==", "33152");  // 0100600
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->etag, ETag("0x2"));
  EXPECT_EQ(refuse("sZRqySSS0jR8YjW00mERhA==", "33152").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(refuse("XUFAKrxLKna5cZ2REBfFkg==", "33188").error().code, ErrorCode::kAlreadyExists);
}

TEST(HierarchicalStore, FirstPutThatLosesIsNeverTakenForAnEarlierOne) {
  Fixture f;
  f.http.Answer(404, {{"x-ms-error-code", "PathNotFound"}})
      .Answer(412, {{"x-ms-error-code", "ConditionNotMet"}})
      .Answer(200, {{"Content-Length", "9"}, {"ETag", "\"0x9\""}});
  const auto lost = f.store.Put(
      {.key = ObjectKey("f"), .body = AsBytes("hello"), .conditions = {.if_match = ETag("0x1")}},
      {});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kPreconditionFailed);
}

TEST(HierarchicalStore, LargeFileGrowsHiddenAndIsPublishedByRename) {
  Fixture f;
  const UploadId id = f.Start(Fixture::WithMtime());
  f.http.Answer(202).Answer(202);
  const auto second = f.store.UploadPart({.upload = id,
                                          .key = ObjectKey("d/f"),
                                          .part_number = 2,
                                          .offset_bytes = 5,
                                          .body = AsBytes("end")},
                                         {});
  const auto first = f.store.UploadPart({.upload = id,
                                         .key = ObjectKey("d/f"),
                                         .part_number = 1,
                                         .offset_bytes = 0,
                                         .body = AsBytes("start")},
                                        {});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->crc32c, Crc32c(AsBytes("start")));
  f.http.Answer(200, {{"ETag", "\"0x5\""}})
      .Answer(201, {{"ETag", "\"0x5\""}, {"Last-Modified", "Mon, 05 Jan 2026 10:20:31 GMT"}});
  CommitUploadRequest commit = Fixture::Commit(id);
  commit.parts = {*first, *second};
  commit.attributes = Fixture::WithMtime();
  const auto info = f.store.CommitUpload(commit, {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->size_bytes, 8U);
  EXPECT_EQ(info->etag, ETag("0x5"));
  EXPECT_EQ(info->attributes, Fixture::WithMtime());
  EXPECT_EQ(f.http.operations(), (Operations{"azure.create_path", "azure.append", "azure.append",
                                             "azure.flush", "azure.rename"}));
  const std::string temporary = "https://a.dfs.core.windows.net/c/" + f.Temporary();
  EXPECT_EQ(f.http.sent(0).url, temporary + "?resource=file");
  EXPECT_EQ(f.http.sent(1).url, temporary + "?action=append&position=5");
  EXPECT_EQ(f.http.sent(3).url,
            temporary + "?action=flush&position=8&retainUncommittedData=false&close=true");
  EXPECT_EQ(f.http.sent(4).url, "https://a.dfs.core.windows.net/c/d/f?mode=legacy");
  EXPECT_EQ(HeaderOf(f.http.sent(4), "x-ms-rename-source"), "/c/" + f.Temporary());
  EXPECT_EQ(HeaderOf(f.http.sent(4), "If-None-Match"), "*");
}

// The rename that publishes also gives the file what belongs to it: one request, and nobody sees
// the file without.
TEST(HierarchicalStore, CommitRecordsAttributesAndTheDigestOfTheWhole) {
  Fixture f;
  const UploadId id = f.Start();
  f.http.Answer(200).Answer(201, {{"ETag", "\"0x5\""}});
  CommitUploadRequest commit = Fixture::Commit(id);
  commit.parts[0].crc32c = Crc32c(AsBytes("12345"));
  commit.parts[1].crc32c = Crc32c(AsBytes("678"));
  commit.attributes = Fixture::WithMtime();
  const auto info = f.store.CommitUpload(commit, {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->etag, ETag("0x5"));
  EXPECT_EQ(info->digests.crc32c, Crc32c(AsBytes("12345678")));
  EXPECT_EQ(info->attributes, Fixture::WithMtime());
  EXPECT_EQ(f.http.operations(), (Operations{"azure.create_path", "azure.flush", "azure.rename"}));
  EXPECT_EQ(HeaderOf(f.http.sent(2), "x-ms-properties"),
            EncodeProperties({{"modtime", "1767608430123456789"},
                              {"mtime", "2026-01-05T10:20:30.123456789Z"},
                              {"permissions", "33184"},
                              {"skybridge_crc32c",
                               "8:" + EncodeCrc32c(Crc32c(AsBytes("12345678"))) + ":1767608430"},
                              {"skybridge_upload", f.nonce()}}));
}

// Versions of the service that do not name it in the reply.
TEST(HierarchicalStore, AskedForTheETagWhenARenameDoesNotTellIt) {
  Fixture f;
  const UploadId id = f.Start();
  f.http.Answer(200, {{"ETag", "\"0x4\""}})
      .Answer(201)
      .Answer(200, {{"ETag", "\"0x5\""}, {"Content-Length", "8"}});
  const auto info = f.store.CommitUpload(Fixture::Commit(id), {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->etag, ETag("0x5"));
}

TEST(HierarchicalStore, AnUploadWhoseHiddenNameSomebodyElseHasIsNotStarted) {
  Fixture f;
  f.http.Answer(409, {{"x-ms-error-code", "PathAlreadyExists"}});
  EXPECT_EQ(f.store.StartUpload({.key = ObjectKey("d/f")}, {}).error().code,
            ErrorCode::kAlreadyExists);
}

TEST(HierarchicalStore, AFlushIsDoneOnlyWhereTheFileHasItsWholeLength) {
  Fixture f;
  const UploadId id = f.Start();
  f.http.Answer(400, {{"x-ms-error-code", "InvalidFlushPosition"}})
      .Answer(200, {{"ETag", "\"0x2\""}, {"Content-Length", "5"}})
      .Answer(404, {{"x-ms-error-code", "BlobNotFound"}});
  const auto info = f.store.CommitUpload(Fixture::Commit(id), kRetried);
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, ErrorCode::kConflict) << info.error().ToString();
  EXPECT_EQ(f.http.operations(),
            (Operations{"azure.create_path", "azure.flush", "azure.head", "azure.head"}));
}

TEST(HierarchicalStore, CommitThatLosesTheRaceFailsAndKeepsTheUpload) {
  Fixture f;
  const UploadId id = f.Start();
  f.http.Answer(200).Answer(412, {{"x-ms-error-code", "ConditionNotMet"}});
  f.http.Answer(200, {{"ETag", "\"0xTHEIRS\""}, {"Content-Length", "8"}});
  const auto lost = f.store.CommitUpload(Fixture::Commit(id), {});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(f.http.operations().back(), "azure.head");
}

TEST(HierarchicalStore, RepeatedCommitRecognisesTheFileByItsUpload) {
  Fixture f;
  const UploadId id = f.Start();
  f.http.Answer(404, {{"x-ms-error-code", "PathNotFound"}})
      .Answer(200, {{"ETag", "\"0x5\""},
                    {"Content-Length", "8"},
                    {"x-ms-meta-skybridge_upload", f.nonce()}});
  const auto info = f.store.CommitUpload(Fixture::Commit(id), kRetried);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->etag, ETag("0x5"));
  EXPECT_TRUE(info->attributes->foreign.empty());  // the mark is not shown
  // Somebody has appended to it: the mark stays, and it is what was sent no more.
  f.http.Answer(404, {{"x-ms-error-code", "PathNotFound"}})
      .Answer(200, {{"ETag", "\"0x6\""},
                    {"Content-Length", "9"},
                    {"x-ms-meta-skybridge_upload", f.nonce()}});
  CommitUploadRequest commit = Fixture::Commit(id);
  commit.conditions = {.if_match = ETag("0xOLD")};
  EXPECT_EQ(f.store.CommitUpload(commit, kRetried).error().code, ErrorCode::kPreconditionFailed);
}

TEST(HierarchicalStore, CommitOfAnUploadThatIsGoneIsNotFound) {
  Fixture f;
  const UploadId id = f.Start();
  f.http.Answer(404, {{"x-ms-error-code", "PathNotFound"}})
      .Answer(200, {{"ETag", "\"0x5\""},
                    {"Content-Length", "8"},
                    {"x-ms-meta-skybridge_upload", "another"}});
  const auto gone = f.store.CommitUpload(Fixture::Commit(id), kRetried);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
}

TEST(HierarchicalStore, RepeatedFlushOfAFlushedFileGoesOnToPublish) {
  Fixture f;
  const UploadId id = f.Start();
  f.http.Answer(400, {{"x-ms-error-code", "InvalidFlushPosition"}})
      .Answer(200, {{"ETag", "\"0x5\""}, {"Content-Length", "8"}})
      .Answer(201, {{"ETag", "\"0x5\""}});
  const auto info = f.store.CommitUpload(Fixture::Commit(id), kRetried);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->etag, ETag("0x5"));
}

TEST(HierarchicalStore, CommitRefusesPartsWithAGapWithoutSendingAnything) {
  Fixture f;
  const UploadId id = f.Start();
  CommitUploadRequest commit = Fixture::Commit(id);
  commit.parts[1].offset_bytes = 6;
  EXPECT_EQ(f.store.CommitUpload(commit, {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(f.http.sent_count(), 1U);
}

TEST(HierarchicalStore, AbortingAnUploadThatIsGoneIsNoError) {
  Fixture f;
  const UploadId id = f.Start();
  f.http.Answer(404, {{"x-ms-error-code", "PathNotFound"}}).Answer(403);
  EXPECT_TRUE(f.store.AbortUpload({.upload = id, .key = ObjectKey("d/f")}, {}));
  EXPECT_FALSE(f.store.AbortUpload({.upload = id, .key = ObjectKey("d/f")}, {}));
}

TEST(HierarchicalStore, SetsAttributesOfADirectoryWithoutMarkingIt) {
  Fixture f;
  f.http.Answer(200, {{"ETag", "\"0x5\""}, {kDirectoryHeader, "directory"}})
      .Answer(200, {{"ETag", "\"0x6\""}});
  const auto info = f.store.SetAttributes({.key = ObjectKey("d"),
                                           .kind = NodeKind::kDirectory,
                                           .attributes = {.mode = 0755},
                                           .if_match = ETag("0x5")},
                                          {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->kind, NodeKind::kDirectory);
  EXPECT_EQ(info->attributes->mode, 0755U);
  EXPECT_EQ(info->etag, ETag("0x6"));
  EXPECT_EQ(f.http.sent(1).headers.Find("x-ms-meta-hdi_isfolder"), nullptr);
  EXPECT_EQ(HeaderOf(f.http.sent(1), "If-Match"), "\"0x5\"");
}

// Set Blob Metadata replaces all of it.
TEST(HierarchicalStore, SetAttributesKeepsTheRecordedDigest) {
  Fixture f;
  const auto head = [&]() -> auto& {
    return f.http.Answer(200, {{"ETag", "\"0x5\""},
                               {"Content-Length", "11"},
                               {"Last-Modified", "Mon, 05 Jan 2026 10:20:30 GMT"},
                               {"X-MS-Meta-SkyBridge_CRC32C", "11:yZRlqg==:1767608430"}});
  };
  const SetAttributesRequest set{.key = ObjectKey("f"), .attributes = {.mode = 0600}};
  head().Answer(200, {{"ETag", "\"0x6\""}});
  const auto info = f.store.SetAttributes(set, {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->digests.crc32c, 0xC99465AAU);
  EXPECT_EQ(info->attributes, (Attributes{.mode = 0600}));
  EXPECT_EQ(HeaderOf(f.http.sent(1), "x-ms-meta-skybridge_crc32c"), "11:yZRlqg==:1767608430");
  EXPECT_EQ(HeaderOf(f.http.sent(1), "If-Match"), "\"0x5\"")
      << "the digest must not come to stand beside other content";

  head().Answer(412, {{"x-ms-error-code", "ConditionNotMet"}});
  const auto raced = f.store.SetAttributes(set, {});
  ASSERT_FALSE(raced);
  EXPECT_EQ(raced.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(raced.error().retryable) << "the caller set no condition";
}

TEST(HierarchicalStore, SetsAttributesOfAVersionItIsToldWithoutALook) {
  Fixture f;
  const ObjectInfo known{.key = ObjectKey("f"),
                         .size_bytes = 11,
                         .etag = ETag("0x5"),
                         .attributes = Fixture::WithMtime(),
                         .digests = {.crc32c = 0xC99465AAU}};
  SetAttributesRequest set{
      .key = ObjectKey("f"), .attributes = {.mode = 0600}, .if_match = ETag("0x5"), .info = known};
  f.http.Answer(200, {{"ETag", "\"0x6\""}});
  const auto info = f.store.SetAttributes(set, {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->etag, ETag("0x6"));
  EXPECT_EQ(info->size_bytes, 11U);
  EXPECT_EQ(info->attributes, (Attributes{.mode = 0600}));
  EXPECT_EQ(info->digests.crc32c, 0xC99465AAU);
  EXPECT_EQ(HeaderOf(f.http.sent(0), "x-ms-meta-skybridge_crc32c"), "11:yZRlqg==:1767608430");
  EXPECT_EQ(HeaderOf(f.http.sent(0), "If-Match"), "\"0x5\"");

  f.http.Answer(412, {{"x-ms-error-code", "ConditionNotMet"}});
  EXPECT_EQ(f.store.SetAttributes(set, {}).error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(f.http.sent_count(), 2U);

  const auto looks = [&](const SetAttributesRequest& request, const CallContext& context) {
    f.http.Answer(200, {{"ETag", "\"0x7\""}, {"Content-Length", "2"}});
    EXPECT_FALSE(f.store.SetAttributes(request, context));
    return f.http.operations().back() == "azure.head";
  };
  EXPECT_TRUE(looks(set, kRetried));
  set.if_match = ETag("0x6");
  EXPECT_TRUE(looks(set, {})) << "what is told is another version";
}

// Whoever uploads a file again may carry its metadata over.
TEST(HierarchicalStore, ARecordedDigestIsBelievedOfItsOwnVersionOnly) {
  Fixture f;
  struct Version {
    const char* recorded;
    const char* last_modified = "Mon, 05 Jan 2026 10:20:30 GMT";
    const char* md5 = "";
  };
  const auto head = [&](const Version& version) {
    f.http.Answer(200, {{"ETag", "\"0x5\""},
                        {"Content-Length", "12"},
                        {"Last-Modified", version.last_modified},
                        {"Content-MD5", version.md5},
                        {"x-ms-meta-skybridge_crc32c", version.recorded}});
    return *f.store.Head(ObjectKey("f"), {});
  };
  EXPECT_EQ(head({"12:yZRlqg==:1767608430"}).digests.crc32c, 0xC99465AAU);
  EXPECT_EQ(head({"12:yZRlqg==:1767608435"}).digests.crc32c, 0xC99465AAU);
  for (const Version& other :
       {Version{"11:yZRlqg==:1767608430"},
        {"yZRlqg=="},
        {"12:yZRlqg=="},
        {"12:yZRl:1767608430"},
        {"12::1767608430"},
        {"12:"},
        {""},
        {"12:yZRlqg==:soon"},
        {"12:yZRlqg==:1767608430", "Mon, 05 Jan 2026 10:21:01 GMT"},
        {"12:yZRlqg==:1767608461"},
        {.recorded = "12:yZRlqg==:1767608430", .md5 = "XUFAKrxLKna5cZ2REBfFkg=="}}) {
    const ObjectInfo info = head(other);
    EXPECT_EQ(info.digests.crc32c, std::nullopt) << other.recorded << other.last_modified;
    EXPECT_TRUE(info.attributes->foreign.empty()) << "what is ours is never shown";
  }
}

// The local clock may be wrong; what Last-Modified is compared with is the service's own time.
TEST(HierarchicalStore, ADigestIsRecordedWithTheServicesTime) {
  Fixture f;
  const UploadId id = f.Start();
  f.http.Answer(202, {{"Date", "Mon, 05 Jan 2026 12:00:00 GMT"}})
      .Answer(200)
      .Answer(201, {{"ETag", "\"0x5\""}, {"Last-Modified", "Mon, 05 Jan 2026 12:00:00 GMT"}});
  ASSERT_TRUE(f.store.UploadPart(
      {.upload = id, .key = ObjectKey("d/f"), .part_number = 1, .body = AsBytes("start")}, {}));
  const auto info = f.store.CommitUpload(Fixture::Commit(id), {});
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->digests.crc32c);
  EXPECT_NE(HeaderOf(f.http.sent(3), "x-ms-properties")
                .find(Base64Encode(AsBytes("8:AAAAAA==:1767614400"))),
            std::string::npos);
}

TEST(HierarchicalStore, RepeatedSetAttributesRecognisesItsFirstAttempt) {
  Fixture f;
  const SetAttributesRequest set{
      .key = ObjectKey("f"), .attributes = {.mode = 0600}, .if_match = ETag("0x5")};
  f.http.Answer(200,
                {{"ETag", "\"0x6\""}, {"Content-Length", "1"}, {"x-ms-meta-permissions", "33152"}});
  EXPECT_EQ(f.store.SetAttributes(set, kRetried)->etag, ETag("0x6"));
  f.http.Answer(200,
                {{"ETag", "\"0x6\""}, {"Content-Length", "1"}, {"x-ms-meta-permissions", "33188"}});
  EXPECT_EQ(f.store.SetAttributes(set, kRetried).error().code, ErrorCode::kPreconditionFailed);
}

TEST(HierarchicalStore, MakesADirectoryOnlyWhereNothingIs) {
  Fixture f;
  f.http.Answer(201, {{"ETag", "\"0x1\""}}).Answer(409, {{"x-ms-error-code", "PathAlreadyExists"}});
  const auto made =
      f.store.MakeDirectory({.key = ObjectKey("d"), .attributes = {.mode = 0700}}, {});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->kind, NodeKind::kDirectory);
  EXPECT_EQ(HeaderOf(f.http.sent(0), "If-None-Match"), "*");
  EXPECT_EQ(HeaderOf(f.http.sent(0), "x-ms-properties"), "permissions=MTY4MzI=");
  EXPECT_EQ(f.store.MakeDirectory({.key = ObjectKey("d")}, {}).error().code,
            ErrorCode::kAlreadyExists);
}

TEST(HierarchicalStore, RepeatedMakeDirectoryRecognisesItsFirstAttempt) {
  Fixture f;
  f.http.Answer(409, {{"x-ms-error-code", "PathAlreadyExists"}})
      .Answer(200, {{"ETag", "\"0x1\""}, {kDirectoryHeader, "directory"}});
  const auto made = f.store.MakeDirectory({.key = ObjectKey("d")}, kRetried);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->etag, ETag("0x1"));
}

TEST(HierarchicalStore, RemoveDirectoryRefusesAFile) {
  Fixture f;
  f.http.Answer(200, {{"Content-Length", "1"}});
  EXPECT_EQ(f.store.RemoveDirectory(ObjectKey("f"), {}).error().code, ErrorCode::kNotDirectory);
  EXPECT_EQ(f.http.operations(), Operations{"azure.head"});
}

TEST(HierarchicalStore, RemoveDirectoryNeverTouchesAChild) {
  Fixture f;
  f.http.Answer(200, {{kDirectoryHeader, "directory"}})
      .Answer(409, {{"x-ms-error-code", "DirectoryNotEmpty"}})
      .Answer(200, {}, ListXml(BlobXml("d/x")));
  EXPECT_EQ(f.store.RemoveDirectory(ObjectKey("d"), {}).error().code, ErrorCode::kNotEmpty);
  EXPECT_EQ(f.http.operations(), (Operations{"azure.head", "azure.delete", "azure.list_blobs"}));
  EXPECT_EQ(f.http.sent(1).url, "https://a.dfs.core.windows.net/c/d?recursive=false");
}

TEST(HierarchicalStore, RemoveDirectoryClearsRemainsOfWritersThatCrashedLongAgo) {
  Fixture f;
  f.clock.SetWall(*ParseRfc3339("2026-01-20T00:00:00Z"));
  f.http.Answer(200, {{kDirectoryHeader, "directory"}})
      .Answer(409, {{"x-ms-error-code", "DirectoryNotEmpty"}})
      .Answer(200, {}, ListXml(BlobXml("d/.skybridge-upload-0123456789abcdef")))
      .Answer(200)
      .Answer(200);
  EXPECT_TRUE(f.store.RemoveDirectory(ObjectKey("d"), {}));
  EXPECT_EQ(HeaderOf(f.http.sent(3), "If-Match"), "\"0x1\"");
}

TEST(HierarchicalStore, HowOldAnUploadIsTheServicesTimeSays) {
  const std::string remains = ListXml(BlobXml("d/.skybridge-upload-0123456789abcdef"));
  for (const bool stale : {true, false}) {
    Fixture f;
    // This machine's clock is wrong by weeks, one way and the other.
    if (!stale) f.clock.SetWall(*ParseRfc3339("2026-02-20T00:00:00Z"));
    const char* date = stale ? "Tue, 20 Jan 2026 00:00:00 GMT" : "Tue, 06 Jan 2026 00:00:00 GMT";
    f.http.Answer(200, {{kDirectoryHeader, "directory"}})
        .Answer(409, {{"x-ms-error-code", "DirectoryNotEmpty"}})
        .Answer(200, {{"Date", date}}, remains);
    if (stale) f.http.Answer(200).Answer(200);
    EXPECT_EQ(f.store.RemoveDirectory(ObjectKey("d"), {}).has_value(), stale);
  }
}

TEST(HierarchicalStore, RemoveDirectoryLeavesAnUploadThatMayBeAlive) {
  Fixture f;  // its clock says the second of the file's last change
  f.http.Answer(200, {{kDirectoryHeader, "directory"}})
      .Answer(409, {{"x-ms-error-code", "DirectoryNotEmpty"}})
      .Answer(200, {}, ListXml(BlobXml("d/.skybridge-upload-0123456789abcdef")));
  EXPECT_EQ(f.store.RemoveDirectory(ObjectKey("d"), {}).error().code, ErrorCode::kNotEmpty);
}

TEST(HierarchicalStore, RenameReturnsTheDestination) {
  Fixture f;
  f.http.Answer(201).Answer(200, {{"ETag", "\"0x1\""}, {"Content-Length", "7"}});
  const auto info =
      f.store.Rename({.source = ObjectKey("a,b"),
                      .destination = ObjectKey("n"),
                      .source_if_match = ETag("0x1"),
                      .destination_conditions = {.if_match = std::nullopt, .must_not_exist = true}},
                     {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->key, ObjectKey("n"));
  EXPECT_EQ(info->size_bytes, 7U);
  EXPECT_EQ(HeaderOf(f.http.sent(0), "x-ms-rename-source"), "/c/a%2Cb");
  EXPECT_EQ(HeaderOf(f.http.sent(0), "x-ms-source-if-match"), "\"0x1\"");
  EXPECT_EQ(HeaderOf(f.http.sent(0), "If-None-Match"), "*");
}

TEST(HierarchicalStore, AVersionThatIsToldIsNotLookedAtAfterARename) {
  Fixture f;
  const RenameRequest rename{.source = ObjectKey("a"),
                             .destination = ObjectKey("b"),
                             .source_if_match = ETag("0x1"),
                             .source_info = ObjectInfo{.key = ObjectKey("a"),
                                                       .size_bytes = 7,
                                                       .etag = ETag("0x1"),
                                                       .attributes = Fixture::WithMtime()}};
  f.http.Answer(201, {{"ETag", "\"0x1\""}});
  const auto renamed = f.store.Rename(rename, {});
  ASSERT_TRUE(renamed);
  EXPECT_EQ(renamed->key, ObjectKey("b"));
  EXPECT_EQ(renamed->size_bytes, 7U);
  EXPECT_EQ(renamed->attributes, Fixture::WithMtime());
  EXPECT_EQ(f.http.sent_count(), 1U);
  for (const char* etag : {"\"0x2\"", ""}) {  // somebody was faster; an older service
    f.http.Answer(201, {{"ETag", etag}})
        .Answer(200, {{"ETag", "\"0x2\""}, {"Content-Length", "5"}});
    EXPECT_EQ(f.store.Rename(rename, {})->size_bytes, 5U);
  }
}

TEST(HierarchicalStore, RepeatedRenameRecognisesItsFirstAttemptByTheETag) {
  Fixture f;
  const RenameRequest rename{
      .source = ObjectKey("a"), .destination = ObjectKey("b"), .source_if_match = ETag("0x1")};
  f.http.Answer(404, {{"x-ms-error-code", "SourcePathNotFound"}})
      .Answer(200, {{"ETag", "\"0x1\""}, {"Content-Length", "5"}});
  EXPECT_TRUE(f.store.Rename(rename, kRetried));
  f.http.Answer(404, {{"x-ms-error-code", "SourcePathNotFound"}})
      .Answer(200, {{"ETag", "\"0x2\""}, {"Content-Length", "5"}});
  EXPECT_EQ(f.store.Rename(rename, kRetried).error().code, ErrorCode::kNotFound);
  f.http.Answer(404, {{"x-ms-error-code", "SourcePathNotFound"}});
  EXPECT_EQ(f.store.Rename(rename, {}).error().code, ErrorCode::kNotFound);
}

TEST(HierarchicalStore, RepeatedDirectoryRenameWithoutVersionNeedsTheDirectoryThere) {
  Fixture f;
  const RenameRequest rename{
      .source = ObjectKey("a"), .destination = ObjectKey("b"), .kind = NodeKind::kDirectory};
  f.http.Answer(404, {{"x-ms-error-code", "SourcePathNotFound"}})
      .Answer(200, {{kDirectoryHeader, "directory"}});
  EXPECT_TRUE(f.store.Rename(rename, kRetried));
  f.http.Answer(404, {{"x-ms-error-code", "SourcePathNotFound"}})
      .Answer(200, {{"Content-Length", "1"}});
  EXPECT_EQ(f.store.Rename(rename, kRetried).error().code, ErrorCode::kNotFound);
}

TEST(HierarchicalStore, PutOverADirectoryIsRefusedAsSuch) {
  Fixture f;
  const auto put = [&](bool must_not_exist) {
    f.http.Answer(409, {{"x-ms-error-code", "BlobAlreadyExists"}})
        .Answer(200, {{kDirectoryHeader, "directory"}});
    return f.store
        .Put({.key = ObjectKey("d"), .conditions = {.must_not_exist = must_not_exist}}, {})
        .error()
        .code;
  };
  EXPECT_EQ(put(false), ErrorCode::kIsDirectory);
  EXPECT_EQ(put(true), ErrorCode::kAlreadyExists);
}

TEST(HierarchicalStore, PutBelowAFileIsRefusedAsSuch) {
  Fixture f;
  f.http.Answer(409, {{"x-ms-error-code", "PathConflict"}}).Answer(404);
  EXPECT_EQ(f.store.Put({.key = ObjectKey("f/x")}, {}).error().code, ErrorCode::kNotDirectory);
}

TEST(HierarchicalStore, RenameErrorsNameWhatIsInTheWay) {
  Fixture f;
  const auto rename = [&](NodeKind kind, const char* code) {
    f.http.Answer(409, {{"x-ms-error-code", code}});
    return f.store
        .Rename({.source = ObjectKey("a"), .destination = ObjectKey("b"), .kind = kind}, {})
        .error()
        .code;
  };
  EXPECT_EQ(rename(NodeKind::kFile, "InvalidSourceOrDestinationResourceType"),
            ErrorCode::kIsDirectory);
  EXPECT_EQ(rename(NodeKind::kDirectory, "InvalidSourceOrDestinationResourceType"),
            ErrorCode::kNotDirectory);
  EXPECT_EQ(rename(NodeKind::kDirectory, "DirectoryNotEmpty"), ErrorCode::kNotEmpty);
  EXPECT_EQ(rename(NodeKind::kFile, "PathAlreadyExists"), ErrorCode::kAlreadyExists);
}

TEST(HierarchicalStore, RenameOfADirectoryIntoItselfIsNotEvenTried) {
  Fixture f;
  const auto result = f.store.Rename(
      {.source = ObjectKey("a"), .destination = ObjectKey("a/b"), .kind = NodeKind::kDirectory},
      {});
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(f.http.sent_count(), 0U);
}

TEST(HierarchicalStore, DeleteRefusesADirectory) {
  Fixture f;
  f.http.Answer(400, {{"x-ms-error-code", "MissingRequiredQueryParameter"}})
      .Answer(200, {{kDirectoryHeader, "directory"}});
  EXPECT_EQ(f.store.Delete({.key = ObjectKey("d")}, {}).error().code, ErrorCode::kIsDirectory);
  EXPECT_EQ(f.http.sent(0).url, "https://a.dfs.core.windows.net/c/d");
}

TEST(HierarchicalStore, RepeatedDeleteThatFindsNothingHasSucceeded) {
  Fixture f;
  f.http.Answer(404, {{"x-ms-error-code", "PathNotFound"}})
      .Answer(404, {{"x-ms-error-code", "PathNotFound"}});
  EXPECT_TRUE(f.store.Delete({.key = ObjectKey("f")}, kRetried));
  EXPECT_EQ(f.store.Delete({.key = ObjectKey("f")}, {}).error().code, ErrorCode::kNotFound);
}

TEST(HierarchicalStore, DeleteManyGivesOneStatusEachInOrder) {
  Fixture f;
  f.http.Answer(200);
  const std::vector<DeleteRequest> requests{{.key = ObjectKey("a")}, {.key = ObjectKey("bad.")}};
  const auto statuses = f.store.DeleteMany(requests, {});
  ASSERT_EQ(statuses.size(), 2U);
  EXPECT_TRUE(statuses[0]);
  EXPECT_EQ(statuses[1].error().code, ErrorCode::kInvalidName);
}

TEST(HierarchicalStore, ProbeTellsTheServersTime) {
  Fixture f;
  f.http.Answer(200, {{"Date", "Mon, 05 Jan 2026 09:00:00 GMT"}}, ListXml(""));
  const auto reply = f.store.Probe({});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->server_time, *ParseRfc3339("2026-01-05T09:00:00Z"));
  f.http.Answer(404, {{"x-ms-error-code", "ContainerNotFound"}});
  EXPECT_EQ(f.store.Probe({}).error().code, ErrorCode::kContainerNotFound);
}

TEST(HierarchicalStore, WorksBelowARootDirectory) {
  FakeClock clock;
  ScriptedTransport http;
  HierarchicalStore store(StoreOptions("lake/raw"), http, clock);
  http.Answer(200, {}, ListXml(BlobXml("lake/raw/x")));
  const auto page = store.List({}, {});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->entries.at(0).key, ObjectKey("x"));
  EXPECT_NE(http.sent(0).url.find("&prefix=lake%2Fraw%2F&"), std::string::npos);
  http.Answer(404, {{"x-ms-error-code", "BlobNotFound"}});
  EXPECT_EQ(store.Head(ObjectKey(), {}).error().code, ErrorCode::kNotFound);
}

struct OpenFixture {
  FakeClock clock;
  ScriptedTransport http;
  Result<std::string> NameOfStore(Options options = StoreOptions()) {
    auto store = OpenStore(std::move(options), http, clock, {});
    if (!store) return Fail(store.error());
    return (*store)->capabilities().name;
  }
};

TEST(OpenStore, AsksTheFilesystemWhetherItIsHierarchical) {
  OpenFixture f;
  f.http.Answer(200, {{"x-ms-namespace-enabled", "true"}})
      .Answer(200, {{"x-ms-namespace-enabled", "false"}});
  EXPECT_EQ(f.NameOfStore(), "azure-hns");
  EXPECT_EQ(f.NameOfStore(), "azure-flat");
  EXPECT_EQ(f.http.sent(0).url, "https://a.dfs.core.windows.net/c?resource=filesystem");
}

TEST(OpenStore, TakesAnEmulatorWithoutDfsForFlat) {
  OpenFixture f;
  f.http.Answer(400).Answer(400);
  EXPECT_EQ(f.NameOfStore(), "azure-flat");
}

TEST(OpenStore, AsksForTheRootsAccessControlWhenTheFilesystemMayNotBeRead) {
  OpenFixture f;
  f.http.Answer(403, {{"x-ms-error-code", "AuthorizationPermissionMismatch"}}).Answer(200);
  EXPECT_EQ(f.NameOfStore(), "azure-hns");
}

TEST(OpenStore, MissingContainerIsAnErrorAndNotAGuess) {
  OpenFixture f;
  f.http.Answer(404, {{"x-ms-error-code", "FilesystemNotFound"}});
  EXPECT_EQ(f.NameOfStore().error().code, ErrorCode::kContainerNotFound);
  f.http.Answer(404).Answer(404);
  EXPECT_EQ(f.NameOfStore().error().code, ErrorCode::kContainerNotFound);
}

TEST(OpenStore, SendsNothingWhenTheKindIsKnown) {
  OpenFixture f;
  Options options = StoreOptions();
  options.hierarchical = false;
  EXPECT_EQ(f.NameOfStore(options), "azure-flat");
  EXPECT_EQ(f.http.sent_count(), 0U);
}

TEST(OpenStore, RefusesPlainHttpToAnotherMachineUnlessAsked) {
  OpenFixture f;
  Options options = StoreOptions();
  options.hierarchical = false;
  options.blob_endpoint = "http://storage.example.com/a";
  EXPECT_EQ(f.NameOfStore(options).error().code, ErrorCode::kInvalidArgument);
  options.allow_http = true;
  EXPECT_TRUE(f.NameOfStore(options));
}

// ---- Where only the DFS endpoint can be reached ----

struct DfsOnlyFixture {
  FakeClock clock;
  ScriptedTransport http;
  HierarchicalStore store{DfsOnly(), http, clock};

  static Options DfsOnly() {
    Options options = StoreOptions();
    options.blob_endpoint.clear();
    return options;
  }
};

TEST(HierarchicalStoreThroughDfsOnly, ListsWithoutAttributesAndSaysSo) {
  DfsOnlyFixture f;
  EXPECT_FALSE(f.store.capabilities().list_has_attributes);
  f.http.Answer(200, {{"x-ms-continuation", "more="}},
                R"({"paths":[{"name":"d/a","contentLength":"6","etag":"0x1"},
                             {"name":"d/.skybridge-upload-0123456789abcdef","contentLength":"0"},
                             {"name":"d/sub","isDirectory":"true","etag":"0x7"}]})");
  const auto page = f.store.List({.directory = ObjectKey("d"), .continuation = "from/+"}, {});
  ASSERT_TRUE(page) << page.error().ToString();
  EXPECT_EQ(f.http.sent(0).url,
            "https://a.dfs.core.windows.net/c?resource=filesystem&recursive=false&directory=d"
            "&continuation=from%2F%2B&maxResults=5000");
  ASSERT_EQ(page->entries.size(), 2U);
  EXPECT_EQ(page->entries[0].attributes, std::nullopt);
  EXPECT_EQ(page->entries[1].kind, NodeKind::kDirectory);
  EXPECT_EQ(page->continuation, "more=");
}

TEST(HierarchicalStoreThroughDfsOnly, HidesAndCountsNamesWithNul) {
  DfsOnlyFixture f;
  f.http.Answer(200, {},
                R"({"paths":[{"name":"good","contentLength":"1"},)"
                R"({"name":"good\u0000bad","contentLength":"1"},)"
                R"({"name":"\u0000","contentLength":"1"}]})");
  const auto page = f.store.List({}, {});
  ASSERT_TRUE(page) << page.error().ToString();
  ASSERT_EQ(page->entries.size(), 1U);
  EXPECT_EQ(page->entries[0].key.path, "good");
  EXPECT_EQ(page->hidden_names.size(), 2U);
}

TEST(HierarchicalStoreThroughDfsOnly, AFileListedAsItsOwnChildIsNoDirectory) {
  DfsOnlyFixture f;
  f.http.Answer(200, {}, R"({"paths":[{"name":"f","contentLength":"6","etag":"0x1"}]})");
  EXPECT_EQ(f.store.List({.directory = ObjectKey("f")}, {}).error().code, ErrorCode::kNotDirectory);
}

TEST(HierarchicalStoreThroughDfsOnly, ReadsMetadataFromPropertiesAndAsksForMd5OfRanges) {
  DfsOnlyFixture f;
  f.http.Answer(200, {{"ETag", "\"0x1\""},
                      {"Content-Length", "3"},
                      {"x-ms-properties", "broken,is_symlink=dHJ1ZQ=="}});
  const auto link = f.store.Head(ObjectKey("d/l"), {});
  ASSERT_TRUE(link);
  EXPECT_EQ(link->kind, NodeKind::kSymlink);
  EXPECT_EQ(f.http.sent(0).url, "https://a.dfs.core.windows.net/c/d/l");
  f.http.Answer(206, {{"Content-Range", "bytes 0-2/3"}, {"ETag", "\"0x1\""}}, "abc");
  std::array<std::byte, 3> into{};
  ASSERT_TRUE(f.store.Get({.key = ObjectKey("d/l"), .range = {0, 3}}, into, {}));
  EXPECT_EQ(HeaderOf(f.http.sent(1), "x-ms-range-get-content-md5"), "true");
  EXPECT_EQ(f.http.sent(1).url, "https://a.dfs.core.windows.net/c/d/l");
}

TEST(HierarchicalStoreThroughDfsOnly, PutsAHiddenFileAndRenamesItUnderItsConditions) {
  DfsOnlyFixture f;
  f.http.Answer(201, {{"ETag", "\"0x1\""}})
      .Answer(202, {})
      .Answer(200, {{"ETag", "\"0x2\""}})
      .Answer(201, {{"ETag", "\"0x2\""}});
  const auto put = f.store.Put(
      {.key = ObjectKey("d/f"), .body = AsBytes("hello"), .conditions = {.must_not_exist = true}},
      {});
  ASSERT_TRUE(put) << put.error().ToString();
  EXPECT_EQ(put->etag, ETag("0x2"));
  EXPECT_EQ(put->size_bytes, 5U);
  Operations operations;
  for (std::size_t i = 0; i < f.http.sent_count(); ++i) {
    operations.push_back(f.http.sent(i).operation);
    EXPECT_EQ(f.http.sent(i).url.find("https://a.dfs.core.windows.net/c/d/"), 0U) << i;
  }
  EXPECT_EQ(operations,
            (Operations{"azure.create_path", "azure.append", "azure.flush", "azure.rename"}));
  EXPECT_NE(HeaderOf(f.http.sent(3), "x-ms-properties").find("skybridge_crc32c="),
            std::string::npos);
  EXPECT_EQ(HeaderOf(f.http.sent(3), "If-None-Match"), "*");
}

TEST(HierarchicalStoreThroughDfsOnly, APutThatLosesTheRaceLeavesNothingBehind) {
  DfsOnlyFixture f;
  f.http.Answer(201, {})
      .Answer(202, {})
      .Answer(200, {{"ETag", "\"0x2\""}})
      .Answer(409, {{"x-ms-error-code", "PathAlreadyExists"}})
      .Answer(200, {});
  const auto put = f.store.Put(
      {.key = ObjectKey("d/f"), .body = AsBytes("hello"), .conditions = {.must_not_exist = true}},
      {});
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(f.http.sent(4).operation, "azure.delete");
}

TEST(HierarchicalStoreThroughDfsOnly, AFlatAccountCannotDoWithoutItsBlobEndpoint) {
  DfsOnlyFixture f;
  Options options = DfsOnlyFixture::DfsOnly();
  options.hierarchical = false;
  const auto store = OpenStore(options, f.http, f.clock, {});
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find("Blob endpoint"), std::string::npos);
}

}  // namespace
}  // namespace skybridge::azure
