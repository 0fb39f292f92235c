// Shared access signatures, signed as their owners would sign them: for one container of one
// account. Source: Azure REST: Create an account SAS; Create a service SAS;
// Create a user delegation SAS.
#pragma once

#include <string>
#include <string_view>

namespace skybridge::testing {

struct SasTerms {
  std::string account;
  std::string container;
  std::string permissions;  // in the documented order
  std::string expiry;       // "2026-01-05T10:20:30Z"
  std::string protocols = "https,http";
};

// Each the query of a URL, without '?'. `key` is the account's, in base64.
std::string SignAccountSas(std::string_view key, const SasTerms& terms);
std::string SignServiceSas(std::string_view key, const SasTerms& terms);

// `key_reply` is the XML that Get User Delegation Key answers.
std::string SignUserDelegationSas(std::string_view key_reply, const SasTerms& terms);

}  // namespace skybridge::testing
