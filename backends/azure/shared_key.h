// SharedKey: the account key signs each request (Azure Storage REST: Authorize with Shared Key;
// Blob and DFS alike).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/azure/credential.h"

namespace skybridge::azure {

// What is signed: the verb, eleven standard headers, the x-ms-* headers and the resource with its
// decoded query.
std::string StringToSign(const HttpRequest& request, std::string_view account);

// The order of x-ms-* header names (lower case) in a signature. It is that of .NET's culture-aware
// comparison, not bytewise: '-' and "'" are skipped at first, '_' comes before digits and letters.
// The service answers 403 otherwise.
bool SortsBefore(std::string_view a, std::string_view b);

class SharedKeyCredential final : public Credential {
 public:
  // kInvalidArgument if the key is not base64.
  static Result<std::unique_ptr<SharedKeyCredential>> Make(std::string account,
                                                           std::string_view key_base64);

  // Sets the Authorization header. Refuses plain http to another machine only through OpenStore:
  // the key itself never travels.
  Status Authorize(HttpRequest& request, const CallContext& context) override;
  bool Refused(const HttpRequest& request) override;
  std::string Describe() const override { return "account key (SharedKey)"; }

 private:
  SharedKeyCredential(std::string account, std::string key)
      : account_(std::move(account)), key_(std::move(key)) {}

  const std::string account_;
  const std::string key_;
};

}  // namespace skybridge::azure
