// sync, verify, ls and cat over the wire.
#include <gmock/gmock.h>

#include "tests/cli/cloud_bench.h"

namespace skybridge::cli {
namespace {

using ::testing::HasSubstr;

class Copy : public CloudBench {};

TEST_F(Copy, ADirectoryGoesUpComesOverAndIsProvedEqual) {
  const std::string large(std::size_t{20} << 20, 'x');
  Write("tree/a/small.txt", "text", 0640);
  Write("tree/large.bin", large);
  const Invocation up = Run({"sync", Path("tree"), "oci:up"});
  ASSERT_EQ(up.exit_code, ExitCode::kOk) << up.err;
  EXPECT_THAT(up.out, HasSubstr("copied 2 files, 20.0 MiB"));
  ASSERT_EQ(Run({"sync", "oci:up", "copy:over"}).exit_code, ExitCode::kOk);
  const Invocation verify =
      Run({"verify", "--read-all", "--attributes", "all", Path("tree"), "copy:over"});
  EXPECT_EQ(verify.exit_code, ExitCode::kOk) << verify.out;
  EXPECT_EQ(Run({"cat", "copy:over/large.bin"}).out, large);
  EXPECT_THAT(Run({"ls", "-l", "copy:over/a"}).out, HasSubstr("-rw-r-----         4 B  "));
}

TEST_F(Copy, ASecondPassCopiesNothing) {
  Write("tree/a", "text");
  ASSERT_EQ(Run({"sync", Path("tree"), "oci:"}).exit_code, ExitCode::kOk);
  EXPECT_THAT(Run({"sync", Path("tree"), "oci:"}).out, HasSubstr("copied 0 files"));
}

TEST_F(Copy, ALocalDestinationIsMade) {
  Write("tree/a", "text");
  ASSERT_EQ(Run({"sync", Path("tree"), Path("new/place")}).exit_code, ExitCode::kOk);
  EXPECT_EQ(Run({"cat", Path("new/place/a")}).out, "text");
  EXPECT_EQ(Run({"sync", Path("none"), Path("other")}).exit_code, ExitCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(Path("other")));
}

TEST_F(Copy, VerifyFindsOneChangedByte) {
  Write("tree/a", "text");
  ASSERT_EQ(Run({"sync", Path("tree"), "oci:"}).exit_code, ExitCode::kOk);
  Write("tree/a", "tExt");
  const Invocation verify = Run({"verify", Path("tree"), "oci:"});
  EXPECT_EQ(verify.exit_code, ExitCode::kIncomplete);
  EXPECT_THAT(verify.out, HasSubstr("content: a"));
}

TEST_F(Copy, DoctorPassesOnAHealthyRemoteAndLeavesNothing) {
  const Invocation doctor = Run({"doctor", "oci"});
  EXPECT_EQ(doctor.out.find("FAIL oci"), std::string::npos) << doctor.out;
  EXPECT_THAT(doctor.out, HasSubstr("OK   oci delete: "));
  EXPECT_EQ(Run({"ls", "-R", "oci:"}).out, "");
}

}  // namespace
}  // namespace skybridge::cli
