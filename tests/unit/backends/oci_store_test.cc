#include "backends/oci/oci_store.h"

#include <array>
#include <cstring>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/digest.h"
#include "core/time_text.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_transport.h"
#include "tests/unit/backends/oci_test_key.h"

namespace skybridge::oci {
namespace {

using skybridge::testing::FakeClock;
using skybridge::testing::ScriptedTransport;
using Operations = std::vector<std::string>;

// Gives another identity after each Renew, `renewals` times.
class TestIdentities final : public IdentityProvider {
 public:
  explicit TestIdentities(int renewals) : renewals_(renewals) {
    key_ = std::make_shared<const PrivateKey>(
        PrivateKey::FromPem(testing::kPkcs8, "", "of the test").value());
  }
  Result<std::shared_ptr<const Identity>> Current(const CallContext& /*context*/) override {
    return std::make_shared<const Identity>(Identity{"key-" + std::to_string(generation_), key_});
  }
  bool Renew(const Identity&) override { return generation_++ < renewals_; }

 private:
  const int renewals_;
  int generation_ = 0;
  std::shared_ptr<const PrivateKey> key_;
};

class OciStoreTest : public ::testing::Test {
 protected:
  OciStoreTest() { Open({}); }

  void Open(const ObjectKey& root, int renewals = 0) {
    store_ = MakeOciStore({.endpoint = "http://host:9000",
                           .region = "iad",
                           .name_space = "ns",
                           .bucket = "b",
                           .root = root,
                           .environment = [](std::string_view) { return std::nullopt; }},
                          transport_, std::make_unique<TestIdentities>(renewals), clock_)
                 .value();
  }
  static std::string Crc(std::string_view text) { return EncodeCrc32c(Crc32c(AsBytes(text))); }
  static std::string Listing(const std::string& objects, const std::string& more = {}) {
    return R"({"objects":[)" + objects + "]" + more + "}";
  }
  void AnswerHead(std::string_view content) {
    transport_.Answer(200, {{"etag", "v1"},
                            {"content-length", std::to_string(content.size())},
                            {"content-type", "text/plain"},
                            {"opc-content-crc32c", Crc(content)},
                            {"opc-meta-mtime", "1.5"}});
  }
  // All of a file, as a GET tells it.
  void AnswerGet(const std::string& content) {
    const std::string last = std::to_string(content.size() - 1);
    transport_.Answer(206,
                      {{"etag", "v1"},
                       {"content-range", "bytes 0-" + last + "/" + std::to_string(content.size())},
                       {"content-type", "text/plain"},
                       {"opc-content-crc32c", Crc(content)},
                       {"opc-meta-md5chksum", "XrY7u+Ae7tCTyyK7j1rNww=="}},
                      content);
  }
  std::string SentBody(std::size_t index) { return transport_.sent(index).body; }

  FakeClock clock_;
  ScriptedTransport transport_;
  std::unique_ptr<ObjectStore> store_;
  const CallContext context_;
  const CallContext retried_{.retried = true};
};

TEST_F(OciStoreTest, HeadReadsAttributesOfAFile) {
  transport_.Answer(200, {{"etag", "v1"},
                          {"content-length", "3"},
                          {"opc-meta-mtime", "1.5"},
                          {"opc-meta-mode", "0100640"}});
  const auto info = store_->Head(ObjectKey("a/b"), context_);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->kind, NodeKind::kFile);
  EXPECT_EQ(info->size_bytes, 3U);
  EXPECT_EQ(info->attributes->mode, 0640U);
  EXPECT_EQ(info->attributes->mtime, ParseUnixSeconds("1.5").value());
}

TEST_F(OciStoreTest, HeadFindsDirectoriesByMarkerAndByPrefix) {
  transport_.Answer(404).Answer(200, {}, Listing(R"({"name":"d/","size":0,"etag":"m"})"));
  transport_.Answer(200, {{"etag", "m"}, {"content-length", "0"}, {"opc-meta-mode", "040750"}});
  const auto marker = store_->Head(ObjectKey("d"), context_);
  ASSERT_TRUE(marker);
  EXPECT_EQ(marker->kind, NodeKind::kDirectory);
  EXPECT_EQ(marker->etag, ETag("m"));
  EXPECT_EQ(marker->attributes->mode, 0750U);

  transport_.Answer(404).Answer(200, {}, Listing(R"({"name":"d/x","size":0,"etag":"m"})"));
  const auto prefix = store_->Head(ObjectKey("d"), context_);
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->kind, NodeKind::kDirectory);
  EXPECT_TRUE(prefix->etag.empty());
  EXPECT_TRUE(prefix->attributes);

  transport_.Answer(404).Answer(200, {}, Listing(""));
  EXPECT_EQ(store_->Head(ObjectKey("d"), context_).error().code, ErrorCode::kNotFound);
}

TEST_F(OciStoreTest, AsksForTheNamespaceOnceWhenItIsNotGiven) {
  store_ = MakeOciStore({.endpoint = "http://host:9000", .bucket = "b"}, transport_,
                        std::make_unique<TestIdentities>(0), clock_)
               .value();
  transport_.Answer(200, {}, "\"found\"").Answer(200, {}, Listing("")).Answer(200, {}, Listing(""));
  ASSERT_TRUE(store_->List({}, context_));
  ASSERT_TRUE(store_->List({}, context_));
  EXPECT_EQ(transport_.operations(),
            (Operations{"oci.get_namespace", "oci.list_objects", "oci.list_objects"}));
  EXPECT_TRUE(transport_.sent(1).url.starts_with("http://host:9000/n/found/b/b/o?"));
}

TEST_F(OciStoreTest, ListsObjectsAndPrefixesInPathOrderAndHidesTheMarker) {
  Open(ObjectKey("root"));
  transport_.Answer(200, {},
                    Listing(R"({"name":"root/d/","size":0},{"name":"root/d/a","size":1,"etag":"v"},
                                        {"name":"root/d/z","size":2})",
                            R"(,"prefixes":["root/d/m/","root/d//"])"));
  const auto page = store_->List({.directory = ObjectKey("d")}, context_);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 4U);
  EXPECT_EQ(page->entries[0].key, ObjectKey("d").child(""));
  EXPECT_EQ(page->entries[0].kind, NodeKind::kDirectory);
  EXPECT_EQ(page->entries[1].key.path, "d/a");
  EXPECT_EQ(page->entries[2].key.path, "d/m");
  EXPECT_EQ(page->entries[2].kind, NodeKind::kDirectory);
  EXPECT_EQ(page->entries[3].key.path, "d/z");
  EXPECT_FALSE(page->entries[1].attributes);
  EXPECT_TRUE(page->hidden_names.empty());
  EXPECT_TRUE(page->continuation.empty());
}

