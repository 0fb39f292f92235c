#include "tests/localcloud/traffic.h"

namespace skybridge::localcloud {

void Traffic::Count(std::string_view operation, int status, std::uint64_t bytes_up,
                    std::uint64_t bytes_down) {
  MutexLock lock(mutex_);
  auto found = by_operation_.find(operation);
  if (found == by_operation_.end()) found = by_operation_.emplace(operation, TrafficCount{}).first;
  TrafficCount& count = found->second;
  ++count.requests;
  count.bytes_up += bytes_up;
  count.bytes_down += bytes_down;
  ++count.by_status[status];
}

void Traffic::Reset() {
  MutexLock lock(mutex_);
  by_operation_.clear();
}

TrafficCount Traffic::Of(std::string_view operation) const {
  MutexLock lock(mutex_);
  const auto found = by_operation_.find(operation);
  return found == by_operation_.end() ? TrafficCount{} : found->second;
}

std::map<std::string, TrafficCount, std::less<>> Traffic::All() const {
  MutexLock lock(mutex_);
  return by_operation_;
}

}  // namespace skybridge::localcloud
