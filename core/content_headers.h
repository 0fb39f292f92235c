// ContentHeaders: what an object's HTTP readers are told of its content beside the bytes. A service
// keeps them with the object, apart from the metadata of its users. Vocabulary for stores and caches.
#pragma once

#include <string>

namespace skybridge {

// Values as they stand in the header; empty: none. A store shows "application/octet-stream", which
// services give to what was written without a type, as an empty type.
struct ContentHeaders {
  std::string type;
  std::string encoding;
  std::string language;
  std::string disposition;
  std::string cache_control;

  bool empty() const { return *this == ContentHeaders(); }
  bool operator==(const ContentHeaders&) const = default;
};

}  // namespace skybridge
