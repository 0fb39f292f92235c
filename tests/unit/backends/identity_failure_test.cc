#include "backends/identity_failure.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace skybridge {
namespace {

TEST(IdentityFailure, OfAFileIsARefusalAndKeepsItsReason) {
  for (const int reason : {ENOENT, EACCES, ENOTDIR, EISDIR, ENAMETOOLONG, EINVAL, EROFS, EEXIST,
                           ENOTEMPTY, EBUSY, EFBIG, ENOSPC, ENOSYS}) {
    const Error before = ErrorFromErrno(reason, "security token '/t'");
    const Error error = AsIdentityFailure(before);
    EXPECT_EQ(error.code, ErrorCode::kUnauthenticated) << before.ToString();
    EXPECT_FALSE(error.retryable) << before.ToString();
    EXPECT_EQ(error.message, before.message);
  }
}

TEST(IdentityFailure, ThatTheIssuerSaysIsARefusal) {
  for (const RemoteFacts& remote :
       {RemoteFacts{.http_status = 404, .service_code = "NotAuthorizedOrNotFound"},
        RemoteFacts{.http_status = 404, .request_id = "r"}}) {
    const Error error = AsIdentityFailure({.code = ErrorCode::kNotFound, .remote = remote});
    EXPECT_EQ(error.code, ErrorCode::kUnauthenticated);
    EXPECT_FALSE(error.retryable);
    EXPECT_EQ(error.remote.http_status, 404);
  }
}

TEST(IdentityFailure, OfSomethingInTheIssuersPlaceMayPass) {
  for (const ErrorCode code :
       {ErrorCode::kNotFound, ErrorCode::kContainerNotFound, ErrorCode::kPreconditionFailed,
        ErrorCode::kConflict, ErrorCode::kInvalidArgument, ErrorCode::kNotSupported}) {
    const Error error = AsIdentityFailure({.code = code, .remote = {.http_status = 404}});
    EXPECT_EQ(error.code, ErrorCode::kUnavailable) << ErrorCodeName(code);
    EXPECT_TRUE(error.retryable) << ErrorCodeName(code);
  }
}

TEST(IdentityFailure, OfAProxyThatRefusesIsARefusal) {
  for (const auto& [code, status] :
       {std::pair(ErrorCode::kPermissionDenied, 403), {ErrorCode::kInvalidArgument, 407}}) {
    const Error error = AsIdentityFailure({.code = code, .remote = {.http_status = status}});
    EXPECT_EQ(error.code, ErrorCode::kUnauthenticated) << status;
    EXPECT_FALSE(error.retryable) << status;
  }
}

TEST(IdentityFailure, ThatMayPassStaysSo) {
  const Error error = AsIdentityFailure({.code = ErrorCode::kConflict,
                                         .retryable = true,
                                         .remote = {.http_status = 409, .service_code = "Busy"}});
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_TRUE(error.retryable);
}

TEST(IdentityFailure, ThatIsNotAboutObjectsStaysAsItIs) {
  for (const bool retryable : {false, true}) {
    for (const ErrorCode code :
         {ErrorCode::kUnauthenticated, ErrorCode::kThrottled, ErrorCode::kUnavailable,
          ErrorCode::kUnreachable, ErrorCode::kTimedOut, ErrorCode::kCancelled, ErrorCode::kIo,
          ErrorCode::kInternal}) {
      const Error error = AsIdentityFailure({.code = code, .retryable = retryable});
      EXPECT_EQ(error.code, code);
      EXPECT_EQ(error.retryable, retryable);
    }
  }
}

}  // namespace
}  // namespace skybridge