TEST_F(OciStoreTest, NamesThatAreNoPlainPathsHaveKeysAllTheSame) {
  transport_.Answer(200, {}, Listing(R"({"name":"../y","size":1},{"name":"/lead","size":1},
                               {"name":"p//q","size":1})"));
  const auto page = store_->List({.recursive = true}, context_);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 3U);
  EXPECT_EQ(page->entries[0].key, ObjectKey("..").child("y"));
  EXPECT_EQ(page->entries[1].key, ObjectKey().child("").child("lead"));
  EXPECT_EQ(page->entries[2].key, ObjectKey("p").child("").child("q"));
  for (const ObjectInfo& entry : page->entries) {
    AnswerHead("x");
    ASSERT_TRUE(store_->Head(entry.key, context_));
  }
  EXPECT_TRUE(transport_.sent(1).url.ends_with("/o/..%2Fy")) << transport_.sent(1).url;
  EXPECT_TRUE(transport_.sent(2).url.ends_with("/o/%2Flead")) << transport_.sent(2).url;
  EXPECT_TRUE(transport_.sent(3).url.ends_with("/o/p%2F%2Fq")) << transport_.sent(3).url;
}

TEST_F(OciStoreTest, AMarkerWithBytesIsAFileInItsDirectory) {
  const ObjectKey content = ObjectKey("m").child("");
  const char* const entry = R"({"name":"m/","size":5,"etag":"v1"})";
  transport_.Answer(200, {}, Listing(entry));
  const auto page = store_->List({.directory = ObjectKey("m")}, context_);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 1U);
  EXPECT_EQ(page->entries[0].key, content);
  EXPECT_EQ(page->entries[0].kind, NodeKind::kFile);
  AnswerHead("bytes");
  EXPECT_EQ(store_->Head(content, context_)->kind, NodeKind::kFile);
  AnswerHead("bytes");
  const auto directory = store_->HeadDirectory(ObjectKey("m"), context_);
  ASSERT_TRUE(directory);
  EXPECT_TRUE(directory->etag.empty());
  transport_.Answer(200, {}, Listing(entry));
  EXPECT_EQ(store_->RemoveDirectory(ObjectKey("m"), context_).error().code, ErrorCode::kNotEmpty);
  // Attributes of the directory have no place.
  transport_.Answer(200, {}, Listing(entry)).Answer(412);
  AnswerHead("bytes");
  EXPECT_EQ(store_->SetAttributes({.key = ObjectKey("m"), .kind = NodeKind::kDirectory}, context_)
                .error()
                .code,
            ErrorCode::kNotSupported);
  EXPECT_EQ(store_->Put({.key = content}, context_).error().code, ErrorCode::kInvalidName);
}

TEST_F(OciStoreTest, ADirectoryRenameMovesContentThatHasTheMarkersName) {
  transport_
      .Answer(404)  // no file there
      .Answer(200, {}, Listing(R"({"name":"s/","size":5,"etag":"c"},{"name":"s/x","size":1})"))
      .Answer(404)  // no marker there
      .Answer(200, {}, Listing(""));
  AnswerHead("bytes");  // the source has content, not a marker
  transport_.Answer(200, {{"etag", "mark"}})
      .Answer(200, {{"etag", "x2"}})
      .Answer(200, {}, Listing(R"({"name":"s/","size":5,"etag":"c"})"))
      .Answer(200, {{"etag", "c2"}})
      .Answer(200, {}, Listing(R"({"name":"t/","size":5,"etag":"c2"})"));
  const auto moved = store_->Rename(
      {.source = ObjectKey("s"), .destination = ObjectKey("t"), .kind = NodeKind::kDirectory},
      context_);
  ASSERT_TRUE(moved) << moved.error().ToString();
  EXPECT_EQ(
      SentBody(8),
      R"({"newName":"t/","newObjIfMatchETag":"mark","sourceName":"s/","srcObjIfMatchETag":"c"})");
  const auto operations = transport_.operations();
  EXPECT_EQ(std::count(operations.begin(), operations.end(), "oci.delete_object"), 0);
}

TEST_F(OciStoreTest, JumpsOverTheRestOfAPrefixThatWasReported) {
  transport_.Answer(200, {}, Listing("", R"(,"prefixes":["d/m/"],"nextStartWith":"d/m/later")"));
  auto page = store_->List({.directory = ObjectKey("d")}, context_);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->continuation, "d/m0");
  transport_.Answer(200, {}, Listing("", R"(,"prefixes":["d/mm/"],"nextStartWith":"d/n")"));
  page = store_->List({.directory = ObjectKey("d"), .continuation = page->continuation}, context_);
  EXPECT_NE(transport_.sent(1).url.find("&start=d%2Fm0&"), std::string::npos);
  EXPECT_EQ(page->continuation, "d/n");
}

TEST_F(OciStoreTest, RefusesPagesThatDoNotFollowEachOther) {
  const auto entry = [](std::string_view name) {
    return fmt::format(R"({{"name":"{}","size":1,"etag":"v"}})", name);
  };
  const std::string pages[] = {
      Listing(entry("a"), ""),                         // before where it should start
      Listing("", R"(,"prefixes":["a/"])"),            // likewise
      Listing(entry("n"), R"(,"nextStartWith":"m")"),  // the same page again
      Listing(entry("n"), R"(,"nextStartWith":"a")"),  // back
      Listing(entry("n") + "," + entry("p"), R"(,"nextStartWith":"o")"),  // over a name again
  };
  for (const std::string& page : pages) {
    transport_.Answer(200, {}, page);
    const auto listed = store_->List({.continuation = "m"}, context_);
    ASSERT_FALSE(listed) << page;
    EXPECT_EQ(listed.error().code, ErrorCode::kCorrupt);
  }
  // What a page folds may begin before it.
  transport_.Answer(200, {}, Listing(entry("n"), R"(,"prefixes":["m/"],"nextStartWith":"nn")"));
  EXPECT_TRUE(store_->List({.continuation = "m/later"}, context_));
}

TEST_F(OciStoreTest, AListedObjectWhoseSizeIsNotToldIsNotEmpty) {
  for (const char* size : {"", R"(,"size":null)", R"(,"size":-1)", R"(,"size":1e30)",
                           R"(,"size":9223372036854775808)"}) {
    transport_.Answer(200, {}, Listing(fmt::format(R"({{"name":"f"{},"etag":"v"}})", size)));
    const auto page = store_->List({}, context_);
    ASSERT_FALSE(page) << size;
    EXPECT_EQ(page.error().code, ErrorCode::kCorrupt) << size;
  }
}

