// Overflows a signed integer: the undefined-behaviour sanitizer must end this program with a
// failure.
#include <limits>

int main() {
  volatile int value = std::numeric_limits<int>::max();
  value = value + 1;
  return 0;
}
