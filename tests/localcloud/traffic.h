// What a server of the local cloud has carried, by operation. Tests and benchmarks compare request
// counts by it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/mutex.h"

namespace skybridge::localcloud {

struct TrafficCount {
  std::uint64_t requests = 0;
  std::uint64_t bytes_up = 0;              // bodies of requests
  std::uint64_t bytes_down = 0;            // bodies of replies
  std::map<int, std::uint64_t> by_status;  // 0: the connection was reset instead of a reply
};

// Safe from many threads.
class Traffic {
 public:
  void Count(std::string_view operation, int status, std::uint64_t bytes_up,
             std::uint64_t bytes_down);
  void Reset();
  TrafficCount Of(std::string_view operation) const;  // zeros when it never happened
  std::map<std::string, TrafficCount, std::less<>> All() const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, TrafficCount, std::less<>> by_operation_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::localcloud
