// RotatingSecretSource: a TokenSource whose client secret may be replaced where it is kept. When
// the authority refuses the secret that we have, the secret is fetched again, in every version that
// may be the valid one, until one is taken.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/azure/oauth.h"
#include "core/mutex.h"

namespace skybridge::azure {

class RotatingSecretSource final : public TokenSource {
 public:
  // After a round in which every version was refused, the next one waits this long: a wrong secret
  // is not made right by asking faster, and directories lock out who tries too often.
  static constexpr std::chrono::seconds kRoundPause{60};

  // Fetches one version of the secret; kNotFound where there is no such version.
  using FetchSecret = std::function<Result<Secret>(const CallContext& context)>;
  // A source that uses this secret.
  using MakeSource = std::function<Result<std::unique_ptr<TokenSource>>(Secret secret)>;

  // `versions` are tried in order, the first at the start. `description` is for people ("service
  // principal C with ocivault:..."). `clock` must outlive the source.
  RotatingSecretSource(std::string description, std::vector<FetchSecret> versions, MakeSource make,
                       const Clock& clock)
      : description_(std::move(description)),
        versions_(std::move(versions)),
        make_(std::move(make)),
        clock_(clock) {}

  Result<AccessToken> Fetch(const CallContext& context) override;
  std::string Describe() const override { return description_; }

 private:
  struct Kept {
    Secret secret;
    std::shared_ptr<TokenSource> source;
  };

  Result<Kept> Start(const CallContext& context);
  // One round over all versions. `refused` is what the authority said of the secret that we had.
  Result<AccessToken> Rotate(const Secret& refused_secret, Error refused,
                             const CallContext& context);

  const std::string description_;
  const std::vector<FetchSecret> versions_;
  const MakeSource make_;
  const Clock& clock_;

  Mutex mutex_;  // guards what follows; never held across a fetch
  Kept kept_ GUARDED_BY(mutex_);
  MonotonicTime next_round_ GUARDED_BY(mutex_) = MonotonicTime::min();
};

}  // namespace skybridge::azure
