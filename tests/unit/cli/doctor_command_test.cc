#include "cli/doctor_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/fake_stores.h"

namespace skybridge::cli {
namespace {

using ::testing::AllOf;
using testing::FakeObjectStore;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::StoreOp;

const std::string kContainer = "abfss://raw@contoso.dfs.core.windows.net/";

class Doctor : public ::testing::Test {
 protected:
  CommandBench bench_;
  FakeObjectStore& store_ = bench_.stores.Add(kContainer);
};

TEST_F(Doctor, ChecksAHealthyRemoteAndLeavesNothingBehind) {
  store_.PutText("a", "x");
  ASSERT_TRUE(RunDoctor({.remote = kContainer}, bench_.context));
  for (const char* check :
       {"endpoint", "credentials", "container", "clock", "list", "read", "write", "delete"}) {
    EXPECT_THAT(bench_.out.str(), HasSubstr("OK   " + kContainer + " " + check + ": "));
  }
  EXPECT_THAT(store_.Paths(), ::testing::ElementsAre("a"));
}

TEST_F(Doctor, TellsWhichIdentityWasTakenAndWhyNotTheOthers) {
  bench_.stores.IdentifyAs(
      "managed identity; passed over client secret (AZURE_CLIENT_ID is not set)");
  ASSERT_TRUE(RunDoctor({.remote = kContainer}, bench_.context));
  EXPECT_THAT(bench_.out.str(),
              HasSubstr("credentials: are accepted: managed identity; passed over client "
                        "secret (AZURE_CLIENT_ID is not set)"));
}

TEST_F(Doctor, WarnsOfCredentialsThatEndSoonWithoutFailing) {
  bench_.stores.IdentifyAs("service SAS", "the service SAS expires soon");
  const auto healthy = RunDoctor({.remote = kContainer}, bench_.context);
  EXPECT_THAT(bench_.out.str(),
              HasSubstr("WARN " + kContainer + " credentials: the service SAS expires soon"));
  bench_.stores.IdentifyAs("service SAS");
  EXPECT_EQ(healthy.value(), RunDoctor({.remote = kContainer}, bench_.context).value());
}

TEST_F(Doctor, ReadOnlyWritesNothing) {
  ASSERT_TRUE(RunDoctor({.remote = kContainer, .read_only = true}, bench_.context));
  EXPECT_EQ(store_.calls(StoreOp::kPut), 0u);
  EXPECT_THAT(bench_.out.str(), Not(HasSubstr(" write:")));
}

TEST_F(Doctor, NamesTheFirstFailureByItsExitCodeAndGoesOn) {
  store_.script().FailNext(
      StoreOp::kProbe, Error{.code = ErrorCode::kUnauthenticated, .message = "the key is wrong"});
  EXPECT_EQ(RunDoctor({.remote = kContainer}, bench_.context), ExitCode::kAuthentication);
  EXPECT_THAT(bench_.out.str(),
              AllOf(HasSubstr("FAIL " + kContainer + " container: the key is wrong"),
                    HasSubstr("/dev/fuse")));
}

TEST_F(Doctor, AnEndpointThatDoesNotAnswerIsCalledThat) {
  bench_.stores.FailWith({ExitCode::kNetwork, "no route"});
  EXPECT_EQ(RunDoctor({.remote = kContainer}, bench_.context), ExitCode::kNetwork);
  EXPECT_THAT(bench_.out.str(), HasSubstr("FAIL " + kContainer + " endpoint: no route"));
}

TEST_F(Doctor, SaysWhenOnlyWritingIsForbidden) {
  store_.script().FailNext(
      StoreOp::kPut, Error{.code = ErrorCode::kPermissionDenied, .message = "no write access"});
  EXPECT_EQ(RunDoctor({.remote = kContainer}, bench_.context), ExitCode::kAuthentication);
  EXPECT_THAT(bench_.out.str(), AllOf(HasSubstr("OK   " + kContainer + " list"),
                                      HasSubstr("FAIL " + kContainer + " write: no write access")));
}

TEST_F(Doctor, JsonHasOneObjectACheck) {
  ASSERT_TRUE(RunDoctor({.remote = kContainer, .json = true}, bench_.context));
  EXPECT_THAT(bench_.out.str(),
              HasSubstr(R"({"check":")" + kContainer + R"( container","ok":true,)"));
}

TEST_F(Doctor, ABrokenConfigurationIsTheFirstFailure) {
  bench_.context.config_file = "/nonexistent/config.json";
  EXPECT_EQ(RunDoctor({}, bench_.context), ExitCode::kConfiguration);
  EXPECT_THAT(bench_.out.str(),
              HasSubstr("FAIL configuration: configuration /nonexistent/config.json"));
}

TEST_F(Doctor, WritesNothingThatItCouldNotDeleteAgain) {
  const std::string uri = "abfss://box@contoso.dfs.core.windows.net/";
  testing::FakeStoreOptions options;
  options.capabilities.can_delete = false;
  FakeObjectStore& store = bench_.stores.Add(uri, options);
  ASSERT_TRUE(RunDoctor({.remote = uri}, bench_.context));
  EXPECT_EQ(store.calls(StoreOp::kPut), 0u);
  EXPECT_THAT(bench_.out.str(), HasSubstr("write: not tried"));
}

}  // namespace
}  // namespace skybridge::cli
