// One exchange with an issuer of tokens: sends a request (signed where there is a signer) and reads
// {"token": ...}.
#pragma once

#include <string>
#include <string_view>

#include "backends/http_transport.h"
#include "backends/oci/requests.h"
#include "core/call_context.h"
#include "core/clock.h"

namespace skybridge::oci {

struct TokenExchange {
  HttpTransport& transport;
  Clock& clock;

  // Signs, sends, and tries again after lost connections, 429 and 5xx (three attempts in all, 1 s
  // and 2 s apart), and after answers that are not the issuer's; never after a refusal. `signer`
  // without a key signs nothing. What the issuer says goes into the error (ErrorFromIssuer).
  Result<HttpResponse> Send(Call call, const Identity& signer, std::string_view what,
                            const CallContext& context) const;
};

// A POST with a JSON body. `operation` is the class it is counted under.
Call MakeTokenCall(std::string operation, std::string url, std::string json);

// kUnavailable, retryable: for a success that is none of the issuer's.
Error AnswerOfAStranger(std::string_view what_is_wrong);

// {"token": "..."} of an answer; AnswerOfAStranger without one. The answer's text goes into no
// error.
Result<std::string> ParseTokenReply(std::string_view body, std::string_view what);

// An identity that signs with `key` in the name of `token`.
Identity TokenIdentity(std::string_view token, std::shared_ptr<const PrivateKey> key);

// The content of a small text file without white space at its ends. Errors: kNotFound and the like,
// kUnauthenticated when it is empty; never holds the content.
Result<std::string> ReadTokenFile(const std::string& path, std::string_view what);

}  // namespace skybridge::oci
