// AnsweringTransport: an HttpTransport that gives every request the same answer.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "backends/http_transport.h"

namespace skybridge::fuzz {

class AnsweringTransport final : public HttpTransport {
 public:
  explicit AnsweringTransport(HttpResponse answer) : answer_(std::move(answer)) {}
  explicit AnsweringTransport(std::string_view body) {
    answer_.status = 200;
    // By these both clouds' own answers are known.
    answer_.headers.Add("x-ms-request-id", "fuzz");
    answer_.headers.Add("opc-request-id", "fuzz");
    answer_.body = body;
  }

  Result<HttpResponse> Send(const HttpRequest& /*request*/,
                            const CallContext& /*context*/) override {
    return answer_;
  }

 private:
  HttpResponse answer_;
};

}  // namespace skybridge::fuzz
