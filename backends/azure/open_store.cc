#include "backends/azure/open_store.h"

#include <utility>

#include <fmt/format.h>

#include "backends/azure/channel.h"
#include "backends/azure/dfs_requests.h"
#include "backends/azure/flat_store.h"
#include "backends/azure/hierarchical_store.h"
#include "backends/azure/names.h"
#include "backends/azure/url.h"

namespace skybridge::azure {
namespace {

void TrimSlashes(std::string& text) {
  while (text.ends_with('/')) text.pop_back();
}

Status CheckEndpoint(std::string_view name, const std::string& url) {
  if (IsSafeForSecrets(url)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{} '{}' must be https (plain http only to this machine)", name, url));
}

Status CheckOptions(const Options& options) {
  if (options.account.empty() || options.container.empty() || options.credential == nullptr) {
    return Fail(ErrorCode::kInvalidArgument,
                "an Azure store needs an account, a container and a credential");
  }
  if (options.allow_http) return {};
  if (!options.blob_endpoint.empty())
    TRY_VOID(CheckEndpoint("blob_endpoint", options.blob_endpoint));
  return CheckEndpoint("dfs_endpoint", options.dfs_endpoint);
}

// Whether asking in another way can help: the answer was about what may be asked, not about who
// asks or what is there.
bool IsInconclusive(const Error& error) {
  return error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kPermissionDenied ||
         error.code == ErrorCode::kNotSupported || error.code == ErrorCode::kNotFound;
}

}  // namespace

Result<bool> DetectHierarchical(const Options& options, HttpTransport& transport,
                                const Clock& clock, const CallContext& context) {
  const Channel channel(options, transport, clock);
  const std::string container_url = Names(options).container_dfs_url();
  const auto properties =
      channel.Send(MakeHeadFilesystemRequest(container_url), ObjectKey(), context);
  if (properties) {
    if (const std::string* enabled = properties->headers.Find("x-ms-namespace-enabled"))
      return *enabled == "true";
  } else if (!IsInconclusive(properties.error())) {
    return Fail(properties.error());
  }
  const auto root = channel.Send(MakeRootAccessControlRequest(container_url), ObjectKey(), context);
  if (root) return true;
  if (root.error().remote.http_status == 400) return false;
  // A refusal that is about rights only comes from a service that knows access control lists.
  if (root.error().code == ErrorCode::kPermissionDenied) return true;
  Error error = root.error();
  if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kContainerNotFound;
  return Fail(std::move(error));
}

Result<std::unique_ptr<ObjectStore>> OpenStore(Options options, HttpTransport& transport,
                                               Clock& clock, const CallContext& context) {
  TrimSlashes(options.blob_endpoint);
  TrimSlashes(options.dfs_endpoint);
  TrimSlashes(options.root);
  TRY_VOID(CheckOptions(options));
  if (!options.hierarchical)
    options.hierarchical = TRY(DetectHierarchical(options, transport, clock, context));
  if (!*options.hierarchical && options.blob_endpoint.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("account '{}' has no hierarchical namespace: it cannot do without its "
                            "Blob endpoint",
                            options.account));
  }
  if (!*options.hierarchical && options.account_ids) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("account '{}' has no hierarchical namespace, so it has no permissions: "
                            "leave out \"permissions\": \"account\"",
                            options.account));
  }
  std::unique_ptr<ObjectStore> store;
  if (*options.hierarchical) {
    store = std::make_unique<HierarchicalStore>(options, transport, clock);
  } else {
    store = std::make_unique<FlatStore>(options, transport, clock);
  }
  return store;
}

}  // namespace skybridge::azure
