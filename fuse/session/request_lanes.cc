#include "fuse/session/request_lanes.h"

#include <algorithm>
#include <utility>

namespace skybridge::fuse {
namespace {

// A stop request notifies no condition variable, and deadlines come in any order: both are looked
// at this often while requests wait.
constexpr std::chrono::milliseconds kLookAgain{50};

bool MayBeRefused(const WaitingRequest& request) {
  return request.deadline != MonotonicTime::max();
}

}  // namespace

RequestLanes::RequestLanes(const LaneLimits& limits, const Clock& clock)
    : limits_(limits), clock_(clock), lanes_(limits.lanes) {}

bool RequestLanes::Enter(std::size_t lane) {
  MutexLock lock(mutex_);
  if (lanes_[lane].at_work >= limits_.at_work) return false;
  ++lanes_[lane].at_work;
  return true;
}

RequestLanes::Verdict RequestLanes::Wait(std::size_t number, WaitingRequest request) {
  MutexLock lock(mutex_);
  Lane& lane = lanes_[number];
  if (lane.at_work < limits_.at_work) {
    ++lane.at_work;
    return {.now = std::move(request)};
  }
  const bool full = lane.queue.size() >= limits_.waiting ||
                    lane.waiting_bytes + request.message.size() > limits_.waiting_bytes;
  if (full && MayBeRefused(request)) return {.now = std::move(request), .refused = true};
  lane.waiting_bytes += request.message.size();
  lane.queue.push_back(std::move(request));
  changed_.NotifyAll();
  return {};
}

std::optional<WaitingRequest> RequestLanes::Leave(std::size_t number) {
  MutexLock lock(mutex_);
  Lane& lane = lanes_[number];
  if (!lane.queue.empty()) return Take(lane, lane.queue.begin());
  --lane.at_work;
  return std::nullopt;
}

std::optional<WaitingRequest> RequestLanes::TakeInterrupted(std::uint64_t unique) {
  MutexLock lock(mutex_);
  for (Lane& lane : lanes_) {
    const auto found = std::find_if(
        lane.queue.begin(), lane.queue.end(),
        [&](const WaitingRequest& r) { return r.unique == unique && MayBeRefused(r); });
    if (found != lane.queue.end()) return Take(lane, found);
  }
  return std::nullopt;
}

std::vector<WaitingRequest> RequestLanes::AwaitLate(const std::stop_token& stop) {
  std::vector<WaitingRequest> late;
  const std::stop_callback wake(stop, [this] {
    MutexLock lock(mutex_);
    changed_.NotifyAll();
  });
  MutexLock lock(mutex_);
  while (late.empty() && !stop.stop_requested()) {
    const MonotonicTime now = clock_.Now();
    bool some_wait = false;
    for (Lane& lane : lanes_) {
      for (auto request = lane.queue.begin(); request != lane.queue.end();) {
        if (request->deadline > now) {
          ++request;
          continue;
        }
        const auto place = request - lane.queue.begin();
        late.push_back(Take(lane, request));
        request = lane.queue.begin() + place;
      }
      some_wait |= !lane.queue.empty();
    }
    if (!late.empty()) break;
    clock_.WaitUntil(changed_, mutex_, some_wait ? now + kLookAgain : MonotonicTime::max());
  }
  return late;
}

std::vector<WaitingRequest> RequestLanes::TakeAll() {
  MutexLock lock(mutex_);
  std::vector<WaitingRequest> all;
  for (Lane& lane : lanes_) {
    while (!lane.queue.empty()) all.push_back(Take(lane, lane.queue.begin()));
  }
  return all;
}

std::size_t RequestLanes::waiting() const {
  MutexLock lock(mutex_);
  std::size_t count = 0;
  for (const Lane& lane : lanes_) count += lane.queue.size();
  return count;
}

WaitingRequest RequestLanes::Take(Lane& lane, std::deque<WaitingRequest>::iterator place) {
  WaitingRequest request = std::move(*place);
  lane.waiting_bytes -= request.message.size();
  lane.queue.erase(place);
  return request;
}

}  // namespace skybridge::fuse
