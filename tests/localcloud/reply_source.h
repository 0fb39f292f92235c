// The body of a reply as a sequence of slices that is read from any offset: what the server sends
// from when a reply is slowed down, cut or stalled. (Plain replies are sent straight from the
// slices.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "tests/localcloud/service.h"

namespace skybridge::localcloud {

// The parts of a response's body in order, empty ones left out; valid while `response` lives and is
// not changed.
inline std::vector<std::string_view> BodyParts(const Response& response) {
  std::vector<std::string_view> parts;
  if (response.slices.empty()) {
    if (!response.body.empty()) parts.emplace_back(response.body);
    return parts;
  }
  for (const Slice& slice : response.slices) {
    if (!slice.bytes.empty()) parts.push_back(slice.bytes);
  }
  return parts;
}

inline std::uint64_t BodyLength(const Response& response) {
  std::uint64_t length = 0;
  for (const std::string_view part : BodyParts(response)) length += part.size();
  return length;
}

// Reads forward. Not safe from many threads.
class ReplySource {
 public:
  explicit ReplySource(std::vector<std::string_view> parts) : parts_(std::move(parts)) {}

  // Copies up to `max` of the bytes that follow what was read; 0 at the end.
  std::size_t Read(char* into, std::size_t max) {
    while (part_ < parts_.size() && in_part_ == parts_[part_].size()) {
      ++part_;
      in_part_ = 0;
    }
    if (part_ == parts_.size()) return 0;
    const std::string_view rest = parts_[part_].substr(in_part_, max);
    std::memcpy(into, rest.data(), rest.size());
    in_part_ += rest.size();
    return rest.size();
  }

 private:
  std::vector<std::string_view> parts_;
  std::size_t part_ = 0;
  std::size_t in_part_ = 0;
};

}  // namespace skybridge::localcloud
