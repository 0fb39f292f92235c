#include "backends/azure/rotating_secret.h"

#include <algorithm>
#include <utility>

#include "core/log.h"

namespace skybridge::azure {
namespace {

bool IsTried(const std::vector<Secret>& tried, const Secret& secret) {
  return std::any_of(tried.begin(), tried.end(),
                     [&](const Secret& t) { return t.Reveal() == secret.Reveal(); });
}

}  // namespace

Result<AccessToken> RotatingSecretSource::Fetch(const CallContext& context) {
  const Kept kept = TRY(Start(context));
  auto token = kept.source->Fetch(context);
  if (token || token.error().code != ErrorCode::kUnauthenticated) return token;
  {
    MutexLock lock(mutex_);
    if (clock_.Now() < next_round_) return token;
    next_round_ = clock_.Now() + kRoundPause;
  }
  return Rotate(kept.secret, std::move(token).error(), context);
}

Result<RotatingSecretSource::Kept> RotatingSecretSource::Start(const CallContext& context) {
  {
    MutexLock lock(mutex_);
    if (kept_.source != nullptr) return kept_;
  }
  Secret secret = TRY(versions_.front()(context));
  std::shared_ptr<TokenSource> source = TRY(make_(secret));
  Kept kept{std::move(secret), std::move(source)};
  MutexLock lock(mutex_);
  kept_ = kept;
  return kept;
}

Result<AccessToken> RotatingSecretSource::Rotate(const Secret& refused_secret, Error refused,
                                                 const CallContext& context) {
  std::vector<Secret> tried{refused_secret};
  for (const FetchSecret& version : versions_) {
    auto secret = version(context);
    if (!secret) {
      if (secret.error().code != ErrorCode::kNotFound)
        refused.message += "; " + secret.error().message;
      continue;
    }
    if (IsTried(tried, *secret)) continue;
    tried.push_back(*secret);
    std::shared_ptr<TokenSource> source = TRY(make_(*secret));
    auto token = source->Fetch(context);
    if (!token) {
      if (token.error().code != ErrorCode::kUnauthenticated) return token;
      continue;
    }
    Log(LogLevel::kInfo, "azure: the client secret was replaced; the new one is in use");
    MutexLock lock(mutex_);
    kept_ = {*std::move(secret), std::move(source)};
    next_round_ = MonotonicTime::min();
    return token;
  }
  return Fail(std::move(refused));
}

}  // namespace skybridge::azure
