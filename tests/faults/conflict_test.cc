// A call that is repeated never takes somebody else's work for its own: a conflict that was there
// before, or that came between two attempts, is reported, and what others wrote stays.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/faults/faulty_cloud.h"

namespace skybridge::testing {
namespace {

using localcloud::Fault;

ObjectKey Key(std::string_view path) { return ObjectKey(std::string(path)); }

ETag PutText(ObjectStore& store, std::string_view path, std::string_view text,
             const CallContext& context) {
  const PutRequest put{
      .key = Key(path), .body = AsBytes(text), .attributes = {.mode = 0600, .uid = 7}};
  return Must(store.Put(put, context)).etag;
}

template <class T>
Status Outcome(const Result<T>& result) {
  if (!result) return Fail(result.error());
  return {};
}

void ExpectCode(const Status& status, ErrorCode expected) {
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, expected) << status.error().ToString();
}

using Action = std::function<Status(ObjectStore& store, const CallContext& context)>;

Action PutExclusively() {
  return [](ObjectStore& store, const CallContext& context) {
    return Outcome(store.Put({.key = Key("file"),
                              .body = AsBytes("mine"),
                              .attributes = {.mode = 0644},
                              .conditions = {.must_not_exist = true}},
                             context));
  };
}

Action PutIfMatch(const ETag& etag) {
  return [etag](ObjectStore& store, const CallContext& context) {
    return Outcome(store.Put(
        {.key = Key("file"), .body = AsBytes("mine"), .conditions = {.if_match = etag}}, context));
  };
}

Action Upload(const Conditions& conditions) {
  return [conditions](ObjectStore& store, const CallContext& context) -> Status {
    const StartUploadRequest start{.key = Key("file"), .conditions = conditions};
    const auto id = store.StartUpload(start, context);
    if (!id) return Fail(id.error());  // a store may see the conflict here
    const UploadPartRequest part{
        .upload = *id, .key = start.key, .part_number = 1, .body = AsBytes("mine, in parts")};
    const PartReceipt receipt = TRY(store.UploadPart(part, context));
    const CommitUploadRequest commit{
        .upload = *id, .key = start.key, .parts = {receipt}, .conditions = conditions};
    const auto committed = store.CommitUpload(commit, context);
    if (committed) return {};
    TRY_VOID(store.AbortUpload({.upload = *id, .key = start.key}, context));
    return Fail(committed.error());
  };
}

Action SetMode(const ETag& etag, std::optional<std::uint64_t> size_bytes = std::nullopt) {
  return [etag, size_bytes](ObjectStore& store, const CallContext& context) {
    return Outcome(store.SetAttributes({.key = Key("file"),
                                        .attributes = {.mode = 0444},
                                        .if_match = etag,
                                        .size_bytes = size_bytes},
                                       context));
  };
}

Action MakeDirectory(bool nothing_there = false) {
  return [nothing_there](ObjectStore& store, const CallContext& context) {
    return Outcome(store.MakeDirectory(
        {.key = Key("dir"), .attributes = {.mode = 0755}, .nothing_there = nothing_there},
        context));
  };
}

Action Rename(RenameRequest request) {
  return [request = std::move(request)](ObjectStore& store, const CallContext& context) {
    return Outcome(store.Rename(request, context));
  };
}

// A rename of "file" by one who has written it, and has looked at the new name.
Action RenameKnown(ObjectStore& store, const CallContext& context, std::string_view to) {
  const PutRequest put{.key = Key("file"), .body = AsBytes("older")};
  const ObjectInfo known = Must(store.Put(put, context));
  return Rename({.source = Key("file"),
                 .destination = Key(to),
                 .source_if_match = known.etag,
                 .destination_conditions = {.must_not_exist = true},
                 .source_info = known,
                 .no_directory_there = true});
}

Action DeleteIfMatch(const ETag& etag) {
  return [etag](ObjectStore& store, const CallContext& context) {
    return store.Delete({.key = Key("file"), .if_match = etag}, context);
  };
}

// ---- Conflicts that were there before ----

struct Standing {
  const char* name;
  ErrorCode expected;
  std::function<Action(ObjectStore& other, const CallContext& context)> prepare;
};

const Standing kStanding[] = {
    {"PutExclusively", ErrorCode::kAlreadyExists,
     [](ObjectStore& other, const CallContext& context) {
       PutText(other, "file", "their", context);
       return PutExclusively();
     }},
    {"PutIfMatch", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       const ETag old = PutText(other, "file", "older", context);
       PutText(other, "file", "their", context);
       return PutIfMatch(old);
     }},
    {"UploadExclusively", ErrorCode::kAlreadyExists,
     [](ObjectStore& other, const CallContext& context) {
       PutText(other, "file", "their", context);
       return Upload({.must_not_exist = true});
     }},
    {"UploadIfMatch", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       const ETag old = PutText(other, "file", "older", context);
       PutText(other, "file", "their", context);
       return Upload({.if_match = old});
     }},
    {"SetAttributes", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       const ETag old = PutText(other, "file", "older", context);
       PutText(other, "file", "their", context);
       return SetMode(old);
     }},
    {"SetAttributesOfAKnownFile", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       const ETag old = PutText(other, "file", "older", context);
       PutText(other, "file", "their", context);
       return SetMode(old, 5);
     }},
    {"MakeDirectory", ErrorCode::kAlreadyExists,
     [](ObjectStore& other, const CallContext& context) {
       Must(other.MakeDirectory({.key = Key("dir"), .attributes = {.mode = 0700}}, context));
       return MakeDirectory();
     }},
    {"MakeDirectoryWhereNothingWas", ErrorCode::kAlreadyExists,
     [](ObjectStore& other, const CallContext& context) {
       Must(other.MakeDirectory({.key = Key("dir"), .attributes = {.mode = 0700}}, context));
       return MakeDirectory(/*nothing_there=*/true);
     }},
    {"RemoveDirectory", ErrorCode::kNotEmpty,
     [](ObjectStore& other, const CallContext& context) {
       Must(other.MakeDirectory({.key = Key("dir")}, context));
       PutText(other, "dir/file", "their", context);
       return [](ObjectStore& store, const CallContext& c) {
         return store.RemoveDirectory(Key("dir"), c);
       };
     }},
    {"RenameToATakenName", ErrorCode::kAlreadyExists,
     [](ObjectStore& other, const CallContext& context) {
       const ETag etag = PutText(other, "file", "ours", context);
       PutText(other, "to", "their", context);
       return Rename({.source = Key("file"),
                      .destination = Key("to"),
                      .source_if_match = etag,
                      .destination_conditions = {.must_not_exist = true}});
     }},
    {"RenameOfAnotherVersion", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       const ETag old = PutText(other, "file", "older", context);
       PutText(other, "file", "their", context);
       return Rename({.source = Key("file"), .destination = Key("to"), .source_if_match = old});
     }},
    {"RenameOfAKnownFileToATakenName", ErrorCode::kAlreadyExists,
     [](ObjectStore& other, const CallContext& context) {
       PutText(other, "to", "their", context);
       return RenameKnown(other, context, "to");
     }},
    {"RenameOfAKnownFileThatWasReplaced", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       Action rename = RenameKnown(other, context, "to");
       PutText(other, "file", "their", context);
       return rename;
     }},
    {"RenameOfNothing", ErrorCode::kNotFound,
     [](ObjectStore& other, const CallContext& context) {
       const ETag etag = PutText(other, "to", "their", context);
       return Rename(
           {.source = Key("file"), .destination = Key("to"), .source_if_match = ETag("gone")});
     }},
    {"RenameOfADirectoryOntoAFullOne", ErrorCode::kNotEmpty,
     [](ObjectStore& other, const CallContext& context) {
       PutText(other, "from/same", "ours", context);
       PutText(other, "to/same", "their", context);
       return Rename(
           {.source = Key("from"), .destination = Key("to"), .kind = NodeKind::kDirectory});
     }},
    {"RenameOfADirectoryToATakenName", ErrorCode::kAlreadyExists,
     [](ObjectStore& other, const CallContext& context) {
       PutText(other, "from/same", "ours", context);
       Must(other.MakeDirectory({.key = Key("to")}, context));
       return Rename({.source = Key("from"),
                      .destination = Key("to"),
                      .kind = NodeKind::kDirectory,
                      .destination_conditions = {.must_not_exist = true}});
     }},
    {"DeleteIfMatch", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       const ETag old = PutText(other, "file", "older", context);
       PutText(other, "file", "their", context);
       return DeleteIfMatch(old);
     }},
};

