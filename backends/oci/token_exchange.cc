#include "backends/oci/token_exchange.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "backends/oci/error.h"
#include "backends/oci/token_claims.h"
#include "core/file_descriptor.h"

namespace skybridge::oci {
namespace {

constexpr int kAttempts = 3;
constexpr std::chrono::seconds kFirstPause{1};
constexpr std::size_t kMaxTokenFileBytes = 64 << 10;

bool IsSuccess(int status) { return status >= 200 && status < 300; }

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

Error AnswerOfAStranger(std::string_view what_is_wrong) {
  return {.code = ErrorCode::kUnavailable,
          .message = fmt::format("{}: it may be the page of a proxy or portal", what_is_wrong),
          .retryable = true};
}

Result<HttpResponse> TokenExchange::Send(Call call, const Identity& signer, std::string_view what,
                                         const CallContext& context) const {
  if (!call.json.empty()) call.http.body = AsBytes(call.json);
  std::chrono::milliseconds pause = kFirstPause;
  for (int attempt = 1;; ++attempt, pause *= 2) {
    TRY_VOID(SignRequest(signer, call.signing, clock.WallNow(), call.http));
    Result<HttpResponse> response = transport.Send(call.http, context);
    if (response && IsSuccess(response->status)) return response;
    const bool answered = response.has_value();
    Error error =
        answered ? ErrorFromIssuer(what, *response, clock.WallNow()) : std::move(response).error();
    if (!answered) error.message = fmt::format("{}: {}", what, error.message);
    const MonotonicTime wake = clock.Now() + error.retry_after.value_or(pause);
    if (!error.retryable || attempt == kAttempts || wake >= context.deadline ||
        !clock.SleepUntil(wake, context.stop)) {
      return Fail(std::move(error));
    }
  }
}

Call MakeTokenCall(std::string operation, std::string url, std::string json) {
  Call call;
  call.http.operation = std::move(operation);
  call.http.method = "POST";
  call.http.url = std::move(url);
  call.signing = SigningProfile::kJsonBody;
  call.json = std::move(json);
  return call;
}

Result<std::string> ParseTokenReply(std::string_view body, std::string_view what) {
  const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) {
    const auto token = json.find("token");
    if (token != json.end() && token->is_string()) {
      auto text = token->get<std::string>();
      if (!text.empty()) return text;
    }
  }
  return Fail(AnswerOfAStranger(fmt::format("{}: the answer has no token", what)));
}

Identity TokenIdentity(std::string_view token, std::shared_ptr<const PrivateKey> key) {
  return Identity{.key_id = "ST$" + std::string(token),
                  .key = std::move(key),
                  .expires = ParseTokenClaims(token).expires};
}

Result<std::string> ReadTokenFile(const std::string& path, std::string_view what) {
  const std::string label = fmt::format("{} '{}'", what, path);
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return Fail(ErrorFromErrno(errno, label));
  std::string text(kMaxTokenFileBytes, '\0');
  text.resize(TRY(ReadUpTo(file.get(), text.data(), text.size(), label)));
  const std::string_view token = Trim(text);
  if (token.empty()) return Fail(ErrorCode::kUnauthenticated, label + " is empty");
  return std::string(token);
}

}  // namespace skybridge::oci
