#include "backends/azure/flat_store.h"

#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/mutex.h"
#include "core/time_text.h"
#include "tests/unit/backends/azure_store_fixture.h"

namespace skybridge::azure {
namespace {

using testing::FakeClock;
using testing::ScriptedTransport;
using Operations = std::vector<std::string>;
using Paths = std::vector<std::string>;

struct Fixture {
  FakeClock clock;
  ScriptedTransport http;
  FlatStore store{StoreOptions(), http, clock};

  Fixture& Missing() {
    http.Answer(404, {{"x-ms-error-code", "BlobNotFound"}});
    return *this;
  }
  Fixture& Listed(const std::string& entries, const std::string& next = {}) {
    http.Answer(200, {}, ListXml(entries, next));
    return *this;
  }
  Fixture& Blob(const char* etag = "\"0x1\"", const char* size = "5") {
    http.Answer(200, {{"ETag", etag},
                      {"Content-Length", size},
                      {"Last-Modified", "Mon, 05 Jan 2026 10:20:30 GMT"}});
    return *this;
  }
};

Paths PathsOf(const ListPage& page) {
  Paths paths;
  for (const ObjectInfo& info : page.entries) {
    paths.push_back(info.kind == NodeKind::kDirectory ? info.key.path + "/" : info.key.path);
  }
  return paths;
}

TEST(FlatStore, ListsPrefixesAndEveryKindOfMarkerAsDirectories) {
  Fixture f;
  f.Listed(MarkerXml("d/") + BlobXml("d/a") + MarkerXml("d/hdi") +
           BlobXml("d/adl", "<is_directory>TRUE</is_directory>", "0") +
           BlobXml("d/full", "<hdi_isfolder>true</hdi_isfolder>", "9") + PrefixXml("d/sub/"));
  const auto page = f.store.List({.directory = ObjectKey("d")}, {});
  ASSERT_TRUE(page);
  EXPECT_EQ(PathsOf(*page), (Paths{"d/a", "d/hdi/", "d/adl/", "d/full", "d/sub/"}));
  EXPECT_EQ(page->entries[4].attributes, std::nullopt);  // its marker is hidden here: ask Head
  EXPECT_TRUE(page->entries[4].etag.empty());
}

TEST(FlatStore, ListsADirectoryThatIsMarkerAndPrefixOnce) {
  Fixture f;
  f.Listed(MarkerXml("d") + PrefixXml("d/"));
  const auto page = f.store.List({}, {});
  ASSERT_TRUE(page);
  EXPECT_EQ(PathsOf(*page), Paths{"d/"});
  EXPECT_TRUE(page->entries[0].attributes);
}

TEST(FlatStore, ShowsEmptyPartsAndNamesWhatNoUrlCanReach) {
  Fixture f;
  f.Listed(PrefixXml("d//") + PrefixXml("d/../") + BlobXml("d/a") + BlobXml("d/."));
  const auto page = f.store.List({.directory = ObjectKey("d")}, {});
  ASSERT_TRUE(page);
  EXPECT_EQ(PathsOf(*page), (Paths{"d//", "d/a"}));
  EXPECT_EQ(page->hidden_names, (Paths{"d/../", "d/."}));
}

TEST(FlatStore, AMarkerWithBytesIsAFile) {
  Fixture f;
  f.Listed(BlobXml("d/", "", "5") + BlobXml("d/x"));
  const auto level = f.store.List({.directory = ObjectKey("d")}, {});
  ASSERT_TRUE(level);
  EXPECT_EQ(PathsOf(*level), (Paths{"d/", "d/x"}));
  EXPECT_EQ(level->entries[0].kind, NodeKind::kFile);
  EXPECT_EQ(level->entries[0].key, ObjectKey("d").child(""));
  EXPECT_EQ(level->entries[0].size_bytes, 5U);
  f.Listed(MarkerXml("d") + BlobXml("d-1") + BlobXml("d/", "", "5") + BlobXml("d/x"));
  const auto all = f.store.List({.recursive = true}, {});
  ASSERT_TRUE(all);
  EXPECT_EQ(PathsOf(*all), (Paths{"d-1", "d/", "d/", "d/x"}));
  EXPECT_EQ(all->entries[1].kind, NodeKind::kDirectory);
  EXPECT_EQ(all->entries[2].kind, NodeKind::kFile);
  // A directory is not removed, and gets no attributes, over it.
  f.Missing().Listed(BlobXml("d/", "", "5"));
  EXPECT_EQ(f.store.RemoveDirectory(ObjectKey("d"), {}).error().code, ErrorCode::kNotEmpty);
  f.Blob()
      .Listed(BlobXml("d/", "", "5"))
      .http.Answer(409, {{"x-ms-error-code", "BlobAlreadyExists"}});
  EXPECT_EQ(
      f.store.SetAttributes({.key = ObjectKey("d"), .kind = NodeKind::kDirectory}, {}).error().code,
      ErrorCode::kNotSupported);
}

TEST(FlatStore, AFolderFlagOnAFileWithBytesChangesNothing) {
  Fixture f;
  f.http.Answer(200, {{"ETag", "\"0x1\""},
                      {"Content-Length", "11"},
                      {"x-ms-resource-type", "directory"},
                      {"x-ms-meta-hdi_isfolder", "true"}});
  const auto head = f.store.Head(ObjectKey("f"), {});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->kind, NodeKind::kFile);
  EXPECT_EQ(head->size_bytes, 11U);
}

// Siblings whose names begin each other are held back together; others are not.
TEST(FlatStore, MarkedSiblingsKeepARecursiveListingsMemoryFlat) {
  Fixture f;
  constexpr int kSiblings = 100'000;
  constexpr int kPage = 5'000;
  std::string continuation;
  int shown = 0;
  for (int at = 0; at < kSiblings; at += kPage) {
    std::string entries;
    for (int i = at; i < at + kPage; ++i) entries += MarkerXml(fmt::format("d-{:06}", i).c_str());
    const bool last = at + kPage == kSiblings;
    if (!continuation.empty()) {
      f.http.Answer(200, {{"Content-Length", "0"}, {"x-ms-meta-hdi_isfolder", "true"}});
    }
    f.Listed(entries, last ? "" : fmt::format("at {}", at));
    const auto page = f.store.List({.recursive = true, .continuation = continuation}, {});
    ASSERT_TRUE(page);
    continuation = page->continuation;
    EXPECT_LT(continuation.size(), 100U) << "one sibling is held back";
    shown += static_cast<int>(page->entries.size());
  }
  EXPECT_EQ(shown, kSiblings);
}

TEST(FlatStore, AFileNeverReplacesADirectorysMarker) {
  Fixture f;
  const auto marker = [&] {
    f.http.Answer(
        200, {{"ETag", "\"0x7\""}, {"Content-Length", "0"}, {"x-ms-meta-hdi_isfolder", "true"}});
  };
  marker();
  EXPECT_EQ(f.store.Put({.key = ObjectKey("d"), .body = AsBytes("x")}, {}).error().code,
            ErrorCode::kIsDirectory);
  marker();
  EXPECT_EQ(f.store.Delete({.key = ObjectKey("d")}, {}).error().code, ErrorCode::kIsDirectory);
  f.Missing().http.Answer(409, {{"x-ms-error-code", "BlobAlreadyExists"}});
  const auto overtaken = f.store.Put({.key = ObjectKey("d"), .body = AsBytes("x")}, {});
  ASSERT_FALSE(overtaken);
  EXPECT_TRUE(overtaken.error().retryable);
  EXPECT_EQ(f.http.operations(),
            (Operations{"azure.head", "azure.head", "azure.head", "azure.put_blob"}));
}

TEST(FlatStore, RecursiveListingIsSortedWithBothKindsOfMarker) {
  Fixture f;
  f.Listed(MarkerXml("dir") + BlobXml("dir-1") + BlobXml("dir/a") + MarkerXml("e/") +
           BlobXml("e/x"));
  const auto page = f.store.List({.recursive = true}, {});
  ASSERT_TRUE(page);
  EXPECT_EQ(PathsOf(*page), (Paths{"dir-1", "dir/", "dir/a", "e/", "e/x"}));
  EXPECT_EQ(f.http.sent(0).url.find("delimiter"), std::string::npos);
}

TEST(FlatStore, RecursiveListingHoldsADirectoryBackOverTheEndOfAPage) {
  Fixture f;
  f.Listed(MarkerXml("dir") + BlobXml("dir-1"), "next +/");
  const auto first = f.store.List({.recursive = true}, {});
  ASSERT_TRUE(first);
  EXPECT_EQ(PathsOf(*first), Paths{"dir-1"});
  f.http.Answer(200, {{"Content-Length", "0"}, {"x-ms-meta-hdi_isfolder", "true"}});
  f.Listed(BlobXml("dir-2") + BlobXml("dir/a"));
  const auto second = f.store.List({.recursive = true, .continuation = first->continuation}, {});
  ASSERT_TRUE(second);
  EXPECT_EQ(PathsOf(*second), (Paths{"dir-2", "dir/", "dir/a"}));
  EXPECT_TRUE(second->continuation.empty());
  EXPECT_NE(f.http.sent(2).url.find("&marker=next%20%2B%2F&"), std::string::npos);
}

TEST(FlatStore, HeadFindsADirectoryByItsMarkerOrByAChild) {
  Fixture f;
  f.Missing().Listed(MarkerXml("d/"));
  const auto marked = f.store.Head(ObjectKey("d"), {});
  ASSERT_TRUE(marked);
  EXPECT_EQ(marked->kind, NodeKind::kDirectory);
  EXPECT_EQ(marked->etag, ETag("0x1"));
  f.Missing().Listed("", "go on").Listed(BlobXml("d/x"));  // an empty page proves nothing
  const auto prefix = f.store.Head(ObjectKey("d"), {});
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->kind, NodeKind::kDirectory);
  EXPECT_TRUE(prefix->etag.empty());
  EXPECT_TRUE(prefix->attributes);
  f.Missing().Listed("");
  EXPECT_EQ(f.store.Head(ObjectKey("d"), {}).error().code, ErrorCode::kNotFound);
}