class StandingConflicts : public ::testing::TestWithParam<std::tuple<CloudKind, const Standing*>> {
};

TEST_P(StandingConflicts, AreReportedWhicheverRequestBreaks) {
  const auto [kind, conflict] = GetParam();
  const auto whole = FaultyCloud::Start(kind);
  const Action clean = conflict->prepare(whole->other(), whole->Context());
  const auto expected = whole->Everything();
  const std::uint64_t before = whole->requests();
  const Status refused = clean(whole->store(), whole->Context());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, conflict->expected) << refused.error().ToString();
  const std::uint64_t requests = whole->requests() - before;
  EXPECT_EQ(whole->Everything(), expected);

  for (const Fault fault : {Fault::kResetBefore, Fault::kResetAfter}) {
    for (std::uint64_t first = 0; first < requests; ++first) {
      SCOPED_TRACE("request " + std::to_string(first) +
                   (fault == Fault::kResetAfter ? " acts and is cut" : " is cut"));
      const auto cloud = FaultyCloud::Start(kind);
      const Action action = conflict->prepare(cloud->other(), cloud->Context());
      cloud->server().rules().Add({.after = first, .count = 1, .fault = fault});
      const Status status = action(cloud->store(), cloud->Context());
      ExpectCode(status, conflict->expected);
      EXPECT_EQ(cloud->Everything(), expected);
    }
  }
}

