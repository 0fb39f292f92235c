// Reads freed memory: the address sanitizer must end this program with a failure.
int main() {
  volatile int* value = new int(1);
  delete value;
  return *value == 1 ? 0 : 0;
}
