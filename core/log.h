// Logging without spdlog in headers. Text goes to stderr (and to the journal under systemd).
//
//   Log(LogLevel::kWarning, "azure: token refused, asking again: {}", error.ToString());
//
// Never log keys, tokens, signed URLs or secrets. Log once, where the error leaves our code.
#pragma once

#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace skybridge {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// The least level that is written; kInfo at start. Safe from many threads.
void SetLogLevel(LogLevel level);
bool LogEnabled(LogLevel level);
// Writes to this file instead of stderr (a daemon that has left its terminal); a new file has mode
// 0600. False if it cannot be opened.
bool SetLogFile(std::string_view path);
// Writes to the system's log (syslog, which the journal collects) instead: a daemon without a log
// file.
void SetLogToSyslog();
void LogText(LogLevel level, std::string_view text);

template <class... Args>
void Log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (LogEnabled(level)) LogText(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace skybridge
