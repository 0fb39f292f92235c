#include "backends/azure/token_chain.h"

#include <utility>

#include <fmt/format.h>

namespace skybridge::azure {

Result<AccessToken> TokenChain::Fetch(const CallContext& context) {
  std::optional<std::size_t> taken;
  {
    MutexLock lock(mutex_);
    taken = taken_;
  }
  if (taken) return links_[*taken].source->Fetch(context);
  std::vector<Refusal> refusals;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const ChainLink& link = links_[i];
    if (link.source == nullptr) {
      refusals.push_back({link.name, link.why_not});
      continue;
    }
    auto token = link.source->Fetch(context);
    if (token) {
      MutexLock lock(mutex_);
      taken_ = i;
      passed_over_ = std::move(refusals);
      return token;
    }
    if (token.error().code != ErrorCode::kNotFound) {
      token.error().message = fmt::format("{}: {}", link.name, token.error().message);
      return token;
    }
    refusals.push_back({link.name, token.error().message});
  }
  return Fail(ErrorCode::kUnauthenticated, "no identity was found; " + Join(refusals));
}

std::string TokenChain::Describe() const {
  MutexLock lock(mutex_);
  if (!taken_) return "default chain, nothing taken yet";
  const ChainLink& link = links_[*taken_];
  std::string text = fmt::format("{}: {}", link.name, link.source->Describe());
  if (!passed_over_.empty()) text += "; passed over " + Join(passed_over_);
  return text;
}

std::string TokenChain::Join(const std::vector<Refusal>& refusals) {
  std::string text;
  for (const Refusal& one : refusals) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", one.name, one.reason);
  }
  return text;
}

}  // namespace skybridge::azure
