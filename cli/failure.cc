#include "cli/failure.h"

#include <fmt/format.h>

namespace skybridge::cli {
namespace {

std::string_view RemoteRemedy(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthenticated:
      return "check the credentials with `skybridge doctor`";
    case ErrorCode::kPermissionDenied:
      return "grant these credentials access to the container";
    case ErrorCode::kContainerNotFound:
      return "check the name, create it, or grant these credentials access";
    case ErrorCode::kUnavailable:
    case ErrorCode::kUnreachable:
    case ErrorCode::kTimedOut:
      return "check the endpoint's name, the network and the proxy";
    case ErrorCode::kThrottled:
      return "try again later, or lower max_requests of the remote";
    default:
      return "";
  }
}

std::string_view LocalRemedy(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNoSpace:
      return "free some space, or choose another directory with --cache-dir";
    case ErrorCode::kNoDescriptors:
      return "raise the limit on open files (ulimit -n, LimitNOFILE=)";
    case ErrorCode::kReadOnly:
      return "choose a directory that can be written with --cache-dir";
    default:
      return "";
  }
}

std::string_view Remedy(ErrorCode code, Phase phase) {
  switch (phase) {
    case Phase::kConfiguration:
      return "";
    case Phase::kRemote:
      return RemoteRemedy(code);
    case Phase::kLocal:
      return LocalRemedy(code);
  }
  return "";
}

}  // namespace

std::string Reason(const Error& error) {
  std::string text = error.message.empty() ? std::string(ErrorCodeName(error.code)) : error.message;
  const RemoteFacts& remote = error.remote;
  if (remote.http_status == 0) return text;
  text += fmt::format(" ({}", remote.http_status);
  if (!remote.service_code.empty()) text += " " + remote.service_code;
  if (!remote.request_id.empty()) text += ", request " + remote.request_id;
  return text + ")";
}

Failure MakeFailure(std::string_view what, const Error& error, Phase phase) {
  Failure failure{.exit_code = ExitCodeFor(error.code, phase), .message = Reason(error)};
  if (!what.empty()) failure.message = fmt::format("{}: {}", what, failure.message);
  const std::string_view remedy = Remedy(error.code, phase);
  if (!remedy.empty() && !error.has_remedy) failure.message += fmt::format("; {}", remedy);
  return failure;
}

std::string FailureLine(const Failure& failure) {
  std::string line = "skybridge: " + failure.message;
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line + "\n";
}

}  // namespace skybridge::cli
