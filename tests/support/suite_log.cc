// Part of every test program: as a part of the suite it writes its log at debug to a file as well
// (see seen_secrets.h), whatever reaches the terminal.
#include <unistd.h>

#include <fstream>
#include <memory>
#include <mutex>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "core/log.h"
#include "tests/support/seen_secrets.h"

namespace skybridge::testing {
namespace {

// Opened by the first line: most tests log nothing.
class SuiteLog final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit SuiteLog(std::string path) : path_(std::move(path)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (!file_.is_open()) file_.open(path_, std::ios::app);
    file_ << std::string_view(message.payload.data(), message.payload.size()) << std::endl;
  }
  void flush_() override {}

  const std::string path_;
  std::ofstream file_;
};

const bool kStarted = [] {
  const auto directory = SuiteLogDirectory();
  if (!directory) return false;
  LogEnabled(LogLevel::kDebug);  // makes the logger
  const auto logger = spdlog::default_logger();
  for (const auto& sink : logger->sinks()) sink->set_level(spdlog::level::info);
  logger->sinks().push_back(
      std::make_shared<SuiteLog>(*directory + "/" + std::to_string(::getpid()) + ".log"));
  SetLogLevel(LogLevel::kDebug);
  return true;
}();

}  // namespace
}  // namespace skybridge::testing
