#include "cli/service_manager.h"

#include <systemd/sd-daemon.h>

#include <cstdint>
#include <utility>

namespace skybridge::cli {

// Each result is ignored: a service works the same where nobody listens.
void NotifyReady(const std::string& status) { sd_notify(0, ("READY=1\nSTATUS=" + status).c_str()); }
void NotifyStatus(const std::string& status) { sd_notify(0, ("STATUS=" + status).c_str()); }
void NotifyStopping() { sd_notify(0, "STOPPING=1"); }

WatchdogFeeder::WatchdogFeeder(Clock& clock, std::function<bool()> is_alive) {
  std::uint64_t limit_usec = 0;
  if (sd_watchdog_enabled(0, &limit_usec) <= 0) return;
  const std::chrono::microseconds interval(limit_usec / 3);
  thread_ =
      std::jthread([&clock, interval, is_alive = std::move(is_alive)](const std::stop_token& stop) {
        do {
          if (is_alive()) sd_notify(0, "WATCHDOG=1");
        } while (clock.SleepUntil(clock.Now() + interval, stop));
      });
}

}  // namespace skybridge::cli
