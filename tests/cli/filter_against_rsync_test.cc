// Our filter against rsync itself: random rules over one tree, and the same nodes must be included.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/child_process.h"
#include "sync/listing/filter.h"
#include "tests/support/temp_directory.h"

namespace skybridge {
namespace {

namespace fs = std::filesystem;

using Random = std::mt19937;

std::string Pick(Random& random, const std::vector<std::string>& from) {
  return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(random)];
}

// Three levels of all combinations of a few names, so that patterns meet each other often.
std::vector<std::string> MakeTree(const fs::path& root) {
  const std::vector<std::string> names{"a", "b.c", "ab", "x*y", "q\\"};
  std::vector<std::string> directories{""};
  for (int level = 0; level < 2; ++level) {
    std::vector<std::string> deeper;
    for (const std::string& above : directories) {
      if (std::count(above.begin(), above.end(), '/') != level) continue;
      for (const std::string& name : names) deeper.push_back(above + name + "/");
    }
    directories.insert(directories.end(), deeper.begin(), deeper.end());
  }
  std::vector<std::string> paths;
  for (const std::string& directory : directories) {
    fs::create_directories(root / directory);
    if (!directory.empty()) paths.push_back(directory);
    for (const std::string& name : names) {
      const std::string file = directory + "f" + name;
      std::ofstream(root / file) << "x";
      paths.push_back(file);
    }
  }
  return paths;
}

std::string RandomRule(Random& random) {
  static const std::vector<std::string> parts{"a",   "b.c", "fa",     "*",   "**",
                                              "f*",  "?b",  "[a-f]*", "*.c", "x\\*y",
                                              "x*y", "***", "[!a]",   "q\\"};
  std::string pattern = Pick(random, {"", "", "/"});
  const int count = std::uniform_int_distribution<>(1, 3)(random);
  for (int i = 0; i < count; ++i) pattern += (i > 0 ? "/" : "") + Pick(random, parts);
  return Pick(random, {"+ ", "- "}) + pattern + Pick(random, {"", "", "/"});
}

// What rsync would send to an empty destination.
std::set<std::string> SentByRsync(const std::string& source, const std::string& destination,
                                  const std::vector<std::string>& rules) {
  ProgramCall call{.arguments = {"rsync", "-rn", "--out-format=%n", "-8"},
                   .time_limit = std::chrono::seconds(60)};
  for (const std::string& rule : rules) call.arguments.push_back("--filter=" + rule);
  call.arguments.push_back(source + "/");
  call.arguments.push_back(destination + "/");
  const auto run = RunProgram(call, SystemClock(), {});
  EXPECT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->exit_code, 0) << run->errors;
  std::set<std::string> sent;
  std::istringstream lines(run->output);
  for (std::string line; std::getline(lines, line);) {
    if (line != "./") sent.insert(line);
  }
  return sent;
}

TEST(FilterAgainstRsync, RandomRulesIncludeTheSameNodes) {
  const testing::TempDirectory directory;
  const std::vector<std::string> paths = MakeTree(directory.Sub("source"));
  fs::create_directories(directory.Sub("destination"));
  const auto seed = std::random_device{}();
  Random random(seed);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::string> rules(std::uniform_int_distribution<std::size_t>(1, 4)(random));
    for (std::string& rule : rules) rule = RandomRule(random);
    const auto filter = Filter::Parse(rules);
    ASSERT_TRUE(filter) << filter.error().message;
    std::set<std::string> included;
    for (const std::string& path : paths) {
      const bool is_directory = path.ends_with('/');
      const auto name = std::string_view(path).substr(0, path.size() - (is_directory ? 1 : 0));
      if (filter->Includes(name, is_directory ? NodeKind::kDirectory : NodeKind::kFile)) {
        included.insert(path);
      }
    }
    std::string text;
    for (const std::string& rule : rules) text += "'" + rule + "' ";
    ASSERT_EQ(included, SentByRsync(directory.Sub("source"), directory.Sub("destination"), rules))
        << "seed " << seed << ", round " << round << ", rules " << text;
  }
}

}  // namespace
}  // namespace skybridge
