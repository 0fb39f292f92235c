#include "cli/exit_codes.h"

#include <gtest/gtest.h>

#include "cli/failure.h"

namespace skybridge::cli {
namespace {

TEST(ExitCodes, AreTheDocumentedNumbers) {
  EXPECT_EQ(static_cast<int>(ExitCode::kOk), 0);
  EXPECT_EQ(static_cast<int>(ExitCode::kIncomplete), 1);
  EXPECT_EQ(static_cast<int>(ExitCode::kUsage), 2);
  EXPECT_EQ(static_cast<int>(ExitCode::kConfiguration), 3);
  EXPECT_EQ(static_cast<int>(ExitCode::kAuthentication), 4);
  EXPECT_EQ(static_cast<int>(ExitCode::kNotFound), 5);
  EXPECT_EQ(static_cast<int>(ExitCode::kNetwork), 6);
  EXPECT_EQ(static_cast<int>(ExitCode::kLocalResource), 7);
  EXPECT_EQ(static_cast<int>(ExitCode::kInterrupted), 8);
  EXPECT_EQ(static_cast<int>(ExitCode::kInternal), 70);
}

TEST(ExitCodes, OfARemoteFollowTheErrorCode) {
  const auto of = [](ErrorCode code) { return ExitCodeFor(code, Phase::kRemote); };
  EXPECT_EQ(of(ErrorCode::kUnauthenticated), ExitCode::kAuthentication);
  EXPECT_EQ(of(ErrorCode::kPermissionDenied), ExitCode::kAuthentication);
  EXPECT_EQ(of(ErrorCode::kContainerNotFound), ExitCode::kNotFound);
  EXPECT_EQ(of(ErrorCode::kNotFound), ExitCode::kNotFound);
  EXPECT_EQ(of(ErrorCode::kUnavailable), ExitCode::kNetwork);
  EXPECT_EQ(of(ErrorCode::kTimedOut), ExitCode::kNetwork);
  EXPECT_EQ(of(ErrorCode::kUnreachable), ExitCode::kNetwork);
  EXPECT_EQ(of(ErrorCode::kCancelled), ExitCode::kInterrupted);
  EXPECT_EQ(of(ErrorCode::kPreconditionFailed), ExitCode::kIncomplete);
  EXPECT_EQ(of(ErrorCode::kInternal), ExitCode::kInternal);
}

TEST(ExitCodes, TheSameErrorOfADiskIsALocalResource) {
  EXPECT_EQ(ExitCodeFor(ErrorCode::kPermissionDenied, Phase::kLocal), ExitCode::kLocalResource);
  EXPECT_EQ(ExitCodeFor(ErrorCode::kNotFound, Phase::kLocal), ExitCode::kLocalResource);
  EXPECT_EQ(ExitCodeFor(ErrorCode::kPermissionDenied, Phase::kConfiguration),
            ExitCode::kConfiguration);
  EXPECT_EQ(ExitCodeFor(ErrorCode::kUnauthenticated, Phase::kConfiguration),
            ExitCode::kAuthentication);
}

TEST(Failure, IsOneLineWithReasonAndRemedy) {
  const Error error{
      .code = ErrorCode::kContainerNotFound,
      .message = "container 'raw' is\nmissing",
      .remote = {.http_status = 404, .service_code = "FilesystemNotFound", .request_id = "5f0e"}};
  EXPECT_EQ(FailureLine(MakeFailure("remote azure", error, Phase::kRemote)),
            "skybridge: remote azure: container 'raw' is missing (404 FilesystemNotFound, request "
            "5f0e); check the name, "
            "create it, or grant these credentials access\n");
}

TEST(Failure, KeepsARemedyThatTheErrorBrings) {
  Error error{.code = ErrorCode::kUnavailable, .message = "no route"};
  error.Advise("plug it in");
  EXPECT_EQ(MakeFailure("x", error, Phase::kRemote).message, "x: no route; plug it in");
}

TEST(Failure, TakesNoRemedyFromTheTextOfAMessage) {
  const Error error{.code = ErrorCode::kUnauthenticated, .message = "signature of 'a;b' refused"};
  EXPECT_EQ(MakeFailure("x", error, Phase::kRemote).message,
            "x: signature of 'a;b' refused; check the credentials with `skybridge doctor`");
}

}  // namespace
}  // namespace skybridge::cli
