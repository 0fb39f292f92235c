// Hands libFuzzer's inputs to the one target of this program.
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const skybridge::fuzz::FuzzTarget target = skybridge::fuzz::Targets().at(0);
  target.run({reinterpret_cast<const char*>(data), size});
  return 0;
}
