#include "fuse/session/errno_map.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace skybridge::fuse {
namespace {

struct Row {
  ErrorCode code;
  int expected;
};

class ErrnoMap : public ::testing::TestWithParam<Row> {};

TEST_P(ErrnoMap, MapsTheCode) { EXPECT_EQ(ErrnoOf(GetParam().code), GetParam().expected); }

INSTANTIATE_TEST_SUITE_P(
    EveryCode, ErrnoMap,
    ::testing::Values(
        Row{ErrorCode::kInvalidArgument, EINVAL}, Row{ErrorCode::kInvalidName, EINVAL},
        Row{ErrorCode::kNameTooLong, ENAMETOOLONG}, Row{ErrorCode::kNotFound, ENOENT},
        Row{ErrorCode::kContainerNotFound, EIO}, Row{ErrorCode::kAlreadyExists, EEXIST},
        Row{ErrorCode::kNotDirectory, ENOTDIR}, Row{ErrorCode::kIsDirectory, EISDIR},
        Row{ErrorCode::kNotEmpty, ENOTEMPTY}, Row{ErrorCode::kPreconditionFailed, ESTALE},
        Row{ErrorCode::kUnauthenticated, EACCES}, Row{ErrorCode::kPermissionDenied, EACCES},
        Row{ErrorCode::kReadOnly, EROFS}, Row{ErrorCode::kLocked, EBUSY},
        Row{ErrorCode::kThrottled, EIO}, Row{ErrorCode::kUnavailable, EIO},
        Row{ErrorCode::kTimedOut, ETIMEDOUT}, Row{ErrorCode::kUnreachable, EIO},
        Row{ErrorCode::kCancelled, EINTR}, Row{ErrorCode::kTooLarge, EFBIG},
        Row{ErrorCode::kNoSpace, ENOSPC}, Row{ErrorCode::kNoDescriptors, EMFILE},
        Row{ErrorCode::kNotSupported, ENOTSUP}, Row{ErrorCode::kCorrupt, EIO},
        Row{ErrorCode::kConflict, EBUSY}, Row{ErrorCode::kIo, EIO}, Row{ErrorCode::kInternal, EIO}),
    [](const auto& row) { return std::string(ErrorCodeName(row.param.code)); });

}  // namespace
}  // namespace skybridge::fuse
