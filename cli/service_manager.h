// ServiceManager: what a foreground service tells systemd (sd_notify(3)). Without $NOTIFY_SOCKET
// nothing is told. Safe from many threads.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "core/clock.h"

namespace skybridge::cli {

void NotifyReady(const std::string& status);
// One line about what the service does now (`systemctl status` shows it).
void NotifyStatus(const std::string& status);
void NotifyStopping();

// Feeds the watchdog of the unit (WatchdogSec=) as long as `is_alive` says so, three times as often
// as it must be fed; without a watchdog it does nothing. `is_alive` is called from a thread of the
// feeder.
class WatchdogFeeder {
 public:
  WatchdogFeeder(Clock& clock, std::function<bool()> is_alive);
  ~WatchdogFeeder() = default;
  WatchdogFeeder(const WatchdogFeeder&) = delete;
  WatchdogFeeder& operator=(const WatchdogFeeder&) = delete;

 private:
  std::jthread thread_;
};

}  // namespace skybridge::cli