TEST(FlatStore, LargeFileIsBlocksAndTheirList) {
  Fixture f;
  const auto id = f.store.StartUpload({.key = ObjectKey("f")}, {});
  ASSERT_TRUE(id);
  EXPECT_EQ(f.http.sent_count(), 0U);
  f.http.Answer(201).Answer(201).Answer(201, {{"ETag", "\"0x9\""}});
  const auto second = f.store.UploadPart({.upload = *id,
                                          .key = ObjectKey("f"),
                                          .part_number = 12345,
                                          .offset_bytes = 5,
                                          .body = AsBytes("end")},
                                         {});
  const auto first = f.store.UploadPart({.upload = *id,
                                         .key = ObjectKey("f"),
                                         .part_number = 1,
                                         .offset_bytes = 0,
                                         .body = AsBytes("start")},
                                        {});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->tag.size(), second->tag.size());  // ids of one blob have one length
  const auto info =
      f.store.CommitUpload({.upload = *id,
                            .key = ObjectKey("f"),
                            .parts = {*first, *second},
                            .attributes = {.mode = 0600},
                            .conditions = {.if_match = std::nullopt, .must_not_exist = true}},
                           {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->size_bytes, 8U);
  EXPECT_EQ(info->etag, ETag("0x9"));
  EXPECT_EQ(info->attributes->mode, 0600U);
  EXPECT_TRUE(info->attributes->foreign.empty());
  const auto commit = f.http.sent(2);
  EXPECT_NE(
      commit.body.find("<Latest>" + first->tag + "</Latest><Latest>" + second->tag + "</Latest>"),
      std::string::npos);
  EXPECT_EQ(HeaderOf(commit, "If-None-Match"), "*");
  EXPECT_EQ(info->digests.crc32c, Crc32c(AsBytes("startend")));
  EXPECT_EQ(HeaderOf(commit, "x-ms-meta-skybridge_crc32c"),
            "8:" + EncodeCrc32c(Crc32c(AsBytes("startend"))) + ":1767608430");
}

