// Failure: the end of a command that could not do its work: an exit code and one line for stderr.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "cli/exit_codes.h"
#include "core/error.h"

namespace skybridge::cli {

struct Failure {
  ExitCode exit_code = ExitCode::kInternal;
  std::string message;  // one line: what, reason; remedy
};

// What a command returns: its exit code, or its Failure.
template <class T>
class [[nodiscard]] Outcome : public tl::expected<T, Failure> {
 public:
  using tl::expected<T, Failure>::expected;
};

// `what` names the thing that failed ("remote azure", "cache directory /x"); the remedy comes from
// code and phase, where the error does not bring its own.
Failure MakeFailure(std::string_view what, const Error& error, Phase phase);
inline tl::unexpected<Failure> Fails(std::string_view what, const Error& error, Phase phase) {
  return tl::unexpected<Failure>(MakeFailure(what, error, phase));
}
inline tl::unexpected<Failure> Fails(ExitCode code, std::string message) {
  return tl::unexpected<Failure>(Failure{code, std::move(message)});
}

// The reason with the service's own words: "the path is missing (404 PathNotFound, request 5f0e)".
std::string Reason(const Error& error);

// "skybridge: MESSAGE\n": control characters are replaced, so that it is one line.
std::string FailureLine(const Failure& failure);

}  // namespace skybridge::cli

// TRY for commands: yields the value, or returns the Failure to our caller.
#define CLI_TRY(expr)                                                              \
  __extension__({                                                                  \
    auto cli_try_ = (expr);                                                        \
    if (!cli_try_) {                                                               \
      return tl::unexpected<skybridge::cli::Failure>(std::move(cli_try_).error()); \
    }                                                                              \
    *std::move(cli_try_);                                                          \
  })
// The same for a Result of core, with what failed and in which phase.
#define CLI_TRY_IN(expr, what, phase)                              \
  __extension__({                                                  \
    auto cli_try_ = (expr);                                        \
    if (!cli_try_) {                                               \
      return skybridge::cli::Fails(what, cli_try_.error(), phase); \
    }                                                              \
    *std::move(cli_try_);                                          \
  })
// The same for a Status.
#define CLI_CHECK_IN(expr, what, phase)                              \
  do {                                                               \
    auto cli_check_ = (expr);                                        \
    if (!cli_check_) {                                               \
      return skybridge::cli::Fails(what, cli_check_.error(), phase); \
    }                                                                \
  } while (false)
