// TokenChain: the first identity that this machine has. Which one was taken, and why those before
// it were not, can be told (skybridge doctor).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/azure/oauth.h"
#include "core/mutex.h"

namespace skybridge::azure {

// An identity that may be there.
struct ChainLink {
  std::string name;                     // "environment, client secret"
  std::unique_ptr<TokenSource> source;  // nullptr: `why_not` says what is missing
  std::string why_not;
};

// Goes on to the next link only where the machine has no such identity (kNotFound): one that is
// there but refused or out of reach is an error, so that nobody silently acts as somebody else.
// Once a link has given a token it stays.
class TokenChain final : public TokenSource {
 public:
  explicit TokenChain(std::vector<ChainLink> links) : links_(std::move(links)) {}

  // Errors: that of the link that is there; kUnauthenticated with the reason of every link if none
  // is.
  Result<AccessToken> Fetch(const CallContext& context) override;
  std::string Describe() const override;

 private:
  struct Refusal {
    std::string name;
    std::string reason;
  };
  static std::string Join(const std::vector<Refusal>& refusals);

  const std::vector<ChainLink> links_;

  mutable Mutex mutex_;  // guards what follows; not held across a fetch
  std::optional<std::size_t> taken_ GUARDED_BY(mutex_);
  std::vector<Refusal> passed_over_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::azure
