// Reads a request's target and Host: which account, container, path and query they mean, and which
// of the protocols they speak. Pure; safe from many threads. Source: Azure REST: Naming and
// referencing containers and blobs; Azurite documentation for path-style addresses.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/localcloud/service.h"

namespace skybridge::localcloud::azure {

// The query (or the body of an HTML form) in order, names and values decoded; a plus is a blank: Go's
// older client of the Blob service, which rclone 1.60 has, sends it for one (seen 2026-11-29). Names
// compare without case.
class Query {
 public:
  explicit Query(std::string_view raw_query);
  const std::string* Find(std::string_view name) const;  // nullptr when absent
  std::string Get(std::string_view name) const;          // "" when absent
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

enum class Endpoint {
  kEither,  // an address without a service label: both protocols on one origin
  kDfs,
  kBlob,
  kQueue,
};

struct Target {
  std::string account;    // "" when the target does not say
  std::string container;  // "" for the account itself
  std::string path;       // decoded, no slash at the front; "" for the container itself
  Query query;
  Endpoint endpoint = Endpoint::kEither;
};

// `is_account` tells the configured account names: on a path-style address the first segment is one
// of them, or it was left out (as one official client does for the destination of a rename). Throws
// Refusal 400 for a bad escape.
// `origin` is what an address without a service label means.
Target ParseTarget(const Request& request, const std::function<bool(std::string_view)>& is_account,
                   Endpoint origin = Endpoint::kEither);

// "/ACCOUNT/CONTAINER/PATH" or "/CONTAINER/PATH", percent-encoded (x-ms-rename-source, the path of
// a copy source).
struct SourcePath {
  std::string account;
  std::string container;
  std::string path;
  std::string raw_query;  // a SAS, when there is one
};
SourcePath ParseSourcePath(std::string_view encoded,
                           const std::function<bool(std::string_view)>& is_account);

// Throws Refusal when `path` is over a documented limit. `hierarchical` accounts limit the depth.
void CheckPathLimits(std::string_view path, bool hierarchical);
void CheckContainerName(std::string_view name);
void CheckQueueName(std::string_view name);
// What the service keeps of a name: in a hierarchical account no empty segments; nowhere dots at a
// segment's end.
std::string NormalPath(std::string_view path, bool hierarchical);

}  // namespace skybridge::localcloud::azure
