#include "core/error.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace skybridge {
namespace {

TEST(ErrorFromErrno, TellsThatDescriptorsAreShort) {
  EXPECT_EQ(ErrorFromErrno(EMFILE, "open").code, ErrorCode::kNoDescriptors);
  EXPECT_EQ(ErrorFromErrno(ENFILE, "open").code, ErrorCode::kNoDescriptors);
  EXPECT_EQ(ErrorFromErrno(ENOSPC, "write").code, ErrorCode::kNoSpace);
}

}  // namespace
}  // namespace skybridge