TEST_F(OciStoreTest, RecursiveListingsSendNoDelimiterAndShowMarkersAsDirectories) {
  transport_.Answer(
      200, {}, Listing(R"({"name":"d/","size":0,"etag":"m"},{"name":"d/f","size":1,"etag":"v"})"));
  const auto page = store_->List({.recursive = true, .max_entries = 7}, context_);
  ASSERT_TRUE(page);
  EXPECT_EQ(transport_.sent(0).url.find("delimiter"), std::string::npos);
  EXPECT_NE(transport_.sent(0).url.find("limit=7"), std::string::npos);
  EXPECT_EQ(page->entries[0].kind, NodeKind::kDirectory);
  EXPECT_EQ(page->entries[0].key.path, "d");
  EXPECT_EQ(page->entries[0].etag, ETag("m"));
}

TEST_F(OciStoreTest, GetWritesTheRangeAndReportsTheSize) {
  transport_.Answer(206, {{"etag", "v1"}, {"content-range", "bytes 2-4/10"}}, "cde");
  std::array<std::byte, 3> into{};
  const auto reply =
      store_->Get({.key = ObjectKey("a"), .range = {2, 3}, .if_match = ETag("v1")}, into, context_);
  ASSERT_TRUE(reply) << reply.error().ToString();
  EXPECT_EQ(reply->bytes_received, 3U);
  EXPECT_EQ(reply->object_size_bytes, 10U);
  EXPECT_EQ(std::memcmp(into.data(), "cde", 3), 0);
}

TEST_F(OciStoreTest, AWholeObjectIsCheckedAgainstItsDigest) {
  struct Case {
    std::string header, digest, body;
    bool agrees;
  };
  const Case cases[] = {{"opc-content-crc32c", "yZRlqg==", "hello world", true},
                        {"opc-content-crc32c", "yZRlqg==", "hallo world", false},
                        {"content-md5", "XrY7u+Ae7tCTyyK7j1rNww==", "hello world", true},
                        {"content-md5", "XrY7u+Ae7tCTyyK7j1rNww==", "hallo world", false},
                        {"opc-multipart-md5", "4J5P1iZbNhFf49sy35RdhA==-2", "hallo world", true}};
  for (const Case& one : cases) {
    transport_.Answer(
        206, {{"etag", "v1"}, {"content-range", "bytes 0-10/11"}, {one.header, one.digest}},
        one.body);
    std::array<std::byte, 20> into{};
    const auto reply = store_->Get({.key = ObjectKey("a"), .range = {0, 20}}, into, context_);
    EXPECT_EQ(reply.has_value(), one.agrees) << one.header;
    if (one.agrees) continue;
    EXPECT_EQ(reply.error().code, ErrorCode::kCorrupt);
    EXPECT_TRUE(reply.error().retryable);
    EXPECT_NE(reply.error().message.find("the service sent " + one.digest), std::string::npos)
        << reply.error().message;
  }
}

// A 206 carries the digests of the whole object, which say nothing of a part.
TEST_F(OciStoreTest, ARangeIsNotComparedWithTheDigestOfTheWhole) {
  transport_.Answer(
      206, {{"etag", "v1"}, {"content-range", "bytes 0-4/11"}, {"opc-content-crc32c", "yZRlqg=="}},
      "hello");
  std::array<std::byte, 5> into{};
  const auto reply = store_->Get({.key = ObjectKey("a"), .range = {0, 5}}, into, context_);
  ASSERT_TRUE(reply) << reply.error().ToString();
  EXPECT_EQ(reply->checked, StoreDigests{});
}

// What rclone uploaded in parts. Nothing tells that the object was not uploaded again since, with the
// metadata of the version before.
TEST_F(OciStoreTest, AnMd5InTheMetadataStaysWithTheBytesAndIsNotBelieved) {
  const auto head = [&] {
    transport_.Answer(200, {{"etag", "v1"},
                            {"content-length", "11"},
                            {"opc-multipart-md5", "4J5P1iZbNhFf49sy35RdhA==-2"},
                            {"opc-meta-md5chksum", "XrY7u+Ae7tCTyyK7j1rNww=="}});
  };
  head();
  const auto info = store_->Head(ObjectKey("a"), context_);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->digests.md5, std::nullopt);
  EXPECT_TRUE(info->attributes->foreign.empty());

  head();
  transport_.Answer(206, {{"etag", "v1"}, {"content-range", "bytes 0-10/11"}}, "hello world")
      .Answer(200, {{"etag", "v2"}});
  ASSERT_TRUE(
      store_->SetAttributes({.key = ObjectKey("a"), .attributes = {.mode = 0600}}, context_));
  const auto put = transport_.sent(transport_.sent_count() - 1);
  EXPECT_EQ(put.operation, "oci.put_object");
  EXPECT_EQ(put.headers.Get("opc-meta-md5chksum"), "XrY7u+Ae7tCTyyK7j1rNww==");
}

TEST_F(OciStoreTest, AnMd5OfOtherContentIsNotCarriedIntoAWrite) {
  transport_.Answer(200, {{"etag", "v1"}});
  const Attributes attributes{
      .foreign = {{"md5chksum", "XrY7u+Ae7tCTyyK7j1rNww=="}, {"colour", "blue"}}};
  ASSERT_TRUE(store_->Put(
      {.key = ObjectKey("a"), .body = AsBytes("other"), .attributes = attributes}, context_));
  EXPECT_EQ(transport_.sent(0).headers.Find("opc-meta-md5chksum"), nullptr);
  EXPECT_EQ(transport_.sent(0).headers.Get("opc-meta-colour"), "blue");
}

TEST_F(OciStoreTest, ReadingPastTheEndYieldsNothing) {
  transport_.Answer(416, {}, R"({"code":"InvalidRange"})");
  AnswerHead("0123456789");
  std::array<std::byte, 3> into{};
  const auto reply = store_->Get({.key = ObjectKey("a"), .range = {10, 3}, .if_match = ETag("v1")},
                                 into, context_);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->bytes_received, 0U);
  EXPECT_EQ(reply->object_size_bytes, 10U);
  EXPECT_EQ(transport_.sent(1).headers.Get("if-match"), "v1");
}

TEST_F(OciStoreTest, WhatGrewWhileItsEndWasReadIsReadAgain) {
  transport_.Answer(416, {}, R"({"code":"InvalidRange"})");
  AnswerHead("0123456789");
  std::array<std::byte, 3> into{};
  const auto reply = store_->Get({.key = ObjectKey("a"), .range = {9, 3}}, into, context_);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(reply.error().retryable);
}

TEST_F(OciStoreTest, RefusesRangesThatItDidNotAskFor) {
  std::array<std::byte, 3> into{};
  transport_.Answer(206, {{"etag", "v1"}, {"content-range", "bytes 3-5/10"}}, "def");
  EXPECT_EQ(store_->Get({.key = ObjectKey("a"), .range = {2, 3}}, into, context_).error().code,
            ErrorCode::kCorrupt);
  transport_.Answer(206, {{"etag", "v1"}, {"content-range", "bytes 2-4/10"}}, "cd");
  EXPECT_EQ(store_->Get({.key = ObjectKey("a"), .range = {2, 3}}, into, context_).error().code,
            ErrorCode::kCorrupt);
}

