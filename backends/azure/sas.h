// SAS: a shared access signature, made elsewhere, that rides in the query of each request.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "backends/azure/credential.h"
#include "core/clock.h"

namespace skybridge::azure {

// The instant after which a SAS is worthless: the earlier of `se` and, for a user delegation SAS,
// `ske`. Nothing if neither is there (a stored access policy holds the expiry) or readable.
std::optional<WallTime> SasExpiry(std::string_view sas);

// "account SAS", "service SAS" or "user delegation SAS".
std::string_view SasKind(std::string_view sas);

class SasCredential final : public Credential {
 public:
  // From this long before its end on a SAS is worth a warning: time to have a new one made.
  static constexpr std::chrono::hours kExpiryWarning{7 * 24};

  static constexpr std::chrono::hours kWarnAgain{1};

  // So much earlier than `st` the service may take it already: its clock is not ours.
  static constexpr std::chrono::minutes kMaxClockSkew{15};

  // Takes the text with or without its leading '?'. kInvalidArgument if it has no `sig` or more
  // than a query. `clock` must outlive this.
  static Result<std::unique_ptr<SasCredential>> Make(std::string_view sas, const Clock& clock);

  // Adds the SAS to the URL, and to x-ms-rename-source and x-ms-copy-source where they are set,
  // verbatim: its `sig` is already percent-encoded. kUnauthenticated once it has expired and before
  // it holds, without asking the service.
  Status Authorize(HttpRequest& request, const CallContext& context) override;
  bool Refused(const HttpRequest& request) override;
  std::string Describe() const override;
  // Within kExpiryWarning of the end. Also logged, when the credential is made and every kWarnAgain
  // of use.
  std::string Warning() const override;

 private:
  SasCredential(std::string sas, const Clock& clock);

  void LogWarning();

  const Clock& clock_;
  const std::string sas_;
  const std::optional<WallTime> start_;
  const std::optional<WallTime> expiry_;
  std::atomic<MonotonicTime> next_warning_{MonotonicTime::min()};
};

}  // namespace skybridge::azure
