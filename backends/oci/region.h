// Where OCI's regions are: short codes, long ids and the realm's domain. You need it to build a
// host name.
//
// Source: the region tables of the official Go and TypeScript SDKs (2026). A realm is not derivable
// from the name of a region (eu-frankfurt-1 is oc1, eu-frankfurt-2 is oc19), so the table is the
// only truth.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace skybridge::oci {

// Reads one variable of the environment; no value when it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
// The environment of this process.
Environment ProcessEnvironment();

// A region as OCI_REGION_METADATA and the metadata service tell of it (realmDomainComponent,
// regionKey, regionIdentifier), in lower case. Members that are not there are empty.
struct RegionFacts {
  std::string id;
  std::string code;
  std::string domain;
};
RegionFacts ParseRegionFacts(std::string_view json);

// "iad" -> "us-ashburn-1", compared without case. An unknown text is returned as it is, in lower
// case. Regions that the table does not know may be added as the SDKs take them:
// OCI_REGION_METADATA (one JSON object) and
// ~/.oci/regions-config.json (a list).
std::string RegionId(std::string_view id_or_code, const Environment& environment);

// Whether the table or what was added to it has this long id.
bool IsKnownRegion(std::string_view region_id, const Environment& environment);

// "us-ashburn-1" -> "oraclecloud.com". An unknown region belongs to the domain in OCI_DEFAULT_REALM
// (which holds a domain), else to the commercial realm.
std::string RealmDomain(std::string_view region_id, const Environment& environment);

// Each of these fails with kInvalidArgument where region, realm or namespace do not make a host
// name: they come from variables, files and the metadata service, and signed requests go there.
//
// "https://objectstorage.us-ashburn-1.oraclecloud.com". A region with a dot already holds its
// domain, as in the SDKs. OCI_REALM_SPECIFIC_SERVICE_ENDPOINT_TEMPLATE_ENABLED=true asks for the
// host of `name_space` alone (commercial realm only), OCI_DUAL_STACK_ENDPOINT_ENABLED=true for one
// with IPv6, as in the SDKs.
Result<std::string> ObjectStorageEndpoint(std::string_view id_or_code, std::string_view name_space,
                                          const Environment& environment);
// "https://auth.us-ashburn-1.oraclecloud.com": where tokens come from.
Result<std::string> AuthEndpoint(std::string_view id_or_code, const Environment& environment);
// "https://secrets.vaults.us-ashburn-1.oci.oraclecloud.com": where secrets are read.
Result<std::string> VaultEndpoint(std::string_view id_or_code, const Environment& environment);

}  // namespace skybridge::oci
