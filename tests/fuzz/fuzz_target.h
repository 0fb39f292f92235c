// FuzzTarget: one parser fed with bytes that somebody else chose. The same function runs under
// libFuzzer (preset `fuzz`) and, in every other build, over the inputs kept in corpus/NAME, so that
// each input that once broke something is a test from then on. docs/fuzzing.md says how to use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace skybridge::fuzz {

struct FuzzTarget {
  std::string_view name;
  void (*run)(std::string_view input);
};

// The targets linked into this program.
std::vector<FuzzTarget>& Targets();

struct Registration {
  explicit Registration(FuzzTarget target) { Targets().push_back(target); }
};

// Ends the program, loudly, if what must hold for every input does not.
void Require(bool holds, std::string_view what);

// Takes an input apart: choices first, the text that is parsed last. An input that is too short
// reads as zeros.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t Byte() {
    if (rest_.empty()) return 0;
    const char byte = rest_.front();
    rest_.remove_prefix(1);
    return static_cast<std::uint8_t>(byte);
  }
  std::uint32_t Number() {
    std::uint32_t number = 0;
    for (int i = 0; i < 4; ++i) number = number << 8 | Byte();
    return number;
  }
  // Up to the next line end, which is dropped.
  std::string_view Line() {
    const auto end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return line;
  }
  std::string_view Rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace skybridge::fuzz

// Defines a target: FUZZ_TARGET(percent) { ... uses `input` ... }
#define FUZZ_TARGET(target_name)                                            \
  static void Run_##target_name(std::string_view input);                    \
  static const ::skybridge::fuzz::Registration kRegistration_##target_name{ \
      {.name = #target_name, .run = &Run_##target_name}};                   \
  static void Run_##target_name(std::string_view input)