TEST_F(OciStoreTest, GetOfADirectorySaysSo) {
  transport_.Answer(404, {}, R"({"code":"ObjectNotFound"})")
      .Answer(200, {}, Listing(R"({"name":"d/x","size":1})"));
  std::array<std::byte, 1> into{};
  EXPECT_EQ(store_->Get({.key = ObjectKey("d"), .range = {0, 1}}, into, context_).error().code,
            ErrorCode::kIsDirectory);
}

TEST_F(OciStoreTest, PutKeepsAttributesAndReportsTheNewVersion) {
  transport_.Answer(200, {{"etag", "v2"},
                          {"opc-content-md5", "XrY7u+Ae7tCTyyK7j1rNww=="},
                          {"opc-content-crc32c", "yZRlqg=="}});
  Attributes attributes;
  attributes.mtime = ParseUnixSeconds("12.25").value();
  attributes.mode = 0600;
  const auto info = store_->Put({.key = ObjectKey("a"),
                                 .body = AsBytes("hello world"),
                                 .attributes = attributes,
                                 .conditions = {.if_match = ETag("v1")}},
                                context_);
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(info->etag, ETag("v2"));
  EXPECT_EQ(info->digests.md5, Md5(AsBytes("hello world")));
  EXPECT_EQ(info->attributes, attributes);
  EXPECT_EQ(transport_.sent(0).headers.Get("opc-meta-mtime"), "12.25");
  EXPECT_EQ(transport_.sent(0).headers.Get("opc-meta-mode"), "0100600");
  EXPECT_EQ(transport_.sent(0).headers.Get("if-match"), "v1");
}

TEST_F(OciStoreTest, PutNoticesThatOtherBytesWereStored) {
  transport_.Answer(200, {{"etag", "v2"}, {"opc-content-crc32c", Crc("hello worlD")}});
  const auto by_crc =
      store_->Put({.key = ObjectKey("a"), .body = AsBytes("hello world")}, context_);
  EXPECT_EQ(by_crc.error().code, ErrorCode::kCorrupt);
  transport_.Answer(200,
                    {{"etag", "v2"}, {"opc-content-md5", Base64Encode(Md5(AsBytes("other")))}});
  const auto by_md5 =
      store_->Put({.key = ObjectKey("a"), .body = AsBytes("hello world")}, context_);
  EXPECT_EQ(by_md5.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(by_md5.error().retryable);
}

TEST_F(OciStoreTest, ARetriedPutRecognisesItsOwnFirstAttempt) {
  Attributes attributes;
  attributes.mtime = ParseUnixSeconds("1.5").value();
  attributes.mode = 0644;
  const PutRequest request{.key = ObjectKey("a"),
                           .body = AsBytes("hello"),
                           .attributes = attributes,
                           .conditions = {.must_not_exist = true}};
  transport_.Answer(412, {}, R"({"code":"IfNoneMatchFailed"})");
  transport_.Answer(200, {{"etag", "v1"},
                          {"content-length", "5"},
                          {"opc-content-crc32c", Crc("hello")},
                          {"opc-meta-mtime", "1.5"},
                          {"opc-meta-mode", "0100644"}});
  const auto again = store_->Put(request, retried_);
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(again->etag, ETag("v1"));
}

TEST_F(OciStoreTest, ARetriedPutDoesNotClaimSomebodyElsesObject) {
  const PutRequest request{
      .key = ObjectKey("a"), .body = AsBytes("hello"), .conditions = {.must_not_exist = true}};
  transport_.Answer(412, {}, R"({"code":"IfNoneMatchFailed"})");
  transport_.Answer(
      200, {{"etag", "v1"}, {"content-length", "5"}, {"opc-content-crc32c", Crc("HELLO")}});
  EXPECT_EQ(store_->Put(request, retried_).error().code, ErrorCode::kAlreadyExists);
  transport_.Answer(412, {}, R"({"code":"IfNoneMatchFailed"})");
  AnswerHead("hello");  // the same bytes, with a time that we did not send
  EXPECT_EQ(store_->Put(request, retried_).error().code, ErrorCode::kAlreadyExists);
  transport_.Answer(412, {}, R"({"code":"IfNoneMatchFailed"})");
  EXPECT_EQ(store_->Put(request, context_).error().code, ErrorCode::kAlreadyExists);
}

TEST_F(OciStoreTest, ARetriedPutThatFindsNothingHasLostTheRaceAllTheSame) {
  const PutRequest request{
      .key = ObjectKey("a"), .body = AsBytes("hello"), .conditions = {.must_not_exist = true}};
  const std::string refusal = R"({"code":"IfNoneMatchFailed"})";
  transport_.Answer(412, {}, refusal).Answer(404);
  EXPECT_EQ(store_->Put(request, retried_).error().code, ErrorCode::kAlreadyExists);
  transport_.Answer(412, {}, refusal).Answer(500);
  EXPECT_TRUE(store_->Put(request, retried_).error().retryable);
}

class OciUpload : public OciStoreTest {
 protected:
  // Starts an upload of "ab" and "cd" and sends both parts.
  void SendParts() {
    transport_.Answer(200, {}, R"({"uploadId":"u1"})")
        .Answer(200, {{"etag", "e1"}})
        .Answer(200, {{"etag", "e2"}});
    upload_ = store_->StartUpload({.key = key_, .attributes = attributes_}, context_).value();
    for (std::uint32_t part = 1; part <= 2; ++part) {
      commit_.parts.push_back(store_
                                  ->UploadPart({.upload = upload_,
                                                .key = key_,
                                                .part_number = part,
                                                .offset_bytes = 2 * (part - 1),
                                                .body = AsBytes(part == 1 ? "ab" : "cd")},
                                               context_)
                                  .value());
    }
    commit_.upload = upload_;
    commit_.key = key_;
    commit_.attributes = attributes_;
  }

  const ObjectKey key_{"big"};
  Attributes attributes_;
  UploadId upload_;
  CommitUploadRequest commit_;
};

TEST_F(OciUpload, CommitComparesTheWholeWithItsParts) {
  SendParts();
  transport_.Answer(200, {{"etag", "v9"}, {"opc-content-crc32c", Crc("abcd")}});
  const auto info = store_->CommitUpload(commit_, context_);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->size_bytes, 4U);
  EXPECT_EQ(info->digests.crc32c, Crc32c(AsBytes("abcd")));
  EXPECT_EQ(SentBody(3),
            R"({"partsToCommit":[{"etag":"e1","partNum":1},{"etag":"e2","partNum":2}]})");

  transport_.Answer(200, {{"etag", "v9"}, {"opc-content-crc32c", Crc("abdc")}});
  EXPECT_EQ(store_->CommitUpload(commit_, context_).error().code, ErrorCode::kCorrupt);
}

