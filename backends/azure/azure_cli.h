// AzureCliSource: the token of whoever is logged in with the Azure CLI: for people at their own
// machines, the last resort elsewhere. Source: Azure CLI: az account get-access-token.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "backends/azure/oauth.h"
#include "core/child_process.h"

namespace skybridge::azure {

struct AzureCliOptions {
  std::string tenant_id;  // empty: the one that is logged in
  std::string scope = std::string(kStorageScope);
  std::chrono::seconds time_limit{15};  // it is a Python program
  std::function<Result<ProgramResult>(const ProgramCall&, const Clock&, std::stop_token)> run =
      RunProgram;
};

// kNotFound: the program is not there, or nobody is logged in.
class AzureCliSource final : public TokenSource {
 public:
  // Errors: kInvalidArgument for a tenant or scope with other letters than such names have. `clock`
  // must outlive it.
  static Result<std::unique_ptr<AzureCliSource>> Make(AzureCliOptions options, const Clock& clock);

  Result<AccessToken> Fetch(const CallContext& context) override;
  std::string Describe() const override { return "Azure CLI"; }

 private:
  AzureCliSource(AzureCliOptions options, const Clock& clock)
      : options_(std::move(options)), clock_(clock) {}

  const AzureCliOptions options_;
  const Clock& clock_;
};

// {"accessToken":...,"expires_on":...}: expires_on in Unix seconds; expiresOn of older versions is
// local time.
Result<AccessToken> ParseCliToken(std::string_view json, MonotonicTime asked, WallTime now);

}  // namespace skybridge::azure
