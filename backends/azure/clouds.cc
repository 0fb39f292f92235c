#include "backends/azure/clouds.h"

#include <array>

#include "backends/azure/oauth.h"
#include "core/url.h"

namespace skybridge::azure {
namespace {

struct Cloud {
  std::string_view storage_suffix;
  std::string_view authority;
};

constexpr std::array kClouds{
    Cloud{".core.windows.net", kPublicAuthority},
    Cloud{".core.usgovcloudapi.net", "https://login.microsoftonline.us"},
    Cloud{".core.chinacloudapi.cn", "https://login.chinacloudapi.cn"},
    Cloud{".core.cloudapi.de", "https://login.microsoftonline.de"},
    Cloud{".core.microsoft.scloud", "https://login.microsoftonline.microsoft.scloud"},
    Cloud{".core.eaglex.ic.gov", "https://login.microsoftonline.eaglex.ic.gov"},
};

}  // namespace

std::string AuthorityOf(std::string_view storage_endpoint, std::string_view account_endpoint) {
  for (const std::string_view endpoint : {storage_endpoint, account_endpoint}) {
    const auto url = ParseUrl(std::string(endpoint));
    if (!url) continue;
    for (const Cloud& cloud : kClouds) {
      if (url->host.ends_with(cloud.storage_suffix)) return std::string(cloud.authority);
    }
  }
  return std::string(kPublicAuthority);
}

}  // namespace skybridge::azure
