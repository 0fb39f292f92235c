// Every operation of every store, with every one of its requests broken once: the call succeeds,
// and the container is as if nothing had happened. And where somebody else was faster, that is
// said.
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/faults/faulty_cloud.h"

namespace skybridge::testing {
namespace {

using localcloud::Fault;
using localcloud::Rule;

ObjectKey Key(std::string_view path) { return ObjectKey(std::string(path)); }

Attributes Mode(std::uint32_t mode) {
  return {.mtime = WallTime(std::chrono::seconds(1767608430)) + std::chrono::nanoseconds(123456789),
          .mode = mode};
}

template <class T>
Status Outcome(const Result<T>& result) {
  if (!result) return Fail(result.error());
  return {};
}

// The call under test, once everything that it needs is there.
using Action = std::function<Status(ObjectStore& store, const CallContext& context)>;

struct Scenario {
  const char* name;
  // Makes what the call needs, through a store without faults.
  std::function<Action(ObjectStore& store, const CallContext& context)> prepare;
};

Action Always(Action action) { return action; }

PutRequest NewFile(std::string_view path, std::string_view text) {
  return {.key = Key(path),
          .body = AsBytes(text),
          .attributes = Mode(0640),
          .conditions = {.must_not_exist = true}};
}

ETag PutFile(ObjectStore& store, std::string_view path, std::string_view text,
             const CallContext& context) {
  return Must(store.Put({.key = Key(path), .body = AsBytes(text), .attributes = Mode(0600)},
                        context))
      .etag;
}

// A tree of a directory with attributes, files on two levels and one empty directory.
void PutTree(ObjectStore& store, const CallContext& context) {
  Must(store.MakeDirectory({.key = Key("from"), .attributes = Mode(0750)}, context));
  PutFile(store, "from/a", "1", context);
  PutFile(store, "from/b", "22", context);
  PutFile(store, "from/sub/c", "333", context);
  Must(store.MakeDirectory({.key = Key("from/empty"), .attributes = Mode(0700)}, context));
}

Status Upload(ObjectStore& store, const Conditions& conditions, const Attributes& last_word,
              const CallContext& context) {
  const std::string first(4096, '1');
  const ObjectKey key("dir/file");
  const StartUploadRequest start{.key = key, .attributes = Mode(0640), .conditions = conditions};
  const UploadId id = TRY(store.StartUpload(start, context));
  const UploadPartRequest parts[] = {
      {.upload = id, .key = key, .part_number = 1, .body = AsBytes(first)},
      {.upload = id,
       .key = key,
       .part_number = 2,
       .offset_bytes = first.size(),
       .body = AsBytes("tail")}};
  CommitUploadRequest commit{
      .upload = id, .key = key, .attributes = last_word, .conditions = conditions};
  for (const UploadPartRequest& part : parts) {
    const PartReceipt receipt = TRY(store.UploadPart(part, context));
    commit.parts.push_back(receipt);
  }
  const ObjectInfo info = TRY(store.CommitUpload(commit, context));
  EXPECT_EQ(info.size_bytes, first.size() + 4);
  EXPECT_EQ(info.etag, Must(store.Head(commit.key, context)).etag);
  return {};
}

const Scenario kScenarios[] = {
    {"Put",
     [](ObjectStore& store, const CallContext& context) {
       PutFile(store, "file", "before", context);
       return Always([](ObjectStore& s, const CallContext& c) {
         return Outcome(s.Put({.key = Key("file"), .body = AsBytes("after")}, c));
       });
     }},
    {"PutExclusively",
     [](ObjectStore&, const CallContext&) {
       return Always([](ObjectStore& s, const CallContext& c) {
         return Outcome(s.Put(NewFile("dir/file", "content"), c));
       });
     }},
    {"PutLinkExclusively",
     [](ObjectStore&, const CallContext&) {
       return Always([](ObjectStore& s, const CallContext& c) {
         PutRequest link = NewFile("dir/link", "target");
         link.kind = NodeKind::kSymlink;
         return Outcome(s.Put(link, c));
       });
     }},
    {"PutIfMatch",
     [](ObjectStore& store, const CallContext& context) {
       const ETag etag = PutFile(store, "file", "before", context);
       return Always([etag](ObjectStore& s, const CallContext& c) {
         return Outcome(s.Put({.key = Key("file"),
                               .body = AsBytes("after"),
                               .attributes = Mode(0644),
                               .conditions = {.if_match = etag}},
                              c));
       });
     }},
    {"UploadExclusively",
     [](ObjectStore&, const CallContext&) {
       return Always([](ObjectStore& s, const CallContext& c) {
         return Upload(s, {.must_not_exist = true}, Mode(0640), c);
       });
     }},
    {"UploadIfMatchWithNewAttributes",
     [](ObjectStore& store, const CallContext& context) {
       const ETag etag = PutFile(store, "dir/file", "before", context);
       return Always([etag](ObjectStore& s, const CallContext& c) {
         return Upload(s, {.if_match = etag}, Mode(0444), c);
       });
     }},
    {"AbortUpload",
     [](ObjectStore& store, const CallContext& context) {
       const UploadId id = Must(store.StartUpload({.key = Key("file")}, context));
       Must(store.UploadPart(
           {.upload = id, .key = Key("file"), .part_number = 1, .body = AsBytes("part")}, context));
       return Always([id](ObjectStore& s, const CallContext& c) {
         return s.AbortUpload({.upload = id, .key = Key("file")}, c);
       });
     }},
    {"SetAttributesOfAFile",
     [](ObjectStore& store, const CallContext& context) {
       const ETag etag = PutFile(store, "file", "content", context);
       return Always([etag](ObjectStore& s, const CallContext& c) {
         return Outcome(
             s.SetAttributes({.key = Key("file"), .attributes = Mode(0444), .if_match = etag}, c));
       });
     }},
    {"SetAttributesOfAKnownFile",
     [](ObjectStore& store, const CallContext& context) {
       const ObjectInfo known = Must(store.Put(NewFile("file", "content"), context));
       return Always([known](ObjectStore& s, const CallContext& c) {
         return Outcome(s.SetAttributes({.key = Key("file"),
                                         .attributes = Mode(0444),
                                         .if_match = known.etag,
                                         .size_bytes = known.size_bytes,
                                         .info = known},
                                        c));
       });
     }},
    {"SetAttributesOfADirectory",
     [](ObjectStore& store, const CallContext& context) {
       const ETag etag =
           Must(store.MakeDirectory({.key = Key("dir"), .attributes = Mode(0700)}, context)).etag;
       PutFile(store, "dir/file", "content", context);
       return Always([etag](ObjectStore& s, const CallContext& c) {
         return Outcome(s.SetAttributes({.key = Key("dir"),
                                         .kind = NodeKind::kDirectory,
                                         .attributes = Mode(0755),
                                         .if_match = etag},
                                        c));
       });
     }},
    {"SetAttributesOfAPrefix",
     [](ObjectStore& store, const CallContext& context) {
       PutFile(store, "dir/file", "content", context);
       return Always([](ObjectStore& s, const CallContext& c) {
         return Outcome(s.SetAttributes(
             {.key = Key("dir"), .kind = NodeKind::kDirectory, .attributes = Mode(0755)}, c));
       });
     }},
    {"MakeDirectory",
     [](ObjectStore&, const CallContext&) {
       return Always([](ObjectStore& s, const CallContext& c) {
         return Outcome(s.MakeDirectory({.key = Key("dir"), .attributes = Mode(0750)}, c));
       });
     }},
    {"MakeDirectoryWhereNothingIs",
     [](ObjectStore&, const CallContext&) {
       return Always([](ObjectStore& s, const CallContext& c) {
         return Outcome(s.MakeDirectory(
             {.key = Key("dir"), .attributes = Mode(0750), .nothing_there = true}, c));
       });
     }},
    {"RemoveDirectory",
     [](ObjectStore& store, const CallContext& context) {
       Must(store.MakeDirectory({.key = Key("dir"), .attributes = Mode(0750)}, context));
       return Always(
           [](ObjectStore& s, const CallContext& c) { return s.RemoveDirectory(Key("dir"), c); });
     }},
    {"RenameToAFreeName",
     [](ObjectStore& store, const CallContext& context) {
       const ETag etag = PutFile(store, "from", "content", context);
       return Always([etag](ObjectStore& s, const CallContext& c) {
         return Outcome(s.Rename({.source = Key("from"),
                                  .destination = Key("to"),
                                  .source_if_match = etag,
                                  .destination_conditions = {.must_not_exist = true}},
                                 c));
       });
     }},
    {"RenameOverAFile",
     [](ObjectStore& store, const CallContext& context) {
       const ETag etag = PutFile(store, "from", "content", context);
       const ETag there = PutFile(store, "to", "what was there", context);
       return Always([etag, there](ObjectStore& s, const CallContext& c) {
         return Outcome(s.Rename({.source = Key("from"),
                                  .destination = Key("to"),
                                  .source_if_match = etag,
                                  .destination_conditions = {.if_match = there}},
                                 c));
       });
     }},
    {"RenameOfAKnownFile",
     [](ObjectStore& store, const CallContext& context) {
       const ObjectInfo known = Must(store.Put(NewFile("from", "content"), context));
       return Always([known](ObjectStore& s, const CallContext& c) {
         return Outcome(s.Rename({.source = Key("from"),
                                  .destination = Key("to"),
                                  .source_if_match = known.etag,
                                  .destination_conditions = {.must_not_exist = true},
                                  .source_info = known,
                                  .no_directory_there = true},
                                 c));
       });
     }},
    {"RenameOfADirectory",
     [](ObjectStore& store, const CallContext& context) {
       PutTree(store, context);
       return Always([](ObjectStore& s, const CallContext& c) {
         return Outcome(s.Rename({.source = Key("from"),
                                  .destination = Key("to"),
                                  .kind = NodeKind::kDirectory,
                                  .destination_conditions = {.must_not_exist = true}},
                                 c));
       });
     }},
    {"Delete",
     [](ObjectStore& store, const CallContext& context) {
       PutFile(store, "file", "content", context);
       return Always(
           [](ObjectStore& s, const CallContext& c) { return s.Delete({.key = Key("file")}, c); });
     }},
    {"DeleteIfMatch",
     [](ObjectStore& store, const CallContext& context) {
       const ETag etag = PutFile(store, "file", "content", context);
       return Always([etag](ObjectStore& s, const CallContext& c) {
         return s.Delete({.key = Key("file"), .if_match = etag}, c);
       });
     }},
    {"DeleteMany",
     [](ObjectStore& store, const CallContext& context) {
       for (const char* path : {"a", "b", "c"}) PutFile(store, path, "content", context);
       return Always([](ObjectStore& s, const CallContext& c) -> Status {
         const DeleteRequest requests[] = {{.key = Key("a")}, {.key = Key("b")}, {.key = Key("c")}};
         for (const Status& status : s.DeleteMany(requests, c)) TRY_VOID(status);
         return {};
       });
     }},
    {"ListHeadAndGet",
     [](ObjectStore& store, const CallContext& context) {
       const ETag etag = PutFile(store, "dir/file", "content", context);
       return Always([etag](ObjectStore& s, const CallContext& c) -> Status {
         const ListRequest list{.directory = Key("dir")};
         const ListPage page = TRY(s.List(list, c));
         EXPECT_EQ(page.entries.size(), 1U);
         const GetRequest get{.key = Key("dir/file"), .range = {0, 7}, .if_match = etag};
         const ObjectInfo info = TRY(s.Head(get.key, c));
         EXPECT_EQ(info.etag, etag);
         std::string text(7, '\0');
         const auto into = std::as_writable_bytes(std::span(text));
         const GetReply reply = TRY(s.Get(get, into, c));
         EXPECT_EQ(reply.bytes_received, text.size());
         EXPECT_EQ(text, "content");
         return {};
       });
     }},
};

// What happens to requests of the call, from the `first` one on.
struct Breaking {
  const char* name;
  Rule rule;
};

const Breaking kBreakings[] = {
    {"acts, then the connection is reset", {.count = 1, .fault = Fault::kResetAfter}},
    {"the same twice in a row", {.count = 2, .fault = Fault::kResetAfter}},
    {"the same three times in a row", {.count = 3, .fault = Fault::kResetAfter}},
    {"acts, then answers 500",
     {.count = 1, .fault = Fault::kStatus, .status = 500, .act_first = true}},
    {"reset before acting", {.count = 1, .fault = Fault::kResetBefore}},
    {"throttled", {.count = 1, .fault = Fault::kStatus, .status = 503}},
    {"acts and is cut, then throttled", {}},  // see Break
    {"half of the reply's body", {.count = 1, .fault = Fault::kHalfBody}},
};

void Break(FaultyCloud& cloud, const Breaking& breaking, std::uint64_t first) {
  if (breaking.rule.fault != Fault::kNone) {
    Rule rule = breaking.rule;
    rule.after = first;
    cloud.server().rules().Add(rule);
    return;
  }
  cloud.server().rules().Add({.after = first, .count = 1, .fault = Fault::kResetAfter});
  cloud.server().rules().Add(
      {.after = first + 1, .count = 1, .fault = Fault::kStatus, .status = 503});
}

// `always` holds during the call, whatever else breaks.
void BreakEveryRequest(CloudKind kind, const Scenario& scenario,
                       const std::optional<Rule>& always = {}) {
  const auto whole = FaultyCloud::Start(kind);
  const Action clean = scenario.prepare(whole->other(), whole->Context());
  if (always) whole->server().rules().Add(*always);
  const std::uint64_t before = whole->requests();
  Must(clean(whole->store(), whole->Context()));
  const std::uint64_t requests = whole->requests() - before;
  const auto expected = whole->Everything();
  for (const Breaking& breaking : kBreakings) {
    for (std::uint64_t first = 0; first < requests; ++first) {
      SCOPED_TRACE(std::string(breaking.name) + ", from request " + std::to_string(first));
      const auto cloud = FaultyCloud::Start(kind);
      const Action action = scenario.prepare(cloud->other(), cloud->Context());
      if (always) cloud->server().rules().Add(*always);
      Break(*cloud, breaking, first);
      const Status status = action(cloud->store(), cloud->Context());
      cloud->server().rules().Clear();
      EXPECT_TRUE(status) << status.error().ToString();
      EXPECT_EQ(cloud->Everything(), expected);
    }
  }
}

class LostReplies : public ::testing::TestWithParam<std::tuple<CloudKind, const Scenario*>> {};

TEST_P(LostReplies, AnyRequestOfTheCallMayBreakAndNobodyNotices) {
  BreakEveryRequest(std::get<CloudKind>(GetParam()), *std::get<const Scenario*>(GetParam()));
}

std::vector<const Scenario*> AllScenarios() {
  std::vector<const Scenario*> all;
  for (const Scenario& scenario : kScenarios) all.push_back(&scenario);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Stores, LostReplies,
                         ::testing::Combine(::testing::ValuesIn(kAllClouds),
                                            ::testing::ValuesIn(AllScenarios())),
                         [](const auto& test) {
                           return std::string(NameOf(std::get<CloudKind>(test.param))) + "_" +
                                  std::get<const Scenario*>(test.param)->name;
                         });

// ---- Large objects of OCI, whose attributes are their bytes written anew ----

const Scenario kLargeFile{
    "SetAttributesOfALargeFile", [](ObjectStore& store, const CallContext& context) {
      const std::string content((std::size_t{8} << 20) + 1, 'x');
      const ETag etag = PutFile(store, "file", content, context);
      return Always([etag](ObjectStore& s, const CallContext& c) {
        return Outcome(
            s.SetAttributes({.key = Key("file"), .attributes = Mode(0444), .if_match = etag}, c));
      });
    }};

TEST(LargeFilesOfOci, AreCopiedByTheServiceAndAnyRequestOfThatMayBreak) {
  BreakEveryRequest(CloudKind::kOci, kLargeFile);
}

TEST(LargeFilesOfOci, AreSentAgainWhereTheServiceMayNotCopyAndAnyRequestOfThatMayBreak) {
  BreakEveryRequest(CloudKind::kOci, kLargeFile,
                    Rule{.operation = "oci.copy_object", .fault = Fault::kStatus, .status = 403});
}

// ---- What breaks may leave behind ----

const Scenario& ScenarioOf(std::string_view name) {
  for (const Scenario& scenario : kScenarios) {
    if (scenario.name == name) return scenario;
  }
  throw std::invalid_argument(std::string(name));
}

// A listing of uploads tells neither who began them nor what for: nothing but the lost answer would
// have named it, and another writer's upload must not be aborted.
TEST(UploadsOfOci, StayBehindOnlyWhereTheAnswerThatNamesThemIsLost) {
  const Rule no_copies{.operation = "oci.copy_object", .fault = Fault::kStatus, .status = 403};
  const std::pair<const Scenario&, std::optional<Rule>> calls[] = {
      {ScenarioOf("UploadExclusively"), {}}, {kLargeFile, no_copies}};
  for (const auto& [scenario, always] : calls) {
    for (const char* operation : {"oci.create_multipart", "oci.upload_part", "oci.commit_multipart",
                                  "oci.head_object", "oci.get_object"}) {
      SCOPED_TRACE(std::string(scenario.name) + ", " + operation);
      const auto cloud = FaultyCloud::Start(CloudKind::kOci);
      const Action action = scenario.prepare(cloud->other(), cloud->Context());
      if (always) cloud->server().rules().Add(*always);
      cloud->server().rules().Add(
          {.operation = operation, .count = 1, .fault = Fault::kResetAfter});
      Must(action(cloud->store(), cloud->Context()));
      const bool lost_its_name = operation == std::string_view("oci.create_multipart");
      EXPECT_EQ(cloud->OpenUploads(), lost_its_name ? 1U : 0U);
    }
  }
}

}  // namespace
}  // namespace skybridge::testing
