#include "core/child_process.h"

#include <gtest/gtest.h>

#include "tests/support/machine_clock.h"

namespace skybridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ChildProcess, GivesOutputErrorsAndExitCode) {
  const auto result = RunProgram(
      {.arguments = {"/bin/sh", "-c", "echo out; echo err >&2; exit 3"}, .time_limit = seconds(20)},
      testing::MachineClock(), {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->errors, "err\n");
  EXPECT_EQ(result->exit_code, 3);
}

TEST(ChildProcess, PassesArgumentsAsTheyAre) {
  const auto result =
      RunProgram({.arguments = {"printf", "%s", "$(id) 'x'; `y` *"}, .time_limit = seconds(20)},
                 testing::MachineClock(), {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "$(id) 'x'; `y` *");
}

TEST(ChildProcess, ProgramThatIsNotThereIsNotFound) {
  const auto result = RunProgram({.arguments = {"no-such-program-here"}, .time_limit = seconds(20)},
                                 testing::MachineClock(), {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

TEST(ChildProcess, KillsWhatDoesNotEndInTime) {
  const auto begin = std::chrono::steady_clock::now();
  const auto result = RunProgram(
      {.arguments = {"/bin/sh", "-c", "sleep 60 & sleep 60"}, .time_limit = milliseconds(50)},
      testing::MachineClock(), {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTimedOut);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(30));
}

TEST(ChildProcess, EndsInTimeAlsoWhenTheOutputIsClosedEarly) {
  const auto result = RunProgram(
      {.arguments = {"/bin/sh", "-c", "exec >&- 2>&-; sleep 60"}, .time_limit = milliseconds(50)},
      testing::MachineClock(), {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTimedOut);
}

TEST(ChildProcess, IsKilledWhenTheCallerIsStopped) {
  std::stop_source stop;
  stop.request_stop();
  const auto result = RunProgram({.arguments = {"sleep", "60"}, .time_limit = seconds(60)},
                                 testing::MachineClock(), stop.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
}

TEST(ChildProcess, RefusesMoreOutputThanAllowed) {
  const auto result =
      RunProgram({.arguments = {"/bin/sh", "-c", "while :; do echo yyyyyyyyyyyyyyyy; done"},
                  .time_limit = seconds(20),
                  .max_output_bytes = 1000},
                 testing::MachineClock(), {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace skybridge
