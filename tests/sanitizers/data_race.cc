// Two threads write one variable without a lock: the thread sanitizer must end this program with a
// failure.
#include <thread>

int main() {
  int value = 0;
  {
    std::jthread first([&] {
      for (int i = 0; i < 100000; ++i) ++value;
    });
    std::jthread second([&] {
      for (int i = 0; i < 100000; ++i) ++value;
    });
  }
  return value < 0 ? 1 : 0;
}