TEST(FlatStore, RepeatedCommitRecognisesTheFileByItsUpload) {
  Fixture f;
  const auto id = f.store.StartUpload({.key = ObjectKey("f")}, {});
  ASSERT_TRUE(id);
  const CommitUploadRequest commit{
      .upload = *id, .key = ObjectKey("f"), .conditions = {.if_match = ETag("0x1")}};
  const std::string nonce = id->value.substr(0, id->value.find('-'));
  f.http.Answer(412, {{"x-ms-error-code", "ConditionNotMet"}})
      .Answer(
          200,
          {{"ETag", "\"0x2\""}, {"Content-Length", "0"}, {"x-ms-meta-Skybridge_Upload", nonce}});
  EXPECT_EQ(f.store.CommitUpload(commit, kRetried)->etag, ETag("0x2"));
  f.http.Answer(412, {{"x-ms-error-code", "ConditionNotMet"}})
      .Answer(
          200,
          {{"ETag", "\"0x3\""}, {"Content-Length", "0"}, {"x-ms-meta-skybridge_upload", "other"}});
  EXPECT_EQ(f.store.CommitUpload(commit, kRetried).error().code, ErrorCode::kPreconditionFailed);
}

TEST(FlatStore, CommitOfBlocksThatAreGoneIsNotFound) {
  Fixture f;
  const auto id = f.store.StartUpload({.key = ObjectKey("f")}, {});
  ASSERT_TRUE(id);
  f.Missing().http.Answer(400, {{"x-ms-error-code", "InvalidBlockList"}});
  f.Missing();
  EXPECT_EQ(f.store.CommitUpload({.upload = *id, .key = ObjectKey("f")}, {}).error().code,
            ErrorCode::kNotFound);
}

