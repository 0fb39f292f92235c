#include "core/log.h"

#include <memory>
#include <string>

#include <fcntl.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include "core/file_descriptor.h"

namespace skybridge {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%e %l %v";

// spdlog's default logger, replaced once so that nothing reaches stdout: stdout belongs to command
// output.
void EnsureStderr() {
  static const bool kDone = [] {
    auto logger = std::make_shared<spdlog::logger>(
        "skybridge", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern(kPattern);
    spdlog::set_default_logger(std::move(logger));
    return true;
  }();
  static_cast<void>(kDone);
}

}  // namespace

void SetLogLevel(LogLevel level) {
  EnsureStderr();
  spdlog::set_level(ToSpdlog(level));
}

bool LogEnabled(LogLevel level) {
  EnsureStderr();
  return spdlog::should_log(ToSpdlog(level));
}

bool SetLogFile(std::string_view path) {
  EnsureStderr();
  // Names of files stand in a log: a new one is its owner's only. spdlog would make it for all.
  const FileDescriptor made(
      ::open(std::string(path).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!made) return false;
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(std::string(path));
    auto logger = std::make_shared<spdlog::logger>("skybridge", std::move(sink));
    logger->set_pattern(kPattern);
    logger->set_level(spdlog::get_level());
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
    return true;
  } catch (const spdlog::spdlog_ex&) {
    return false;
  }
}

void SetLogToSyslog() {
  EnsureStderr();
  auto sink = std::make_shared<spdlog::sinks::syslog_sink_mt>("skybridge", LOG_PID, LOG_DAEMON,
                                                              /*enable_formatting=*/false);
  auto logger = std::make_shared<spdlog::logger>("skybridge", std::move(sink));
  logger->set_level(spdlog::get_level());
  spdlog::set_default_logger(std::move(logger));
}

void LogText(LogLevel level, std::string_view text) {
  EnsureStderr();
  spdlog::log(ToSpdlog(level), text);
}

}  // namespace skybridge