// ---- Conflicts that come between two attempts ----

struct Coming {
  const char* name;
  ErrorCode expected;
  std::function<Action(ObjectStore& other, const CallContext& context)> prepare;
  std::function<void(ObjectStore& other, const CallContext& context)> interfere;
};

void WriteFile(ObjectStore& other, const CallContext& context) {
  PutText(other, "file", "their", context);
}

const Coming kComing[] = {
    {"PutExclusively", ErrorCode::kAlreadyExists,
     [](ObjectStore&, const CallContext&) { return PutExclusively(); }, WriteFile},
    {"PutIfMatch", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       return PutIfMatch(PutText(other, "file", "older", context));
     },
     WriteFile},
    {"UploadExclusively", ErrorCode::kAlreadyExists,
     [](ObjectStore&, const CallContext&) { return Upload({.must_not_exist = true}); }, WriteFile},
    {"UploadIfMatch", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       return Upload({.if_match = PutText(other, "file", "older", context)});
     },
     WriteFile},
    {"SetAttributes", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       return SetMode(PutText(other, "file", "older", context));
     },
     WriteFile},
    {"SetAttributesOfAKnownFile", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       return SetMode(PutText(other, "file", "older", context), 5);
     },
     WriteFile},
    {"RenameOfAKnownFileThatIsReplaced", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       return RenameKnown(other, context, "to");
     },
     WriteFile},
    {"MakeDirectoryWhereNothingWas", ErrorCode::kAlreadyExists,
     [](ObjectStore&, const CallContext&) { return MakeDirectory(/*nothing_there=*/true); },
     [](ObjectStore& other, const CallContext& context) {
       Must(other.MakeDirectory({.key = Key("dir"), .attributes = {.mode = 0700}}, context));
     }},
    {"MakeDirectory", ErrorCode::kAlreadyExists,
     [](ObjectStore&, const CallContext&) { return MakeDirectory(); },
     [](ObjectStore& other, const CallContext& context) {
       Must(other.MakeDirectory({.key = Key("dir"), .attributes = {.mode = 0700}}, context));
     }},
    {"RenameToAFreeName", ErrorCode::kAlreadyExists,
     [](ObjectStore& other, const CallContext& context) {
       const ETag etag = PutText(other, "from", "ours", context);
       return Rename({.source = Key("from"),
                      .destination = Key("file"),
                      .source_if_match = etag,
                      .destination_conditions = {.must_not_exist = true}});
     },
     WriteFile},
    {"RenameOfAFileThatIsReplaced", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       const ETag etag = PutText(other, "file", "older", context);
       return Rename({.source = Key("file"), .destination = Key("to"), .source_if_match = etag});
     },
     WriteFile},
    {"RenameOfAFileThatIsDeleted", ErrorCode::kNotFound,
     [](ObjectStore& other, const CallContext& context) {
       const ETag etag = PutText(other, "from", "older", context);
       PutText(other, "to", "their", context);
       return Rename({.source = Key("from"), .destination = Key("to"), .source_if_match = etag});
     },
     [](ObjectStore& other, const CallContext& context) {
       Must(other.Delete({.key = Key("from")}, context));
     }},
    {"DeleteIfMatch", ErrorCode::kPreconditionFailed,
     [](ObjectStore& other, const CallContext& context) {
       return DeleteIfMatch(PutText(other, "file", "older", context));
     },
     WriteFile},
};