TEST(FlatStore, LatePartsAndCommitsOfAnAbortedUploadAreRefused) {
  Fixture f;
  const auto id = f.store.StartUpload({.key = ObjectKey("f")}, {});
  ASSERT_TRUE(id);
  ASSERT_TRUE(f.store.AbortUpload({.upload = *id, .key = ObjectKey("f")}, {}));
  EXPECT_EQ(f.store.UploadPart({.upload = *id, .key = ObjectKey("f"), .body = AsBytes("x")}, {})
                .error()
                .code,
            ErrorCode::kNotFound);
  EXPECT_EQ(f.store.CommitUpload({.upload = *id, .key = ObjectKey("f")}, {}).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(f.http.sent_count(), 0U);
}

TEST(FlatStore, RefusesAnUploadNameThatIsNotItsOwn) {
  Fixture f;
  for (const char* name : {"", "x", "0123456789abcdef", "0123456789abcdefX0123456789abcdef",
                           "zzzz456789abcdef-0123456789abcdef"}) {
    EXPECT_EQ(f.store.AbortUpload({.upload = {name}, .key = ObjectKey("f")}, {}).error().code,
              ErrorCode::kInvalidArgument)
        << name;
  }
}

TEST(FlatStore, WriteOverAVersionThatIsGoneHasLost) {
  Fixture f;
  f.Missing();
  const auto put = f.store.Put(
      {.key = ObjectKey("f"), .body = AsBytes("x"), .conditions = {.if_match = ETag("0x1")}}, {});
  EXPECT_EQ(put.error().code, ErrorCode::kPreconditionFailed);
}

TEST(FlatStore, MakesADirectoryAsAMarkerThatOtherToolsRead) {
  Fixture f;
  f.Missing().Listed("").http.Answer(201, {{"ETag", "\"0x1\""}});
  const auto made = f.store.MakeDirectory({.key = ObjectKey("d")}, {});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->kind, NodeKind::kDirectory);
  const auto put = f.http.sent(2);
  EXPECT_EQ(put.url, "https://a.blob.core.windows.net/c/d");
  EXPECT_EQ(put.body, "");
  EXPECT_EQ(HeaderOf(put, "x-ms-meta-hdi_isfolder"), "true");
  EXPECT_EQ(HeaderOf(put, "If-None-Match"), "*");
}

TEST(FlatStore, MakeDirectoryFailsOnAnythingOfThatName) {
  Fixture f;
  f.Blob().Listed("");
  EXPECT_EQ(f.store.MakeDirectory({.key = ObjectKey("d")}, {}).error().code,
            ErrorCode::kAlreadyExists);
  f.Missing().Listed(BlobXml("d/x"));
  EXPECT_EQ(f.store.MakeDirectory({.key = ObjectKey("d")}, {}).error().code,
            ErrorCode::kAlreadyExists);
}

TEST(FlatStore, RepeatedMakeDirectoryRecognisesItsFirstAttempt) {
  Fixture f;
  f.http.Answer(200, {{"Content-Length", "0"}, {"x-ms-meta-hdi_isfolder", "true"}});
  f.Listed("").http.Answer(409, {{"x-ms-error-code", "BlobAlreadyExists"}});
  f.http.Answer(200, {{"ETag", "\"0x1\""},
                      {"Content-Length", "0"},
                      {"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="},
                      {"x-ms-meta-hdi_isfolder", "true"}});
  const auto made = f.store.MakeDirectory({.key = ObjectKey("d")}, kRetried);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->kind, NodeKind::kDirectory);
}

TEST(FlatStore, RemoveDirectoryDeletesMarkersOfBothKindsAndNothingElse) {
  Fixture f;
  f.http.Answer(200,
                {{"ETag", "\"0x7\""}, {"Content-Length", "0"}, {"x-ms-meta-hdi_isfolder", "true"}});
  f.Listed(MarkerXml("d/")).http.Answer(202).Answer(202);
  EXPECT_TRUE(f.store.RemoveDirectory(ObjectKey("d"), {}));
  EXPECT_EQ(f.http.sent(2).url, "https://a.blob.core.windows.net/c/d/");
  EXPECT_EQ(HeaderOf(f.http.sent(2), "If-Match"), "\"0x1\"");
  EXPECT_EQ(f.http.sent(3).url, "https://a.blob.core.windows.net/c/d");
  EXPECT_EQ(HeaderOf(f.http.sent(3), "If-Match"), "\"0x7\"");
}

TEST(FlatStore, RemoveDirectoryRefusesChildrenFilesAndNothing) {
  Fixture f;
  f.Missing().Listed(MarkerXml("d/") + BlobXml("d/x"));
  EXPECT_EQ(f.store.RemoveDirectory(ObjectKey("d"), {}).error().code, ErrorCode::kNotEmpty);
  f.Blob().Listed("");
  EXPECT_EQ(f.store.RemoveDirectory(ObjectKey("d"), {}).error().code, ErrorCode::kNotDirectory);
  f.Missing().Listed("");
  EXPECT_EQ(f.store.RemoveDirectory(ObjectKey("d"), {}).error().code, ErrorCode::kNotFound);
  f.Missing().Listed("");
  EXPECT_TRUE(f.store.RemoveDirectory(ObjectKey("d"), kRetried));
}

