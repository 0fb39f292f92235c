// The clouds of Azure: each has its own host names, and its own authority that issues tokens.
#pragma once

#include <string>
#include <string_view>

namespace skybridge::azure {

// The authority of the cloud that a storage endpoint ("https://contoso.dfs.core.usgovcloudapi.net")
// belongs to. Of a host of no known cloud (private names, emulators): that of `account_endpoint`,
// by which the account itself is known; else the public cloud's. The audience of storage tokens is
// the same in all clouds. Source: Azure CLI: az cloud show; Azure SDK: AzureAuthorityHosts.
std::string AuthorityOf(std::string_view storage_endpoint, std::string_view account_endpoint = {});

}  // namespace skybridge::azure