TEST_F(OciUpload, ARetriedCommitFindsItsOwnObject) {
  SendParts();
  transport_.Answer(404, {}, R"({"code":"UploadNotFound"})");
  transport_.Answer(200, {{"etag", "v9"},
                          {"content-length", "4"},
                          {"opc-content-crc32c", Crc("abcd")},
                          {"opc-meta-mode", "unused"}});
  // The metadata differs from what was asked, so the attributes are written as well: HEAD, GET,
  // PUT.
  transport_.Answer(200, {{"etag", "v9"}, {"content-length", "4"}});
  transport_.Answer(206, {{"etag", "v9"}, {"content-range", "bytes 0-3/4"}}, "abcd");
  transport_.Answer(200, {{"etag", "v10"}});
  const auto info = store_->CommitUpload(commit_, retried_);
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(info->etag, ETag("v10"));

  transport_.Answer(404, {}, R"({"code":"UploadNotFound"})");
  EXPECT_EQ(store_->CommitUpload(commit_, context_).error().code, ErrorCode::kNotFound);
}

TEST_F(OciUpload, ACommitIsNotLostBecauseTheLookForItFailed) {
  SendParts();
  transport_.Answer(404, {}, R"({"code":"UploadNotFound"})").Answer(500);
  const auto info = store_->CommitUpload(commit_, retried_);
  ASSERT_FALSE(info);
  EXPECT_TRUE(info.error().retryable);
}

TEST_F(OciUpload, AttributesThatChangedSinceTheStartAreWrittenAfterTheCommit) {
  SendParts();
  commit_.attributes.mtime = ParseUnixSeconds("7").value();
  commit_.attributes.content.type = "text/csv";
  transport_.Answer(200, {{"etag", "v1"}, {"opc-content-crc32c", Crc("abcd")}});
  AnswerGet("abcd");
  transport_.Answer(200, {{"etag", "v2"}});
  const auto info = store_->CommitUpload(commit_, context_);
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(info->attributes->mtime, commit_.attributes.mtime);
  EXPECT_EQ(info->etag, ETag("v2"));
  const auto put = transport_.sent(transport_.sent_count() - 1);
  EXPECT_EQ(put.operation, "oci.put_object");
  EXPECT_EQ(put.headers.Get("if-match"), "v1");
  EXPECT_EQ(put.headers.Get("opc-meta-mtime"), "7");
  EXPECT_EQ(put.headers.Get("content-type"), "text/csv");
}

TEST_F(OciStoreTest, APartWithoutAnETagCannotBeCommitted) {
  transport_.Answer(200, {}, R"({"uploadId":"u"})").Answer(200, {});
  const auto upload = store_->StartUpload({.key = ObjectKey("a")}, context_);
  ASSERT_TRUE(upload);
  const auto part = store_->UploadPart(
      {.upload = *upload, .key = ObjectKey("a"), .body = AsBytes("x")}, context_);
  ASSERT_FALSE(part);
  EXPECT_EQ(part.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(part.error().retryable);
}

TEST_F(OciUpload, AbortingWhatIsGoneIsNoError) {
  SendParts();
  transport_.Answer(404, {}, R"({"code":"UploadNotFound"})");
  EXPECT_TRUE(store_->AbortUpload({.upload = upload_, .key = key_}, context_));
}

TEST_F(OciStoreTest, LargeObjectsGetTheirAttributesFromACopyWithinTheService) {
  const std::string size = std::to_string(std::uint64_t{100} << 20);
  clock_.AdvanceBySleeping(true);
  transport_.Answer(200, {{"etag", "v1"}, {"content-length", size}});
  transport_.Answer(202, {{"opc-work-request-id", "w1"}});
  transport_.Answer(200, {}, R"({"status":"IN_PROGRESS"})")
      .Answer(200, {}, R"({"status":"COMPLETED"})");
  transport_.Answer(200, {{"etag", "v2"}, {"content-length", size}, {"opc-meta-mtime", "7"}});
  Attributes attributes;
  attributes.mtime = ParseUnixSeconds("7").value();
  const auto info =
      store_->SetAttributes({.key = ObjectKey("a"), .attributes = attributes}, context_);
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(info->etag, ETag("v2"));
  EXPECT_EQ(transport_.operations(),
            (Operations{"oci.head_object", "oci.copy_object", "oci.work_request",
                        "oci.work_request", "oci.head_object"}));
}

TEST_F(OciStoreTest, ACopyThatIsStillAtWorkAtTheDeadlineIsATimeout) {
  clock_.AdvanceBySleeping(true);
  transport_.Answer(200, {{"etag", "v1"}, {"content-length", "100000000"}});
  transport_.Answer(202, {{"opc-work-request-id", "w1"}});
  for (int i = 0; i < 10; ++i) transport_.Answer(200, {}, R"({"status":"IN_PROGRESS"})");
  const CallContext context{.deadline = clock_.Now() + std::chrono::seconds(2)};
  const auto info = store_->SetAttributes({.key = ObjectKey("a")}, context);
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, ErrorCode::kTimedOut);
  EXPECT_TRUE(info.error().may_have_acted);
  EXPECT_LT(clock_.Now(), context.deadline);
}

TEST_F(OciStoreTest, ACopyThatFailsIsAnError) {
  transport_.Answer(200, {{"etag", "v1"}, {"content-length", "100000000"}});
  transport_.Answer(202, {{"opc-work-request-id", "w1"}}).Answer(200, {}, R"({"status":"FAILED"})");
  transport_.Answer(200, {}, R"([{"code":"IfMatchFailed","message":"changed"}])");
  EXPECT_EQ(store_->SetAttributes({.key = ObjectKey("a")}, context_).error().code,
            ErrorCode::kPreconditionFailed);
}

TEST_F(OciStoreTest, AKnownSmallFileGetsItsAttributesByOneGetAndOnePut) {
  AnswerGet("hello");
  transport_.Answer(200, {{"etag", "v2"}, {"last-modified", "Mon, 05 Jan 2026 10:20:30 GMT"}});
  const auto info =
      store_->SetAttributes({.key = ObjectKey("a"),
                             .attributes = {.mode = 0600, .content = {.type = "text/csv"}},
                             .if_match = ETag("v1"),
                             .size_bytes = 5},
                            context_);
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(transport_.operations(), (Operations{"oci.get_object", "oci.put_object"}));
  EXPECT_EQ(transport_.sent(0).headers.Get("if-match"), "v1");
  const auto put = transport_.sent(1);
  EXPECT_EQ(put.body, "hello");
  EXPECT_EQ(put.headers.Get("if-match"), "v1");
  EXPECT_EQ(put.headers.Get("content-type"), "text/csv");
  EXPECT_EQ(put.headers.Get("opc-meta-md5chksum"), "XrY7u+Ae7tCTyyK7j1rNww==");
  EXPECT_EQ(info->etag, ETag("v2"));
  EXPECT_EQ(info->size_bytes, 5U);
  EXPECT_EQ(info->attributes->mode, 0600U);
  EXPECT_EQ(info->last_modified, ParseHttpDate("Mon, 05 Jan 2026 10:20:30 GMT"));
  EXPECT_EQ(info->digests.crc32c, Crc32c(AsBytes("hello")));
  EXPECT_FALSE(info->digests.md5) << "what is only recorded";
}