class ComingConflicts : public ::testing::TestWithParam<std::tuple<CloudKind, const Coming*>> {};

TEST_P(ComingConflicts, AreReportedWhicheverRequestBreaks) {
  // No structured binding: clang lets no lambda capture one.
  const CloudKind kind = std::get<CloudKind>(GetParam());
  const Coming* const conflict = std::get<const Coming*>(GetParam());
  const auto whole = FaultyCloud::Start(kind);
  const Action clean = conflict->prepare(whole->other(), whole->Context());
  const std::uint64_t before = whole->requests();
  Must(clean(whole->store(), whole->Context()));
  const std::uint64_t requests = whole->requests() - before;

  int reported = 0;
  for (std::uint64_t first = 0; first < requests; ++first) {
    SCOPED_TRACE("request " + std::to_string(first));
    const auto cloud = FaultyCloud::Start(kind);
    const Action action = conflict->prepare(cloud->other(), cloud->Context());
    const auto untouched = cloud->Everything();
    std::map<std::string, Found> theirs;
    bool acted = false;
    cloud->clock().AtNextSleep([&] {
      std::map<std::string, Found> now = cloud->Everything();
      std::erase_if(now, [](const auto& found) { return found.second.content == "hidden"; });
      acted = now != untouched;
      if (acted) return;
      conflict->interfere(cloud->other(), cloud->Context());
      theirs = cloud->Everything();
      std::erase_if(theirs, [](const auto& found) { return found.second.content == "hidden"; });
    });
    cloud->server().rules().Add({.after = first, .count = 1, .fault = Fault::kResetBefore});
    const Status status = action(cloud->store(), cloud->Context());
    if (acted || theirs.empty()) continue;
    ++reported;
    ExpectCode(status, conflict->expected);
    EXPECT_EQ(cloud->Everything(), theirs);
  }
  EXPECT_GT(reported, 0);
}

template <class Conflict, std::size_t kCount>
std::vector<const Conflict*> Pointers(const Conflict (&all)[kCount]) {
  std::vector<const Conflict*> pointers;
  for (const Conflict& conflict : all) pointers.push_back(&conflict);
  return pointers;
}

template <class Conflict>
std::string ConflictName(
    const ::testing::TestParamInfo<std::tuple<CloudKind, const Conflict*>>& test) {
  return std::string(NameOf(std::get<0>(test.param))) + "_" + std::get<1>(test.param)->name;
}

INSTANTIATE_TEST_SUITE_P(Stores, StandingConflicts,
                         ::testing::Combine(::testing::ValuesIn(kAllClouds),
                                            ::testing::ValuesIn(Pointers(kStanding))),
                         ConflictName<Standing>);
INSTANTIATE_TEST_SUITE_P(Stores, ComingConflicts,
                         ::testing::Combine(::testing::ValuesIn(kAllClouds),
                                            ::testing::ValuesIn(Pointers(kComing))),
                         ConflictName<Coming>);

}  // namespace
}  // namespace skybridge::testing