TEST(FlatStore, SetAttributesTurnsAPrefixIntoADirectoryThatExistsByItself) {
  Fixture f;
  f.Missing().Listed(BlobXml("d/x")).http.Answer(201, {{"ETag", "\"0x3\""}});
  const auto info = f.store.SetAttributes({.key = ObjectKey("d"),
                                           .kind = NodeKind::kDirectory,
                                           .attributes = {.mode = 0700},
                                           .if_match = ETag()},
                                          {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->etag, ETag("0x3"));
  EXPECT_EQ(f.http.sent(2).operation, "azure.put_blob");
}

TEST(FlatStore, SetAttributesKeepsTheMarkerOfAnotherTool) {
  Fixture f;
  f.Missing().Listed(MarkerXml("d/") + BlobXml("d/x"));
  f.Blob("\"0x1\"", "0").http.Answer(200, {{"ETag", "\"0x8\""}});
  const auto info = f.store.SetAttributes(
      {.key = ObjectKey("d"), .kind = NodeKind::kDirectory, .attributes = {}}, {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->etag, ETag("0x8"));
  EXPECT_EQ(f.http.sent(3).url, "https://a.blob.core.windows.net/c/d/?comp=metadata");
  EXPECT_EQ(HeaderOf(f.http.sent(3), "x-ms-meta-hdi_isfolder"), "true");
}

TEST(FlatStore, AKnownMarkerGetsItsAttributesWithoutAListing) {
  const SetAttributesRequest request{.key = ObjectKey("d"),
                                     .kind = NodeKind::kDirectory,
                                     .attributes = {.mode = 0700},
                                     .if_match = ETag("0x1")};
  Fixture f;
  f.Blob("\"0x1\"", "0").http.Answer(200, {{"ETag", "\"0x2\""}});
  const auto info = f.store.SetAttributes(request, {});
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(info->kind, NodeKind::kDirectory);
  EXPECT_EQ(info->etag, ETag("0x2"));
  EXPECT_EQ(f.http.operations(), (Operations{"azure.head", "azure.set_metadata"}));
  EXPECT_EQ(f.http.sent(1).url, "https://a.blob.core.windows.net/c/d?comp=metadata");
  // No marker of ours: another tool's may be there, or none.
  f.Missing().Missing().Listed("");
  EXPECT_EQ(f.store.SetAttributes(request, {}).error().code, ErrorCode::kNotFound);
}

TEST(FlatStore, ADirectoryOfAListingIsFoundByItsMarker) {
  Fixture f;
  f.http.Answer(200,
                {{"ETag", "\"0x1\""}, {"Content-Length", "0"}, {"x-ms-meta-hdi_isfolder", "true"}});
  const auto marker = f.store.HeadDirectory(ObjectKey("d"), {});
  ASSERT_TRUE(marker) << marker.error().ToString();
  EXPECT_EQ(marker->kind, NodeKind::kDirectory);
  EXPECT_EQ(marker->key, ObjectKey("d"));
  EXPECT_EQ(f.http.operations(), (Operations{"azure.head"}));
  EXPECT_EQ(f.http.sent(0).url, "https://a.blob.core.windows.net/c/d");
  f.Missing().Listed(BlobXml("d/x"));
  const auto prefix = f.store.HeadDirectory(ObjectKey("d"), {});
  ASSERT_TRUE(prefix) << prefix.error().ToString();
  EXPECT_TRUE(prefix->etag.empty());
}

TEST(FlatStore, WhatTheCallerHasLookedAtIsNotLookedAtAgain) {
  Fixture f;
  f.http.Answer(201, {{"ETag", "\"0x1\""}});
  ASSERT_TRUE(f.store.MakeDirectory({.key = ObjectKey("d"), .nothing_there = true}, {}));
  EXPECT_EQ(f.http.operations(), (Operations{"azure.put_blob"}));
  EXPECT_EQ(HeaderOf(f.http.sent(0), "If-None-Match"), "*");
  f.Blob("\"0x1\"", "5");
  f.http.Answer(202, {{"ETag", "\"0x2\""}, {"x-ms-copy-id", "1"}, {"x-ms-copy-status", "success"}})
      .Answer(202);
  ASSERT_TRUE(f.store.Rename(
      {.source = ObjectKey("a"), .destination = ObjectKey("b"), .no_directory_there = true}, {}));
  EXPECT_EQ(f.http.operations(),
            (Operations{"azure.put_blob", "azure.head", "azure.copy", "azure.delete"}));
}

TEST(FlatStore, DeleteOfADirectoryOrOfNothing) {
  Fixture f;
  f.Missing().Listed(BlobXml("d/x"));
  EXPECT_EQ(f.store.Delete({.key = ObjectKey("d")}, {}).error().code, ErrorCode::kIsDirectory);
  f.Missing().Listed("");
  EXPECT_EQ(f.store.Delete({.key = ObjectKey("d")}, {}).error().code, ErrorCode::kNotFound);
  f.Missing();
  EXPECT_TRUE(f.store.Delete({.key = ObjectKey("d")}, kRetried));
}

TEST(FlatStore, RenamesAFileByCopyAndDeletionOfThatVersion) {
  Fixture f;
  f.Blob("\"0x1\"", "5").Listed("").Missing();
  f.http.Answer(202, {{"ETag", "\"0x2\""}, {"x-ms-copy-id", "1"}, {"x-ms-copy-status", "success"}})
      .Answer(202);
  const auto info = f.store.Rename({.source = ObjectKey("a b"), .destination = ObjectKey("n")}, {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->key, ObjectKey("n"));
  EXPECT_EQ(info->etag, ETag("0x2"));
  EXPECT_EQ(info->size_bytes, 5U);
  EXPECT_EQ(f.http.operations(), (Operations{"azure.head", "azure.list_blobs", "azure.head",
                                             "azure.copy", "azure.delete"}));
  EXPECT_EQ(HeaderOf(f.http.sent(3), "x-ms-copy-source"),
            "https://a.blob.core.windows.net/c/a%20b");
  EXPECT_EQ(HeaderOf(f.http.sent(3), "x-ms-source-if-match"), "\"0x1\"");
  EXPECT_EQ(HeaderOf(f.http.sent(4), "If-Match"), "\"0x1\"");
}

TEST(FlatStore, RenamesAVersionItIsToldWithoutALook) {
  Fixture f;
  f.http.Answer(202, {{"ETag", "\"0x2\""}, {"x-ms-copy-id", "1"}, {"x-ms-copy-status", "success"}})
      .Answer(202);
  const ObjectInfo known{
      .size_bytes = 5, .etag = ETag("0x1"), .attributes = Attributes{.mode = 0600}};
  const auto info = f.store.Rename({.source = ObjectKey("a"),
                                    .destination = ObjectKey("n"),
                                    .source_if_match = ETag("0x1"),
                                    .source_info = known,
                                    .no_directory_there = true},
                                   {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->key, ObjectKey("n"));
  EXPECT_EQ(info->etag, ETag("0x2"));
  EXPECT_EQ(info->size_bytes, 5U);
  EXPECT_EQ(info->attributes, known.attributes);
  EXPECT_EQ(f.http.operations(), (Operations{"azure.copy", "azure.delete"}));
  EXPECT_EQ(HeaderOf(f.http.sent(0), "x-ms-source-if-match"), "\"0x1\"");
}

TEST(FlatStore, RenameWaitsForACopyThatTakesTime) {
  Fixture f;
  f.clock.AdvanceBySleeping(true);
  f.Blob().Listed("").Missing();
  f.http.Answer(202, {{"x-ms-copy-id", "1"}, {"x-ms-copy-status", "pending"}})
      .Answer(200, {{"x-ms-copy-id", "1"}, {"x-ms-copy-status", "pending"}})
      .Answer(200, {{"x-ms-copy-id", "1"}, {"x-ms-copy-status", "success"}, {"ETag", "\"0x4\""}})
      .Answer(202);
  EXPECT_EQ(f.store.Rename({.source = ObjectKey("a"), .destination = ObjectKey("b")}, {})->etag,
            ETag("0x4"));
}

TEST(FlatStore, RenameKeepsTheSourceWhenTheCopyFails) {
  Fixture f;
  f.clock.AdvanceBySleeping(true);
  f.Blob().Listed("").Missing();
  f.http.Answer(202, {{"x-ms-copy-id", "1"}, {"x-ms-copy-status", "pending"}})
      .Answer(200, {{"x-ms-copy-id", "1"}, {"x-ms-copy-status", "failed"}});
  const auto failed = f.store.Rename({.source = ObjectKey("a"), .destination = ObjectKey("b")}, {});
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().retryable);
  EXPECT_EQ(f.http.operations().back(), "azure.head");
}

TEST(FlatStore, RenameEndsAtTheDeadlineOfACopyThatNeverEnds) {
  Fixture f;
  f.clock.AdvanceBySleeping(true);
  f.Blob().Listed("").Missing();
  f.http.Answer(202, {{"x-ms-copy-id", "1"}, {"x-ms-copy-status", "pending"}});
  const auto late = f.store.Rename({.source = ObjectKey("a"), .destination = ObjectKey("b")},
                                   {.deadline = f.clock.Now() + std::chrono::milliseconds(50)});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimedOut);
}

TEST(FlatStore, RepeatedRenameRecognisesTheCopyItMade) {
  Fixture f;
  const auto copy = [&](const char* source, const char* done, const char* status = "success") {
    f.http.Answer(200, {{"ETag", "\"0x2\""},
                        {"Content-Length", "5"},
                        {"x-ms-copy-source", source},
                        {"x-ms-copy-status", status},
                        {"x-ms-copy-completion-time", done}});
  };
  const RenameRequest rename{
      .source = ObjectKey("a"),
      .destination = ObjectKey("b"),
      .destination_conditions = {.if_match = std::nullopt, .must_not_exist = true}};
  const char* const ours = "https://a.blob.core.windows.net/c/a";
  const char* const later = "Mon, 05 Jan 2026 10:20:31 GMT";
  // The reply to the copy is lost, and then the source is gone already.
  f.Blob().Listed("").http.Break(
      {.code = ErrorCode::kUnavailable, .message = "cut", .retryable = true});
  EXPECT_FALSE(f.store.Rename(rename, {}));
  f.Missing();
  copy(ours, later);
  EXPECT_TRUE(f.store.Rename(rename, kRetried));
  // The source is still there, the copy is done.
  f.Blob().Listed("").http.Answer(409, {{"x-ms-error-code", "BlobAlreadyExists"}});
  copy(ours, later);
  f.http.Answer(202);
  EXPECT_EQ(f.store.Rename(rename, kRetried)->etag, ETag("0x2"));
  EXPECT_EQ(f.http.operations().back(), "azure.delete");
  // A copy of an older file of that name proves nothing: the source stays.
  f.Blob().Listed("").http.Answer(409, {{"x-ms-error-code", "BlobAlreadyExists"}});
  copy(ours, "Mon, 05 Jan 2026 10:20:30 GMT");
  EXPECT_EQ(f.store.Rename(rename, kRetried).error().code, ErrorCode::kAlreadyExists);
  // A copy that is not done, or failed: the source is all that there is.
  for (const char* status : {"pending", "failed", "aborted"}) {
    f.Blob().Listed("").http.Answer(409, {{"x-ms-error-code", "BlobAlreadyExists"}});
    copy(ours, later, status);
    EXPECT_EQ(f.store.Rename(rename, kRetried).error().code, ErrorCode::kAlreadyExists);
    EXPECT_NE(f.http.operations().back(), "azure.delete");
  }
  // A copy of something else.
  f.Missing();
  copy("https://a.blob.core.windows.net/c/z", later);
  EXPECT_EQ(f.store.Rename(rename, kRetried).error().code, ErrorCode::kNotFound);
}

TEST(FlatStore, RenameOfAFileOverADirectoryIsRefused) {
  Fixture f;
  f.Blob().Listed(BlobXml("b/x"));
  EXPECT_EQ(
      f.store.Rename({.source = ObjectKey("a"), .destination = ObjectKey("b")}, {}).error().code,
      ErrorCode::kIsDirectory);
}

// A flat account in memory: names and ETags are enough for renames of directories.
class FlatAccount final : public HttpTransport {
 public:
  std::map<std::string, std::string> blobs;  // name to metadata XML
  std::size_t page_size = 2;
  int fail_copies_after = -1;
  Operations changes;
  Operations unpinned;  // copies and deletions of whatever version there is

  Result<HttpResponse> Send(const HttpRequest& request, const CallContext& /*context*/) override {
    MutexLock lock(mutex_);
    auto response = Answer(request);
    if (response) response->headers.Add("x-ms-request-id", "fake");
    return response;
  }

 private:
  Result<HttpResponse> Answer(const HttpRequest& request) {
    const std::string name = NameOf(request.url);
    if (request.operation == "azure.list_blobs") return List(request.url);
    if (request.operation == "azure.copy") return Copy(request, name);
    if (request.operation == "azure.put_blob") return Put(request, name);
    if (!blobs.contains(name)) return HttpResponse{.status = 404};
    if (request.operation == "azure.delete") {
      blobs.erase(name);
      changes.push_back("delete " + name);
      if (request.headers.Get("If-Match") != "\"0x1\"") unpinned.push_back(changes.back());
      return HttpResponse{.status = 202};
    }
    HttpResponse found{.status = 200};
    found.headers.Add("ETag", "\"0x1\"");
    found.headers.Add("Content-Length", Size(name));
    AddMetadata(blobs.at(name), found);
    return found;
  }
  std::string Size(const std::string& name) const {
    return blobs.at(name).find("hdi_isfolder") == std::string::npos ? "1" : "0";
  }
  // "<name>value</name>" each.
  static void AddMetadata(std::string_view xml, HttpResponse& response) {
    while (!xml.empty()) {
      const auto name_end = xml.find('>');
      const auto value_end = xml.find("</");
      const std::string name(xml.substr(1, name_end - 1));
      response.headers.Add("x-ms-meta-" + name,
                           std::string(xml.substr(name_end + 1, value_end - name_end - 1)));
      xml.remove_prefix(value_end + 2 + name.size() + 1);
    }
  }
  static std::string NameOf(const std::string& url) {
    constexpr std::string_view kContainer = "https://a.blob.core.windows.net/c/";
    return url.starts_with(kContainer) ? url.substr(kContainer.size()) : std::string();
  }
  HttpResponse List(const std::string& url) const {
    const auto at = url.find("&prefix=") + 8;
    const std::string prefix = *PercentDecode(url.substr(at, url.find('&', at) - at));
    std::string entries;
    std::size_t count = 0;
    for (const auto& [name, metadata] : blobs) {
      if (name.starts_with(prefix) && count++ < page_size)
        entries += BlobXml(name, metadata, Size(name));
    }
    return {.status = 200, .body = ListXml(entries)};
  }
  HttpResponse Put(const HttpRequest& request, const std::string& name) {
    std::string metadata;
    for (const auto& [field, value] : request.headers) {
      constexpr std::string_view kPrefix = "x-ms-meta-";
      if (!field.starts_with(kPrefix)) continue;
      const std::string key = field.substr(kPrefix.size());
      metadata += "<" + key + ">" + value + "</" + key + ">";
    }
    const bool pinned =
        request.headers.Get(blobs.contains(name) ? "If-Match" : "If-None-Match") != "";
    blobs[name] = metadata;
    changes.push_back("put " + name);
    if (!pinned) unpinned.push_back(changes.back());
    HttpResponse made{.status = 201};
    made.headers.Add("ETag", "\"0x1\"");
    return made;
  }
  Result<HttpResponse> Copy(const HttpRequest& request, const std::string& name) {
    if (fail_copies_after == 0)
      return Fail(Error{.code = ErrorCode::kUnavailable, .message = "cut", .retryable = true});
    if (fail_copies_after > 0) --fail_copies_after;
    blobs[name] = blobs.at(NameOf(std::string(request.headers.Get("x-ms-copy-source"))));
    changes.push_back("copy " + name);
    if (request.headers.Get("x-ms-source-if-match") != "\"0x1\"")
      unpinned.push_back(changes.back());
    HttpResponse done{.status = 202};
    done.headers.Add("x-ms-copy-status", "success");
    return done;
  }

  Mutex mutex_;
};

struct TreeFixture {
  FakeClock clock;
  FlatAccount account;
  FlatStore store{StoreOptions(), account, clock};
  RenameRequest rename{
      .source = ObjectKey("s"), .destination = ObjectKey("t"), .kind = NodeKind::kDirectory};

  TreeFixture() {
    account.blobs = {{"s", "<hdi_isfolder>true</hdi_isfolder>"},
                     {"s/", "<hdi_isfolder>true</hdi_isfolder>"},
                     {"s/1", ""},
                     {"s/2", ""},
                     {"s/u/3", ""},
                     {"s2", ""}};
  }
  Paths Names() const {
    Paths names;
    for (const auto& [name, metadata] : account.blobs) names.push_back(name);
    return names;
  }
};

TEST(FlatStore, RenamesADirectoryObjectByObjectBetweenTwoWritesOfItsMarker) {
  TreeFixture f;
  const auto info = f.store.Rename(f.rename, {});
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->key, ObjectKey("t"));
  EXPECT_EQ(f.Names(), (Paths{"s2", "t", "t/1", "t/2", "t/u/3"}));
  EXPECT_EQ(f.account.unpinned, Operations{}) << "somebody's new version would be lost";
  EXPECT_EQ(f.account.changes.front(), "put t");
  EXPECT_EQ(f.account.changes.back(), "put t");
  EXPECT_EQ(f.account.blobs.at("t").find("moving_from"), std::string::npos);
}

TEST(FlatStore, ADirectoryRenameMovesContentThatHasAMarkersName) {
  TreeFixture f;
  f.account.blobs["s/"] = "";  // one byte
  ASSERT_TRUE(f.store.Rename(f.rename, {}));
  EXPECT_EQ(f.Names(), (Paths{"s2", "t", "t/", "t/1", "t/2", "t/u/3"}));
}

TEST(FlatStore, InterruptedDirectoryRenameGoesOnWhenCalledAgain) {
  TreeFixture f;
  f.account.fail_copies_after = 2;
  const auto cut = f.store.Rename(f.rename, {});
  ASSERT_FALSE(cut);
  EXPECT_TRUE(cut.error().retryable);
  EXPECT_EQ(f.account.blobs.size(), 7U);  // nothing is lost, and the marker tells
  f.account.fail_copies_after = -1;
  FlatStore after_restart(StoreOptions(), f.account, f.clock);
  ASSERT_TRUE(after_restart.Rename(f.rename, {}));
  EXPECT_EQ(f.Names(), (Paths{"s2", "t", "t/1", "t/2", "t/u/3"}));
  ASSERT_TRUE(f.store.Rename(f.rename, kRetried));  // and once more, when the last reply was lost
  // Of another call nothing is remembered.
  EXPECT_EQ(f.store.Rename(f.rename, kRetried).error().code, ErrorCode::kNotFound);
}

TEST(FlatStore, DirectoryRenameRefusesWhatIsInTheWay) {
  TreeFixture f;
  f.account.blobs["t/x"] = "";
  EXPECT_EQ(f.store.Rename(f.rename, {}).error().code, ErrorCode::kNotEmpty);
  f.rename.destination_conditions.must_not_exist = true;
  EXPECT_EQ(f.store.Rename(f.rename, {}).error().code, ErrorCode::kAlreadyExists);
  f.rename.destination_conditions.must_not_exist = false;
  f.account.blobs.erase("t/x");
  f.account.blobs["t"] = "";
  EXPECT_EQ(f.store.Rename(f.rename, {}).error().code, ErrorCode::kNotDirectory);
  f.rename.destination = ObjectKey("s/u");
  EXPECT_EQ(f.store.Rename(f.rename, {}).error().code, ErrorCode::kInvalidArgument);
  f.rename.source = ObjectKey("nothing");
  EXPECT_EQ(f.store.Rename(f.rename, {}).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace skybridge::azure