TEST_F(OciStoreTest, AKnownEmptyFileGetsItsAttributesByOneHeadAndOnePut) {
  AnswerHead("");
  transport_.Answer(200, {{"etag", "v2"}});
  const auto info = store_->SetAttributes(
      {.key = ObjectKey("a"), .if_match = ETag("v1"), .size_bytes = 0}, context_);
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(transport_.operations(), (Operations{"oci.head_object", "oci.put_object"}));
  EXPECT_EQ(transport_.sent(0).headers.Get("if-match"), "v1");
  EXPECT_EQ(info->etag, ETag("v2"));
}

TEST_F(OciStoreTest, AFileOfAnotherSizeThanTheCallerKnowsIsAnotherVersion) {
  AnswerGet("hello");
  const auto info = store_->SetAttributes(
      {.key = ObjectKey("a"), .if_match = ETag("v1"), .size_bytes = 6}, context_);
  EXPECT_EQ(info.error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(transport_.operations(), (Operations{"oci.get_object"}));
}

TEST_F(OciStoreTest, AKnownMarkerGetsItsAttributesByOnePut) {
  const SetAttributesRequest request{.key = ObjectKey("d"),
                                     .kind = NodeKind::kDirectory,
                                     .attributes = {.mode = 0700},
                                     .if_match = ETag("m1")};
  transport_.Answer(200, {{"etag", "m2"}});
  const auto info = store_->SetAttributes(request, context_);
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(info->etag, ETag("m2"));
  EXPECT_EQ(transport_.operations(), (Operations{"oci.put_object"}));
  EXPECT_EQ(transport_.sent(0).headers.Get("if-match"), "m1");

  // Somebody else has changed it, or it is gone: what is there is looked at.
  transport_.Answer(412, {}, R"({"code":"IfMatchFailed"})")
      .Answer(200, {}, Listing(R"({"name":"d/","size":0,"etag":"m3"})"))
      .Answer(200, {{"etag", "m3"}, {"content-length", "0"}});
  EXPECT_EQ(store_->SetAttributes(request, context_).error().code, ErrorCode::kPreconditionFailed);
  transport_.Answer(412, {}, R"({"code":"IfMatchFailed"})").Answer(200, {}, Listing(""));
  EXPECT_EQ(store_->SetAttributes(request, context_).error().code, ErrorCode::kNotFound);
}

TEST_F(OciStoreTest, SetAttributesRefusesAnotherVersion) {
  AnswerHead("x");
  EXPECT_EQ(
      store_->SetAttributes({.key = ObjectKey("a"), .if_match = ETag("v0")}, context_).error().code,
      ErrorCode::kPreconditionFailed);
}

TEST_F(OciStoreTest, SettingAttributesOfAPrefixMakesItsMarker) {
  transport_.Answer(200, {}, Listing(R"({"name":"d/x","size":1})")).Answer(200, {{"etag", "m"}});
  Attributes attributes;
  attributes.mode = 0700;
  const auto info = store_->SetAttributes(
      {.key = ObjectKey("d"), .kind = NodeKind::kDirectory, .attributes = attributes}, context_);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->etag, ETag("m"));
  EXPECT_EQ(transport_.sent(1).url, "http://host:9000/n/ns/b/b/o/d%2F");
  EXPECT_EQ(transport_.sent(1).headers.Get("if-none-match"), "*");
  EXPECT_EQ(store_->SetAttributes({.kind = NodeKind::kDirectory}, context_).error().code,
            ErrorCode::kNotSupported);
}

TEST_F(OciStoreTest, MakeDirectoryRefusesAnyNameThatExists) {
  AnswerHead("a file");
  EXPECT_EQ(store_->MakeDirectory({.key = ObjectKey("d")}, context_).error().code,
            ErrorCode::kAlreadyExists);
  transport_.Answer(404)
      .Answer(200, {}, Listing(""))
      .Answer(412, {}, R"({"code":"IfNoneMatchFailed"})");
  EXPECT_EQ(store_->MakeDirectory({.key = ObjectKey("d")}, context_).error().code,
            ErrorCode::kAlreadyExists);
}

TEST_F(OciStoreTest, MakeDirectoryWhereNothingIsCostsOneRequest) {
  const MakeDirectoryRequest request{.key = ObjectKey("d"), .nothing_there = true};
  transport_.Answer(200, {{"etag", "m"}}).Answer(412, {}, R"({"code":"IfNoneMatchFailed"})");
  ASSERT_TRUE(store_->MakeDirectory(request, context_));
  EXPECT_EQ(store_->MakeDirectory(request, context_).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(transport_.operations(), (Operations{"oci.put_object", "oci.put_object"}));
  EXPECT_EQ(transport_.sent(0).headers.Get("if-none-match"), "*");
}

TEST_F(OciStoreTest, ADirectoryOfAListingCostsOneHeadOrOneMoreWithoutAMarker) {
  transport_.Answer(200, {{"etag", "m"}, {"content-length", "0"}, {"opc-meta-mode", "040750"}});
  const auto marker = store_->HeadDirectory(ObjectKey("d"), context_);
  ASSERT_TRUE(marker) << marker.error().ToString();
  EXPECT_EQ(marker->kind, NodeKind::kDirectory);
  EXPECT_EQ(marker->etag, ETag("m"));
  EXPECT_EQ(marker->attributes->mode, 0750U);
  EXPECT_EQ(transport_.operations(), (Operations{"oci.head_object"}));
  EXPECT_EQ(transport_.sent(0).url, "http://host:9000/n/ns/b/b/o/d%2F");

  transport_.Answer(404).Answer(200, {}, Listing(R"({"name":"d/x","size":1})"));
  const auto prefix = store_->HeadDirectory(ObjectKey("d"), context_);
  ASSERT_TRUE(prefix) << prefix.error().ToString();
  EXPECT_TRUE(prefix->etag.empty());
  EXPECT_TRUE(prefix->attributes);
  transport_.Answer(404).Answer(200, {}, Listing(""));
  EXPECT_EQ(store_->HeadDirectory(ObjectKey("d"), context_).error().code, ErrorCode::kNotFound);
}

TEST_F(OciStoreTest, RemoveDirectoryNeverDeletesAChild) {
  transport_.Answer(200, {},
                    Listing(R"({"name":"d/","size":0,"etag":"m"},{"name":"d/x","size":1})"));
  EXPECT_EQ(store_->RemoveDirectory(ObjectKey("d"), context_).error().code, ErrorCode::kNotEmpty);
  transport_.Answer(200, {}, Listing(R"({"name":"d/","size":0,"etag":"m"})")).Answer(204);
  EXPECT_TRUE(store_->RemoveDirectory(ObjectKey("d"), context_));
  EXPECT_EQ(transport_.sent(2).headers.Get("if-match"), "m");
  transport_.Answer(200, {}, Listing("")).Answer(200, {{"etag", "v"}, {"content-length", "1"}});
  EXPECT_EQ(store_->RemoveDirectory(ObjectKey("d"), context_).error().code,
            ErrorCode::kNotDirectory);
}

TEST_F(OciStoreTest, RenamePinsTheVersionItDescribes) {
  AnswerHead("hello");
  transport_.Answer(200, {}, Listing("")).Answer(200, {{"etag", "v2"}});
  const auto info = store_->Rename({.source = ObjectKey("a"),
                                    .destination = ObjectKey("b"),
                                    .destination_conditions = {.must_not_exist = true}},
                                   context_);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->key.path, "b");
  EXPECT_EQ(info->etag, ETag("v2"));
  EXPECT_EQ(info->size_bytes, 5U);
  EXPECT_EQ(
      SentBody(2),
      R"({"newName":"b","newObjIfNoneMatchETag":"*","sourceName":"a","srcObjIfMatchETag":"v1"})");
}

