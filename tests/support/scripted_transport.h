// ScriptedTransport: an HttpTransport that gives prepared answers in order and remembers what was
// sent. Answers carry the request ids by which both services' own answers are known.
//
//   ScriptedTransport transport;
//   transport.Answer(404).Answer(200, {{"etag", "v1"}}, "body");
//   ... EXPECT_EQ(transport.sent(0).method, "HEAD");
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "backends/http_transport.h"
#include "core/mutex.h"
#include "tests/support/seen_secrets.h"

namespace skybridge::testing {

struct SentRequest {
  std::string operation;
  std::string method;
  std::string url;
  HttpHeaders headers;
  std::string body;
};

// Safe from many threads (answers then go out in the order of arrival). A request without a
// prepared answer is an error.
class ScriptedTransport final : public HttpTransport {
 public:
  using Fields = std::initializer_list<std::pair<std::string, std::string>>;

  ScriptedTransport& Answer(int status, Fields headers = {}, std::string body = {}) {
    HttpResponse response;
    response.status = status;
    for (const auto& [name, value] : headers) response.headers.Add(name, value);
    response.headers.Add("x-ms-request-id", "scripted");
    response.headers.Add("opc-request-id", "scripted");
    response.body = std::move(body);
    MutexLock lock(mutex_);
    answers_.emplace_back(std::move(response));
    return *this;
  }
  ScriptedTransport& Break(Error error) {
    MutexLock lock(mutex_);
    answers_.emplace_back(Fail(std::move(error)));
    return *this;
  }

  Result<HttpResponse> Send(const HttpRequest& request, const CallContext& /*context*/) override {
    MutexLock lock(mutex_);
    sent_.push_back(
        {request.operation, request.method, request.url, request.headers,
         std::string(reinterpret_cast<const char*>(request.body.data()), request.body.size())});
    NoteSecrets(SecretsOfRequest(request.headers, request.url, sent_.back().body));
    if (answers_.empty()) {
      return Fail(ErrorCode::kInternal,
                  "no answer prepared for " + request.method + " " + request.url);
    }
    Result<HttpResponse> answer = std::move(answers_.front());
    answers_.pop_front();
    if (answer) NoteSecrets(SecretsOfAnswer(answer->body));
    const bool success = answer && answer->status >= 200 && answer->status < 300;
    if (success && !request.receive_into.empty()) {
      if (answer->body.size() > request.receive_into.size())
        return Fail(ErrorCode::kCorrupt, "too many bytes");
      std::memcpy(request.receive_into.data(), answer->body.data(), answer->body.size());
      answer->bytes_received = answer->body.size();
      answer->body.clear();
    }
    return answer;
  }

  std::size_t sent_count() const {
    MutexLock lock(mutex_);
    return sent_.size();
  }
  SentRequest sent(std::size_t index) const {
    MutexLock lock(mutex_);
    return sent_.at(index);
  }
  // "HEAD oci.head_object" and so on, for the order of a sequence.
  std::vector<std::string> operations() const {
    MutexLock lock(mutex_);
    std::vector<std::string> all;
    for (const SentRequest& request : sent_) all.push_back(request.operation);
    return all;
  }
  std::size_t answers_left() const {
    MutexLock lock(mutex_);
    return answers_.size();
  }

 private:
  mutable Mutex mutex_;
  std::deque<Result<HttpResponse>> answers_ GUARDED_BY(mutex_);
  std::vector<SentRequest> sent_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::testing
