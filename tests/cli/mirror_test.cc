// Mirrors, runs and status over the wire.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "tests/cli/cloud_bench.h"

namespace skybridge::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class MirrorCommand : public CloudBench {
 protected:
  void SetUp() override {
    CloudBench::SetUp();
    ConfigureMirrors(Entry("lake", Path("tree"), "oci:up"));
    Write("tree/a/small.txt", "text");
    Write("tree/b.txt", "more");
  }
  std::string Entry(const std::string& name, const std::string& from, const std::string& to,
                    const std::string& more = "") const {
    return fmt::format(R"("{}": {{"from": "{}", "to": "{}", "state_dir": "{}"{}}})", name, from, to,
                       Path("state-" + name), more);
  }
  void ConfigureMirrors(const std::string& entries) {
    Configure();
    std::ifstream file(Path("config.json"));
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    text.insert(text.rfind('}'), fmt::format(R"(, "mirrors": {{{}}})", entries));
    Write("config.json", text);
  }
  // The id of the newest run.
  std::string LastRun() {
    const std::string list = Run({"runs", "--mirror", "lake"}).out;
    const auto line = list.rfind('\n', list.size() - 2);
    return list.substr(line == std::string::npos ? 0 : line + 1, 24);
  }
};

TEST_F(MirrorCommand, OnePassMakesTheDestinationEqualAndIsRemembered) {
  const Invocation mirror = Run({"mirror", "lake", "--once"});
  ASSERT_EQ(mirror.exit_code, ExitCode::kOk) << mirror.err;
  EXPECT_THAT(mirror.out, HasSubstr("succeeded: 2 copied, 0 unchanged, 0 failed"));
  EXPECT_EQ(Run({"cat", "oci:up/a/small.txt"}).out, "text");
  ASSERT_EQ(Run({"mirror", "lake", "--once"}).exit_code, ExitCode::kOk);
  const Invocation shown = Run({"runs", "show", LastRun(), "--json"});
  EXPECT_EQ(shown.exit_code, ExitCode::kOk) << shown.err;
  EXPECT_THAT(shown.out, AllOf(HasSubstr(R"("state":"succeeded")"), HasSubstr(R"("unchanged":2)")));
  const Invocation status = Run({"status"});
  EXPECT_EQ(status.exit_code, ExitCode::kOk);
  EXPECT_THAT(status.out,
              AllOf(HasSubstr("lake: stopped, complete as of "), HasSubstr("lag at most")));
}

TEST_F(MirrorCommand, AMirrorThatNeverRanHasNoStatus) {
  EXPECT_EQ(Run({"status"}).out, "lake: never started\n");
  EXPECT_THAT(Run({"runs"}).out, IsEmpty());
}

TEST_F(MirrorCommand, TheLeaseIsGivenBackAndIsNoContent) {
  ASSERT_EQ(Run({"mirror", "lake", "--once"}).exit_code, ExitCode::kOk);
  EXPECT_THAT(Run({"ls", "-R", "oci:up"}).out, Not(HasSubstr("skybridge")));
}

TEST_F(MirrorCommand, AnUnknownMirrorIsRefusedByName) {
  const Invocation mirror = Run({"mirror", "none"});
  EXPECT_EQ(mirror.exit_code, ExitCode::kConfiguration);
  EXPECT_THAT(mirror.err, AllOf(HasSubstr("no mirror 'none'"), HasSubstr("configured are lake")));
}

TEST_F(MirrorCommand, ADestinationInsideItsSourceIsRefused) {
  std::filesystem::create_directory_symlink(Path("tree"), Path("link"));
  for (const auto& [from, to] : {std::pair{std::string("oci:"), std::string("oci:up")},
                                 std::pair{Path("tree"), Path("link") + "/in"}}) {
    ConfigureMirrors(Entry("lake", from, to));
    const Invocation mirror = Run({"mirror", "lake", "--once"});
    EXPECT_EQ(mirror.exit_code, ExitCode::kConfiguration) << mirror.err;
    EXPECT_THAT(mirror.err, HasSubstr("one lies in the other"));
  }
}

TEST_F(MirrorCommand, DeletesAreRefusedAndNotForgotten) {
  ConfigureMirrors(Entry("lake", Path("tree"), "oci:up", R"(, "delete": "trash")"));
  const Invocation mirror = Run({"mirror", "lake", "--once"});
  EXPECT_EQ(mirror.exit_code, ExitCode::kConfiguration);
  EXPECT_THAT(mirror.err, HasSubstr("mirrors.lake.delete"));
}

TEST_F(MirrorCommand, AnotherOwnersDestinationIsRefused) {
  Write("there/.skybridge/mirror.lease",
        R"({"mirror": "theirs", "machine": "other", "host": "far", "holds_for_seconds": 90})");
  ConfigureMirrors(Entry("lake", Path("tree"), Path("there")));
  const Invocation mirror = Run({"mirror", "lake"});
  EXPECT_THAT(mirror.err, HasSubstr("belongs to mirror 'theirs' of machine far"));
  EXPECT_NE(mirror.exit_code, ExitCode::kOk);
}

TEST_F(MirrorCommand, ASourceThatIsNotThereEndsItWithItsExitCode) {
  std::filesystem::remove_all(Path("tree"));
  EXPECT_EQ(Run({"mirror", "lake"}).exit_code, ExitCode::kNotFound);
}

TEST_F(MirrorCommand, ARunThatIsNotThereIsNotFound) {
  EXPECT_EQ(Run({"runs", "show", "20260101T000000Z-0000"}).exit_code, ExitCode::kNotFound);
  EXPECT_EQ(Run({"runs", "stop", "../status"}).exit_code, ExitCode::kNotFound);
  ASSERT_EQ(Run({"mirror", "lake", "--once"}).exit_code, ExitCode::kOk);
  const Invocation stop = Run({"runs", "stop", LastRun()});
  EXPECT_EQ(stop.exit_code, ExitCode::kNotFound);
  EXPECT_THAT(stop.err, HasSubstr("is over: succeeded"));
}

TEST_F(MirrorCommand, AStateDirectoryThatCannotBeMadeIsALocalFailure) {
  Write("state-lake", "a file");
  EXPECT_EQ(Run({"mirror", "lake"}).exit_code, ExitCode::kLocalResource);
}

}  // namespace
}  // namespace skybridge::cli
