#include "tests/faults/faulty_cloud.h"

#include <stdexcept>

#include "backends/azure/names.h"
#include "backends/azure/open_store.h"
#include "backends/azure/shared_key.h"
#include "backends/oci/oci_store.h"
#include "tests/localcloud/azure_service.h"
#include "tests/localcloud/oci_service.h"
#include "tests/localcloud/storage.h"
#include "tests/unit/backends/oci_test_key.h"

namespace skybridge::testing {
namespace {

constexpr const char* kContainer = "lake";

class AzureCloud final : public FaultyCloud {
 public:
  explicit AzureCloud(CloudKind kind) {
    const bool hierarchical = kind != CloudKind::kAzureFlat;
    const std::string account = localcloud::kAzureEmulatorAccount;
    service_ =
        Must(localcloud::AzureService::Make({.accounts = {{.name = account,
                                                           .key = localcloud::kAzureEmulatorKey,
                                                           .hierarchical = hierarchical,
                                                           .containers = {kContainer}}}},
                                            *storage_, clock_));
    Serve(*service_);
    const std::string endpoint = server().url() + "/" + account;
    options_ = {.account = account,
                .container = kContainer,
                .dfs_endpoint = endpoint,
                .blob_endpoint = endpoint,
                .hierarchical = hierarchical,
                .credential =
                    Must(azure::SharedKeyCredential::Make(account, localcloud::kAzureEmulatorKey))};
    azure::Options options = options_;
    if (kind == CloudKind::kAzureDfsOnly) {
      // By its name the service knows that DFS is spoken there.
      options.dfs_endpoint =
          "http://" + account + ".dfs.localhost:" + std::to_string(server().port());
      options.blob_endpoint.clear();
      options.allow_http = true;
    }
    Use(Open(options), Open(options));
  }

 private:
  std::unique_ptr<ObjectStore> Open(const azure::Options& options) {
    return Must(azure::OpenStore(options, curl_, clock_, {}));
  }

  // Seen through the other protocol's eyes, hidden files are files.
  std::vector<std::string> Hidden() override {
    azure::Options options = options_;
    options.hierarchical = false;
    const auto flat = Open(options);
    std::vector<std::string> hidden;
    for (const ObjectInfo& info : Must(flat->List({.recursive = true}, Context())).entries) {
      if (info.key.name().starts_with(azure::kUploadPrefix)) hidden.push_back(info.key.path);
    }
    return hidden;
  }

  std::unique_ptr<localcloud::Storage> storage_ = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::AzureService> service_;
  azure::Options options_;
};

class OciCloud final : public FaultyCloud {
 public:
  OciCloud() {
    const std::string pem(oci::testing::kPkcs8);
    service_ = Must(localcloud::OciService::Create(
        *storage_, clock_,
        {.buckets = {kContainer},
         .identities = {{Identities()->Current({})->get()->key_id, pem}},
         .limits = {.min_part_size_bytes = 1}}));
    Serve(*service_);
    Use(Open(), Open());
  }

  std::size_t OpenUploads() override { return service_->CountUploads(); }

 private:
  std::unique_ptr<ObjectStore> Open() {
    return Must(oci::MakeOciStore(
        {.endpoint = server().url(), .region = "us-ashburn-1", .bucket = kContainer}, curl_,
        Identities(), clock_));
  }
  std::unique_ptr<oci::IdentityProvider> Identities() {
    return Must(oci::MakeIdentityProvider(
        {.profile = {.tenancy = std::string(oci::testing::kTenancy),
                     .user = std::string(oci::testing::kUser),
                     .fingerprint = std::string(oci::testing::kFingerprint),
                     .key_content = std::string(oci::testing::kPkcs8)}},
        curl_, clock_));
  }
  // Uploads that nobody committed are no objects: the bucket's lifecycle rule ends them.
  std::vector<std::string> Hidden() override { return {}; }

  std::unique_ptr<localcloud::Storage> storage_ = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::OciService> service_;
};

}  // namespace

std::string_view NameOf(CloudKind kind) {
  switch (kind) {
    case CloudKind::kAzureHierarchical:
      return "AzureHierarchical";
    case CloudKind::kAzureDfsOnly:
      return "AzureDfsOnly";
    case CloudKind::kAzureFlat:
      return "AzureFlat";
    case CloudKind::kOci:
      return "Oci";
  }
  return "";
}

void PrintTo(const Found& found, std::ostream* out) {
  *out << "kind " << static_cast<int>(found.kind) << ", " << found.content.size() << " bytes '"
       << found.content.substr(0, 40) << "', mode " << found.attributes.mode.value_or(0);
}

std::unique_ptr<FaultyCloud> FaultyCloud::Start(CloudKind kind) {
  if (kind == CloudKind::kOci) return std::make_unique<OciCloud>();
  return std::make_unique<AzureCloud>(kind);
}

void FaultyCloud::Serve(localcloud::Service& service) {
  server_ = Must(localcloud::Server::Start(service, clock_));
}

void FaultyCloud::Use(std::unique_ptr<ObjectStore> store, std::unique_ptr<ObjectStore> other) {
  base_ = std::move(store);
  other_ = std::move(other);
  retrying_ = std::make_unique<RetryingStore>(*base_, endpoint_, clock_);
}

std::uint64_t FaultyCloud::requests() const {
  std::uint64_t all = 0;
  for (const auto& [operation, count] : server_->traffic().All()) all += count.requests;
  return all;
}

std::map<std::string, Found> FaultyCloud::Everything() {
  std::map<std::string, Found> all;
  for (const std::string& path : Hidden()) all[path] = Found{.content = "hidden"};
  ListRequest request{.recursive = true};
  do {
    const ListPage page = Must(other_->List(request, Context()));
    for (const ObjectInfo& entry : page.entries) {
      const ObjectInfo info = Must(other_->Head(entry.key, Context()));
      all[info.key.path] = {.kind = info.kind,
                            .content = info.kind == NodeKind::kDirectory ? "" : Read(info.key.path),
                            .attributes = info.attributes.value_or(Attributes{})};
    }
    request.continuation = page.continuation;
  } while (!request.continuation.empty());
  return all;
}

std::string FaultyCloud::Read(const std::string& path) {
  const ObjectKey key(path);
  std::string content(Must(other_->Head(key, Context())).size_bytes, '\0');
  const GetReply reply = Must(other_->Get({.key = key, .range = {0, content.size()}},
                                          std::as_writable_bytes(std::span(content)), Context()));
  return content.substr(0, reply.bytes_received);
}

}  // namespace skybridge::testing
