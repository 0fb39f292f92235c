#include "backends/upload_list.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "backends/upload_list_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"
#include "tests/support/temp_directory.h"

namespace skybridge {
namespace {

using testing::FakeClock;
using testing::FakeObjectStore;

class UploadListTest : public ::testing::Test {
 protected:
  std::string Place() const { return directory_.Sub("state/uploads"); }
  // Runs `work` in a process that is then killed.
  template <class Work>
  void InAProcessThatIsKilled(Work work) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      work();
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
  std::set<std::string> Swept(const UploadList& list, bool succeeds = true) {
    std::set<std::string> aborted;
    list.Sweep([&](const AbortUploadRequest& request) -> Status {
      aborted.insert(request.upload.value + "=" + request.key.path);
      if (!succeeds) return Fail(ErrorCode::kUnavailable, "gone");
      return {};
    });
    return aborted;
  }
  std::size_t Files() const {
    const auto begin = std::filesystem::directory_iterator(Place());
    return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator()));
  }

  testing::TempDirectory directory_;
  FakeClock clock_;
};

TEST_F(UploadListTest, WhatAKilledProcessLeftOpenIsAbortedByTheNextOne) {
  InAProcessThatIsKilled([this] {
    auto* list = new UploadList(Place());  // never destroyed: the process is killed
    (void)list->Add(UploadId{"one"}, ObjectKey("a/b c\n"));
    (void)list->Add(UploadId{"two"}, ObjectKey("d"));
    list->Remove(UploadId{"two"});
  });
  UploadList list(Place());
  EXPECT_EQ(Swept(list), std::set<std::string>{"one=a/b c\n"});
  EXPECT_EQ(Swept(list), std::set<std::string>());
  EXPECT_EQ(Files(), 0U);
}

TEST_F(UploadListTest, UploadsOfAProcessThatLivesAreLeftAlone) {
  UploadList living(Place());
  ASSERT_TRUE(living.Add(UploadId{"one"}, ObjectKey("a")));
  const UploadList other(Place());
  EXPECT_EQ(Swept(other), std::set<std::string>());
  EXPECT_EQ(Files(), 1U);
}

TEST_F(UploadListTest, WhatCouldNotBeAbortedStaysListed) {
  InAProcessThatIsKilled([this] {
    auto* list = new UploadList(Place());  // never destroyed: the process is killed
    (void)list->Add(UploadId{"one"}, ObjectKey("a"));
  });
  UploadList list(Place());
  EXPECT_EQ(Swept(list, false), std::set<std::string>{"one=a"});
  EXPECT_EQ(Swept(list), std::set<std::string>{"one=a"});
}

TEST_F(UploadListTest, ALineThatIsNotWholeIsIgnored) {
  std::filesystem::create_directories(Place());
  std::ofstream(Place() + "/1-x.uploads") << "+ 6f6e65 61\n+ 74776f 6";
  UploadList list(Place());
  EXPECT_EQ(Swept(list), std::set<std::string>{"one=a"});
}

TEST_F(UploadListTest, AStoreWritesItsUploadsDownUntilTheyAreOver) {
  FakeObjectStore below(clock_);
  UploadList list(Place());
  UploadListStore store(below, list);
  const std::string text = "content";
  for (const bool commit : {true, false}) {
    const auto upload = store.StartUpload({.key = ObjectKey("f"), .append_to = {}}, {});
    ASSERT_TRUE(upload);
    EXPECT_EQ(Files(), 1U);
    if (!commit) {
      EXPECT_TRUE(store.AbortUpload({.upload = *upload, .key = ObjectKey("f")}, {}));
      continue;
    }
    const auto part =
        store.UploadPart({.upload = *upload, .key = ObjectKey("f"), .body = AsBytes(text)}, {});
    ASSERT_TRUE(part);
    EXPECT_TRUE(
        store.CommitUpload({.upload = *upload, .key = ObjectKey("f"), .parts = {*part}}, {}));
  }
  std::string written;
  for (const auto& entry : std::filesystem::directory_iterator(Place())) {
    std::ifstream file(entry.path());
    written.assign(std::istreambuf_iterator<char>(file), {});
  }
  EXPECT_EQ(std::count(written.begin(), written.end(), '+'), 2);
  EXPECT_EQ(std::count(written.begin(), written.end(), '-'), 2);
}

}  // namespace
}  // namespace skybridge
