#include "cli/overlap.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temp_directory.h"
#include "tests/unit/cli/fake_stores.h"

namespace skybridge::cli {
namespace {

namespace fs = std::filesystem;

class OverlapTest : public ::testing::Test {
 protected:
  OverlapTest() {
    for (const char* name : {"s", "s/sub", "t"}) fs::create_directory(directory_.Sub(name));
    fs::create_directory_symlink("s", directory_.Sub("l"));
  }
  bool Meet(const std::string& a, const std::string& b) {
    const auto place_a = FindPlace(a, bench_.context);
    const auto place_b = FindPlace(b, bench_.context);
    EXPECT_TRUE(place_a && place_b);
    return Overlap(*place_a, *place_b, bench_.context) &&
           Overlap(*place_b, *place_a, bench_.context);
  }
  bool MeetHere(const std::string& a, const std::string& b) {
    return Meet(directory_.Sub(a), directory_.Sub(b));
  }

  testing::TempDirectory directory_;
  CommandBench bench_;
};

TEST_F(OverlapTest, DirectoriesAreComparedByWhatTheyAre) {
  EXPECT_TRUE(MeetHere("s", "s"));
  EXPECT_TRUE(MeetHere("s", "l"));
  EXPECT_TRUE(MeetHere("s", "l/in"));
  EXPECT_TRUE(MeetHere("l/sub", "s"));
  EXPECT_TRUE(MeetHere("s", "t/../s/not/there"));
  EXPECT_TRUE(MeetHere("not/there", "not"));
  EXPECT_FALSE(MeetHere("s", "t"));
  EXPECT_FALSE(MeetHere("s", "s2"));
  EXPECT_FALSE(MeetHere("s/sub", "s/other"));
  EXPECT_FALSE(MeetHere("l/new", "t"));
}

TEST_F(OverlapTest, UrisOfOneContainerAreOnePlace) {
  const std::string azure = "abfss://raw@contoso.dfs.core.windows.net/";
  EXPECT_TRUE(Meet(azure, "https://contoso.blob.core.windows.net/raw/a"));
  EXPECT_TRUE(Meet(azure + "a", "wasbs://raw@contoso.blob.core.windows.net/a/b"));
  EXPECT_FALSE(Meet(azure + "a", azure + "ab"));
  EXPECT_FALSE(Meet(azure, "abfss://other@contoso.dfs.core.windows.net/"));
  EXPECT_FALSE(Meet(azure, "oci://raw@contoso/"));
  EXPECT_TRUE(Meet("oci://lake@ns/a", "oci://lake@ns.us-ashburn-1/a/b"));
  EXPECT_FALSE(Meet("oci://lake@ns.us-phoenix-1/a", "oci://lake@ns.us-ashburn-1/a/b"));
  EXPECT_FALSE(Meet("oci://lake@ns/a", directory_.path()));
}

}  // namespace
}  // namespace skybridge::cli