// A rename of what the caller has just written, to a name that it has looked at.
RenameRequest KnownRename() {
  return {.source = ObjectKey("a"),
          .destination = ObjectKey("b"),
          .source_if_match = ETag("v1"),
          .source_info = ObjectInfo{.key = ObjectKey("a"),
                                    .size_bytes = 5,
                                    .etag = ETag("v1"),
                                    .attributes = Attributes{.mode = 0600U},
                                    .digests = {.crc32c = Crc32c(AsBytes("hello"))}},
          .no_directory_there = true};
}

TEST_F(OciStoreTest, RenamingAKnownFileCostsOneRequest) {
  transport_.Answer(200, {{"etag", "v2"}});
  const auto info = store_->Rename(KnownRename(), context_);
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(transport_.operations(), (Operations{"oci.rename_object"}));
  EXPECT_EQ(SentBody(0), R"({"newName":"b","sourceName":"a","srcObjIfMatchETag":"v1"})");
  EXPECT_EQ(info->key.path, "b");
  EXPECT_EQ(info->etag, ETag("v2"));
  EXPECT_EQ(info->attributes->mode, 0600U);
}

TEST_F(OciStoreTest, ARetriedRenameOfAKnownFileLooksForWhatItMoved) {
  transport_.Break({.code = ErrorCode::kUnavailable, .message = "cut", .retryable = true});
  ASSERT_FALSE(store_->Rename(KnownRename(), context_));
  transport_.Answer(404);
  AnswerHead("hello");
  const auto again = store_->Rename(KnownRename(), retried_);
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(again->key.path, "b");
}

TEST_F(OciStoreTest, ARenameDoesNotBelieveWhatIsKnownOfAnotherVersion) {
  RenameRequest request = KnownRename();
  request.source_info->etag = ETag("v0");
  AnswerHead("hello");
  transport_.Answer(200, {{"etag", "v2"}});
  ASSERT_TRUE(store_->Rename(request, context_));
  EXPECT_EQ(transport_.operations(), (Operations{"oci.head_object", "oci.rename_object"}));
}

TEST_F(OciStoreTest, ARetriedRenameRecognisesWhatItMoved) {
  const RenameRequest request{.source = ObjectKey("a"), .destination = ObjectKey("b")};
  AnswerHead("hello");
  transport_.Answer(200, {}, Listing(""));
  transport_.Break({.code = ErrorCode::kUnavailable, .message = "cut", .retryable = true});
  ASSERT_FALSE(store_->Rename(request, context_));
  transport_.Answer(404);
  AnswerHead("hello");
  const auto again = store_->Rename(request, retried_);
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(again->key.path, "b");
  // Nothing is remembered of a second call: a source that is not there is just not there.
  transport_.Answer(404);
  EXPECT_EQ(store_->Rename(request, retried_).error().code, ErrorCode::kNotFound);
}

TEST_F(OciStoreTest, ARetriedRenameDoesNotClaimAnotherObject) {
  const RenameRequest request{.source = ObjectKey("a"), .destination = ObjectKey("b")};
  AnswerHead("hello");
  transport_.Answer(200, {}, Listing(""));
  transport_.Break({.code = ErrorCode::kUnavailable, .message = "cut", .retryable = true});
  ASSERT_FALSE(store_->Rename(request, context_));
  transport_.Answer(404);
  AnswerHead("jello");
  EXPECT_EQ(store_->Rename(request, retried_).error().code, ErrorCode::kNotFound);
}

TEST_F(OciStoreTest, ARetriedRenameHasNotHappenedWhileItsSourceIsThere) {
  const RenameRequest request{.source = ObjectKey("a"),
                              .destination = ObjectKey("b"),
                              .destination_conditions = {.must_not_exist = true}};
  AnswerHead("hello");
  transport_.Answer(200, {}, Listing("")).Answer(412, {}, R"({"code":"IfNoneMatchFailed"})");
  AnswerHead("hello");  // the source; at the destination are the same bytes, but not by us
  AnswerHead("hello");
  EXPECT_EQ(store_->Rename(request, retried_).error().code, ErrorCode::kAlreadyExists);
}

TEST_F(OciStoreTest, ARetriedRenameConcludesNothingFromALookThatFails) {
  const RenameRequest request{.source = ObjectKey("a"),
                              .destination = ObjectKey("b"),
                              .destination_conditions = {.must_not_exist = true}};
  AnswerHead("hello");  // the look at the source fails
  transport_.Answer(200, {}, Listing("")).Answer(412, {}, R"({"code":"IfNoneMatchFailed"})");
  transport_.Answer(500);
  EXPECT_TRUE(store_->Rename(request, retried_).error().retryable);
  transport_.Answer(404).Answer(500);  // the look at the destination
  EXPECT_TRUE(store_->Rename(request, retried_).error().retryable);
}

