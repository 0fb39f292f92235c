// Runs one target over the files of a directory: fuzz_replay TARGET DIRECTORY. Needs no libFuzzer.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/fuzz_target.h"

namespace {

std::string ReadWhole(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s TARGET DIRECTORY\n", argv[0]);
    return 2;
  }
  const auto& targets = skybridge::fuzz::Targets();
  const auto target = std::find_if(targets.begin(), targets.end(),
                                   [&](const auto& known) { return known.name == argv[1]; });
  if (target == targets.end()) {
    std::fprintf(stderr, "there is no target '%s'\n", argv[1]);
    return 2;
  }
  std::error_code error;
  int inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[2], error)) {
    // Named first: if the target aborts, this is the line above it.
    std::printf("%s\n", entry.path().c_str());
    std::fflush(stdout);
    target->run(ReadWhole(entry.path()));
    ++inputs;
  }
  if (inputs == 0) {
    std::fprintf(stderr, "no inputs in '%s'\n", argv[2]);
    return 1;
  }
  std::printf("%d inputs\n", inputs);
  return 0;
}
