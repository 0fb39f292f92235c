#include "core/secret.h"

#include <string.h>

#include <utility>

namespace skybridge {

Secret::Secret(std::string&& value) : bytes_(value.begin(), value.end()) {
  explicit_bzero(value.data(), value.size());
  value.clear();
}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    Wipe();
    bytes_ = other.bytes_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    Wipe();
    bytes_ = std::move(other.bytes_);
    other.bytes_.clear();
  }
  return *this;
}

void Secret::Wipe() {
  if (!bytes_.empty()) explicit_bzero(bytes_.data(), bytes_.size());
}

}  // namespace skybridge
