// Result<T>: a value or an Error, never to be ignored. Status is Result<void>.
//
//   Result<Page> page = ...;            // must be looked at
//   Page page = TRY(store.List(...));   // the value, or returns the error to our caller
//   TRY_VOID(file.Sync());              // the same for Status
//
// TRY and TRY_VOID are statement expressions (GCC and clang); do not nest them.
#pragma once

#include <utility>

#include <tl/expected.hpp>

#include "core/error.h"

namespace skybridge {

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

using Status = Result<void>;

inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
inline tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{.code = code, .message = std::move(message)});
}

// The same with what to do about it (Error::Advise).
inline tl::unexpected<Error> FailAdvising(ErrorCode code, std::string message,
                                          std::string_view remedy) {
  Error error{.code = code, .message = std::move(message)};
  error.Advise(remedy);
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace skybridge

#define TRY(expr)                                                              \
  __extension__({                                                              \
    auto try_result_ = (expr);                                                 \
    if (!try_result_) {                                                        \
      return tl::unexpected<skybridge::Error>(std::move(try_result_).error()); \
    }                                                                          \
    *std::move(try_result_);                                                   \
  })

#define TRY_VOID(expr)                                                         \
  do {                                                                         \
    auto try_status_ = (expr);                                                 \
    if (!try_status_) {                                                        \
      return tl::unexpected<skybridge::Error>(std::move(try_status_).error()); \
    }                                                                          \
  } while (false)
