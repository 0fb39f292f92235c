#include "cli/daemon.h"

#include <unistd.h>

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skybridge::cli {
namespace {

using ::testing::HasSubstr;

TEST(RunInBackground, EndsWithSuccessOnceTheWorkIsReady) {
  const auto outcome = RunInBackground([](const ReadyCallback& ready) -> Outcome<ExitCode> {
    ready();
    return ExitCode::kOk;
  });
  EXPECT_EQ(outcome, ExitCode::kOk);
}

TEST(RunInBackground, PassesOnTheFailureOfWorkThatNeverWasReady) {
  const auto outcome = RunInBackground([](const ReadyCallback&) -> Outcome<ExitCode> {
    return Fails(ExitCode::kNetwork, "no route to the store");
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().exit_code, ExitCode::kNetwork);
  EXPECT_EQ(outcome.error().message, "no route to the store");
}

TEST(RunInBackground, AChildThatDiesIsAnInternalFailure) {
  const auto outcome = RunInBackground([](const ReadyCallback&) -> Outcome<ExitCode> {
    raise(SIGKILL);
    return ExitCode::kOk;
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().exit_code, ExitCode::kInternal);
  EXPECT_THAT(outcome.error().message, HasSubstr("signal 9"));
}

}  // namespace
}  // namespace skybridge::cli
