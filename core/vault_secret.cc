#include "core/vault_secret.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace skybridge {
namespace {

constexpr std::array<std::string_view, 5> kStages = {"CURRENT", "LATEST", "PREVIOUS", "PENDING",
                                                     "DEPRECATED"};

bool IsPlain(std::string_view text) {
  return !text.empty() && text.find_first_of("/?#& \t\r\n") == std::string_view::npos;
}

tl::unexpected<Error> Bad(std::string_view text, std::string_view reason) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("'ocivault:{}': {}", text, reason));
}

Status ReadSelector(std::string_view text, std::string_view selector, VaultSecret& secret) {
  const auto equals = selector.find('=');
  const std::string_view name = selector.substr(0, equals);
  const std::string_view value =
      equals == std::string_view::npos ? "" : selector.substr(equals + 1);
  if (name == "stage") {
    if (std::find(kStages.begin(), kStages.end(), value) == kStages.end()) {
      return Bad(text, fmt::format("the stage must be one of {}", fmt::join(kStages, ", ")));
    }
    secret.stage = value;
    return {};
  }
  const bool is_number = !value.empty() && value.size() <= 18 && value.front() != '0' &&
                         value.find_first_not_of("0123456789") == std::string_view::npos;
  if (name != "version" || !is_number)
    return Bad(text, "after '?' comes stage=STAGE or version=NUMBER");
  secret.version = value;
  return {};
}

}  // namespace

std::string VaultSecret::Describe() const {
  std::string text =
      "ocivault:" + (secret_id.empty() ? "name/" + vault_id + "/" + name : secret_id);
  if (!stage.empty()) text += "?stage=" + stage;
  if (!version.empty()) text += "?version=" + version;
  return text;
}

Result<VaultSecret> ParseVaultSecret(std::string_view text) {
  constexpr std::string_view kByName = "name/";
  VaultSecret secret;
  const auto mark = text.find('?');
  std::string_view place = text.substr(0, mark);
  if (mark != std::string_view::npos) TRY_VOID(ReadSelector(text, text.substr(mark + 1), secret));
  if (!place.starts_with(kByName)) {
    if (!place.starts_with("ocid1.") || !IsPlain(place)) {
      return Bad(text, "must be a secret's OCID or name/VAULT_OCID/NAME");
    }
    secret.secret_id = place;
    return secret;
  }
  place.remove_prefix(kByName.size());
  const auto slash = place.find('/');
  secret.vault_id = place.substr(0, slash);
  secret.name = slash == std::string_view::npos ? "" : place.substr(slash + 1);
  if (!secret.vault_id.starts_with("ocid1.") || !IsPlain(secret.vault_id) ||
      !IsPlain(secret.name)) {
    return Bad(text, "must be name/VAULT_OCID/NAME");
  }
  return secret;
}

}  // namespace skybridge