TEST_F(OciStoreTest, RenamingADirectoryIntoItselfIsRefused) {
  EXPECT_EQ(store_
                ->Rename({.source = ObjectKey("d"),
                          .destination = ObjectKey("d/e"),
                          .kind = NodeKind::kDirectory},
                         context_)
                .error()
                .code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(transport_.sent_count(), 0U);
}

TEST_F(OciStoreTest, DeleteOfWhatIsGoneSucceedsOnlyWhenRetried) {
  transport_.Answer(404, {}, R"({"code":"ObjectNotFound"})");
  EXPECT_TRUE(store_->Delete({.key = ObjectKey("a")}, retried_));
  transport_.Answer(404, {}, R"({"code":"ObjectNotFound"})").Answer(200, {}, Listing(""));
  EXPECT_EQ(store_->Delete({.key = ObjectKey("a")}, context_).error().code, ErrorCode::kNotFound);
}

TEST_F(OciStoreTest, DeleteManyReportsEachFailure) {
  transport_.Answer(
      200, {},
      R"({"deleted":[],"failed":[{"objectName":"b","statusCode":412,"errorMessage":"changed"},
                                                        {"objectName":"c","statusCode":503}]})");
  const std::vector<DeleteRequest> requests = {{.key = ObjectKey("a")},
                                               {.key = ObjectKey("b"), .if_match = ETag("v")},
                                               {.key = ObjectKey("c")},
                                               {}};
  const auto outcomes = store_->DeleteMany(requests, context_);
  ASSERT_EQ(outcomes.size(), 4U);
  EXPECT_TRUE(outcomes[0]);
  EXPECT_EQ(outcomes[1].error().code, ErrorCode::kPreconditionFailed);
  EXPECT_TRUE(outcomes[2].error().retryable);
  EXPECT_EQ(outcomes[3].error().code, ErrorCode::kInvalidName);
  EXPECT_EQ(SentBody(0), R"({"isSkipDeletedResult":true,"objects":[{"objectName":"a"},)"
                         R"({"ifMatch":"v","objectName":"b"},{"objectName":"c"}]})");
}

TEST_F(OciStoreTest, DeleteManyGoesOneByOneWhereThereIsNoBatch) {
  const std::vector<DeleteRequest> requests = {{.key = ObjectKey("a")}, {.key = ObjectKey("b")}};
  for (const int unknown_action : {404, 405}) {
    Open({});
    const std::size_t before = transport_.operations().size();
    transport_.Answer(unknown_action).Answer(204).Answer(204).Answer(204);
    for (const Status& outcome : store_->DeleteMany(requests, context_)) EXPECT_TRUE(outcome);
    ASSERT_TRUE(store_->DeleteMany(std::span(requests).first(1), context_)[0]);
    const Operations all = transport_.operations();
    EXPECT_EQ(Operations(all.begin() + static_cast<std::ptrdiff_t>(before), all.end()),
              (Operations{"oci.batch_delete", "oci.delete_object", "oci.delete_object",
                          "oci.delete_object"}));
  }
}

TEST_F(OciStoreTest, ARefusedTokenIsRenewedOnce) {
  Open({}, 1);
  transport_.Answer(401).Answer(200, {}, Listing("")).Answer(401);
  ASSERT_TRUE(store_->List({}, context_));
  EXPECT_NE(transport_.sent(0).headers.Get("authorization").find("key-0"), std::string_view::npos);
  EXPECT_NE(transport_.sent(1).headers.Get("authorization").find("key-1"), std::string_view::npos);
  EXPECT_EQ(store_->List({}, context_).error().code, ErrorCode::kUnauthenticated);
}

TEST_F(OciStoreTest, AWrongClockIsNamedInTheError) {
  clock_.SetWall(ParseHttpDate("Mon, 05 Jan 2026 10:20:30 GMT").value());
  transport_.Answer(401, {{"date", "Mon, 05 Jan 2026 11:20:30 GMT"}},
                    R"({"code":"NotAuthenticated","message":"no"})");
  const auto page = store_->List({}, context_);
  EXPECT_EQ(page.error().message,
            "list '': no; this machine's clock is 3600 s behind the service's: set it right");
}

TEST_F(OciStoreTest, AMissingBucketIsWorthARetryOnlyAfterItWasSeen) {
  const std::string body = R"({"code":"BucketNotFound","message":"no bucket"})";
  transport_.Answer(404, {}, body);
  auto page = store_->List({}, context_);
  EXPECT_EQ(page.error().code, ErrorCode::kContainerNotFound);
  EXPECT_FALSE(page.error().retryable);
  transport_.Answer(200, {}, Listing("")).Answer(404, {}, body);
  ASSERT_TRUE(store_->List({}, context_));
  page = store_->List({}, context_);
  EXPECT_EQ(page.error().code, ErrorCode::kContainerNotFound);
  EXPECT_TRUE(page.error().retryable);
}

// HEAD answers without a body, whatever is missing.
TEST_F(OciStoreTest, AHeadWithoutAnswerAsksTheListingForTheBucket) {
  for (const char* code : {"BucketNotFound", "NotAuthorizedOrNotFound"}) {
    const std::string body = fmt::format(R"({{"code":"{}"}})", code);
    transport_.Answer(404).Answer(404, {}, body);
    EXPECT_EQ(store_->Head(ObjectKey("a"), context_).error().code, ErrorCode::kContainerNotFound);
    transport_.Answer(404).Answer(404, {}, body);
    EXPECT_EQ(store_->HeadDirectory(ObjectKey("a"), context_).error().code,
              ErrorCode::kContainerNotFound);
  }
}

TEST_F(OciStoreTest, ProbeTellsTheServersTime) {
  transport_.Answer(200, {{"date", "Mon, 05 Jan 2026 10:20:30 GMT"}}, Listing(""));
  const auto probe = store_->Probe(context_);
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->server_time, ParseHttpDate("Mon, 05 Jan 2026 10:20:30 GMT").value());
  EXPECT_EQ(probe->detail, "bucket 'b' in namespace 'ns'");
}

TEST_F(OciStoreTest, RefusesEndpointsWithAPathAndMissingPlaces) {
  const auto make = [&](OciStoreOptions options) {
    return MakeOciStore(options, transport_, std::make_unique<TestIdentities>(0), clock_);
  };
  EXPECT_TRUE(make({.endpoint = "http://127.0.0.1:9000/", .bucket = "b"}));
  for (const char* endpoint :
       {"http://host/n", "host", "ftp://host", "https://user@host", "https://"}) {
    EXPECT_EQ(make({.endpoint = endpoint, .bucket = "b"}).error().code, ErrorCode::kInvalidArgument)
        << endpoint;
  }
  EXPECT_FALSE(make({.region = "iad"}));
  EXPECT_FALSE(make({.bucket = "b"}));
  EXPECT_EQ(make({.region = "iad", .bucket = "b", .root = ObjectKey("a//b")}).error().code,
            ErrorCode::kInvalidName);
}

}  // namespace
}  // namespace skybridge::oci
