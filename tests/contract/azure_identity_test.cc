// Every Azure identity over the local cloud: its token lets it list, read and write.
#include <array>
#include <atomic>
#include <fstream>
#include <ostream>
#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

#include "backends/azure/client_assertion.h"
#include "backends/azure/managed_identity.h"
#include "backends/azure/oauth.h"
#include "backends/azure/open_store.h"
#include "backends/azure/sas.h"
#include "backends/http/counting_transport.h"
#include "backends/http/curl_transport.h"
#include "core/time_text.h"
#include "tests/localcloud/azure_service.h"
#include "tests/localcloud/server.h"
#include "tests/support/azure_sas_signer.h"
#include "tests/support/machine_clock.h"
#include "tests/support/self_signed.h"
#include "tests/support/temp_directory.h"

namespace skybridge::testing {
namespace {

constexpr const char* kAccount = "devstoreaccount1";
constexpr const char* kContainer = "fs";
constexpr const char* kTenant = "tenant";
constexpr const char* kClient = "app";
constexpr std::chrono::minutes kTokenLifetime{10};

template <class T>
T Must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  return *std::move(result);
}

// The machine's clock, moved ahead as the test says: deadlines that it makes never lie in the
// transport's past.
class ShiftedClock final : public Clock {
 public:
  MonotonicTime Now() const override { return clock_.Now() + shift_.load(); }
  WallTime WallNow() const override { return clock_.WallNow() + shift_.load(); }
  bool SleepUntil(MonotonicTime until, std::stop_token stop) override {
    if (stop.stop_requested()) return false;
    if (const auto wait = until - Now(); wait.count() > 0) Advance(wait);
    return true;
  }
  void WaitUntil(CondVar& changed, Mutex& mutex, MonotonicTime until) const override {
    clock_.WaitUntil(changed, mutex, until - shift_.load());
  }
  void Advance(std::chrono::nanoseconds by) { shift_ = shift_.load() + by; }

 private:
  SystemClock clock_;
  std::atomic<std::chrono::nanoseconds> shift_{std::chrono::nanoseconds(0)};
};

class AzureIdentities : public ::testing::Test {
 protected:
  AzureIdentities() {
    std::ofstream(arc_.path() + "/1.key") << "arc proof";
    std::ofstream(arc_.path() + "/federated") << "federated token\n";
    localcloud::AzureOptions cloud{.accounts = {{.name = kAccount,
                                                 .key = localcloud::kAzureEmulatorKey,
                                                 .hierarchical = true,
                                                 .containers = {kContainer}}}};
    cloud.tokens.principals = {{.tenant_id = kTenant,
                                .client_id = kClient,
                                .client_secret = "app secret",
                                .object_id = "object",
                                .certificate_pem = certificate_.certificate_pem,
                                .federated_token = "federated token"}};
    cloud.tokens.managed_client_id = kClient;
    cloud.tokens.managed_object_id = "object";
    cloud.tokens.token_lifetime = kTokenLifetime;
    cloud.tokens.app_service_secret = "app service secret";
    cloud.tokens.arc_file = arc_.path() + "/1.key";
    cloud.tokens.arc_proof = "arc proof";
    service_ = Must(localcloud::AzureService::Make(cloud, *storage_, clock_));
    server_ = Must(localcloud::Server::Start(*service_, clock_));
  }

  azure::ServicePrincipal Principal() const {
    return {.authority = server_->url(), .tenant_id = kTenant, .client_id = kClient};
  }
  std::unique_ptr<ObjectStore> Open(std::unique_ptr<azure::TokenSource> source) {
    const std::string endpoint = server_->url() + "/" + kAccount;
    azure::Options options{.account = kAccount,
                           .container = kContainer,
                           .dfs_endpoint = endpoint,
                           .blob_endpoint = endpoint};
    options.credential = std::make_shared<azure::BearerCredential>(std::move(source), clock_);
    return Must(azure::OpenStore(options, transport_, clock_, {}));
  }
  std::unique_ptr<ObjectStore> OpenAs(azure::ServicePrincipal principal) {
    return Open(
        Must(azure::ServicePrincipalSource::Make(std::move(principal), transport_, clock_)));
  }
  std::unique_ptr<ObjectStore> OpenAs(azure::ManagedIdentityOptions options) {
    return Open(Must(azure::ManagedIdentitySource::Make(std::move(options), transport_, clock_)));
  }
  azure::ManagedIdentityService Machine(const char* variable) const {
    return azure::FindManagedIdentity(MapEnvironment{{variable, server_->url()}});
  }

  void ListReadAndWrite(ObjectStore& store) {
    const ObjectKey key("file");
    ASSERT_TRUE(store.Put({.key = key, .body = AsBytes("hello")}, {}));
    std::array<std::byte, 5> bytes{};
    const auto read = store.Get({.key = key, .range = {0, 5}}, bytes, {});
    ASSERT_TRUE(read);
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), "hello");
    const auto page = store.List({}, {});
    ASSERT_TRUE(page);
    ASSERT_EQ(page->entries.size(), 1U);
    EXPECT_EQ(page->entries[0].key, key);
  }

  ShiftedClock clock_;
  TempDirectory arc_;
  const SelfSigned certificate_ = MakeSelfSigned().value();
  std::unique_ptr<localcloud::Storage> storage_ = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::AzureService> service_;
  std::unique_ptr<localcloud::Server> server_;
  CurlTransport curl_{skybridge::testing::MachineClock()};
  CountingTransport transport_{curl_};
};

TEST_F(AzureIdentities, ClientSecretListsReadsAndWrites) {
  azure::ServicePrincipal principal = Principal();
  principal.client_secret = Secret(std::string_view("app secret"));
  ListReadAndWrite(*OpenAs(std::move(principal)));
}

TEST_F(AzureIdentities, CertificateListsReadsAndWrites) {
  azure::ServicePrincipal principal = Principal();
  principal.assertion = Must(azure::CertificateAssertion::Make(
      {.pem = Secret(certificate_.key_pem + certificate_.certificate_pem)}));
  ListReadAndWrite(*OpenAs(std::move(principal)));
}

TEST_F(AzureIdentities, CertificateThatIsNotRegisteredIsRefused) {
  const SelfSigned other = MakeSelfSigned().value();
  azure::ServicePrincipal principal = Principal();
  principal.assertion = Must(
      azure::CertificateAssertion::Make({.pem = Secret(other.key_pem + other.certificate_pem)}));
  const auto source =
      Must(azure::ServicePrincipalSource::Make(std::move(principal), transport_, clock_));
  const auto token = source->Fetch({});
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, ErrorCode::kUnauthenticated);
  EXPECT_NE(token.error().message.find("AADSTS700027"), std::string::npos);
}

TEST_F(AzureIdentities, WorkloadIdentityListsReadsAndWrites) {
  azure::ServicePrincipal principal = Principal();
  principal.assertion = std::make_shared<azure::FederatedTokenFile>(arc_.path() + "/federated");
  ListReadAndWrite(*OpenAs(std::move(principal)));
}

TEST_F(AzureIdentities, ManagedIdentityOfAMachineListsReadsAndWrites) {
  ListReadAndWrite(
      *OpenAs(azure::ManagedIdentityOptions{.service = Machine("AZURE_POD_IDENTITY_AUTHORITY_HOST"),
                                            .client_id = kClient,
                                            .probe = true}));
}

TEST_F(AzureIdentities, ManagedIdentityOfAppServiceListsReadsAndWrites) {
  const auto service = azure::FindManagedIdentity(
      MapEnvironment{{"IDENTITY_ENDPOINT", server_->url() + "/msi/token"},
                     {"IDENTITY_HEADER", "app service secret"}});
  ListReadAndWrite(*OpenAs(azure::ManagedIdentityOptions{.service = service}));
}

TEST_F(AzureIdentities, ManagedIdentityOfOlderAppServiceListsReadsAndWrites) {
  const auto service = azure::FindManagedIdentity(MapEnvironment{
      {"MSI_ENDPOINT", server_->url() + "/msi/token"}, {"MSI_SECRET", "app service secret"}});
  ListReadAndWrite(*OpenAs(azure::ManagedIdentityOptions{.service = service}));
}

TEST_F(AzureIdentities, ManagedIdentityOfArcListsReadsAndWrites) {
  const auto service = azure::FindManagedIdentity(
      MapEnvironment{{"IDENTITY_ENDPOINT", server_->url() + "/metadata/identity/oauth2/token"},
                     {"IMDS_ENDPOINT", server_->url()}});
  ListReadAndWrite(*OpenAs(
      azure::ManagedIdentityOptions{.service = service, .arc_token_directory = arc_.path()}));
}

// An upload of an hour with tokens of ten minutes: every request carries a token that is valid, so
// none is refused.
TEST_F(AzureIdentities, TokensExpireDuringALongUploadWithoutAFailedRequest) {
  azure::ServicePrincipal principal = Principal();
  principal.client_secret = Secret(std::string_view("app secret"));
  const auto store = OpenAs(std::move(principal));
  const ObjectKey key("long");
  const UploadId upload = Must(store->StartUpload({.key = key}, {}));
  std::vector<PartReceipt> parts;
  const std::string body(1000, 'x');
  for (std::uint32_t part = 1; part <= 60; ++part) {
    clock_.Advance(std::chrono::minutes(1));
    parts.push_back(Must(store->UploadPart({.upload = upload,
                                            .key = key,
                                            .part_number = part,
                                            .offset_bytes = (part - 1) * body.size(),
                                            .body = AsBytes(body)},
                                           {})));
  }
  const auto whole = store->CommitUpload({.upload = upload, .key = key, .parts = parts}, {});
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->size_bytes, 60 * body.size());
  const auto counts = transport_.Snapshot();
  EXPECT_GE(counts.at("azure.token").requests, 60 / kTokenLifetime.count());
  EXPECT_EQ(counts.at("azure.append").requests, 60U);
}

// A shared access signature of each kind over each protocol of a hierarchical account.
enum class SasKind { kOfAccount, kOfService, kOfUserDelegation };
struct SasCase {
  std::string name;
  SasKind kind;
  bool dfs_only = false;
};
void PrintTo(const SasCase& tested, std::ostream* out) { *out << tested.name; }

class AzureSasIdentities : public AzureIdentities, public ::testing::WithParamInterface<SasCase> {
 protected:
  std::string Sas(std::string_view permissions) {
    const SasTerms terms{.account = kAccount,
                         .container = kContainer,
                         .permissions = std::string(permissions),
                         .expiry = FormatRfc3339(clock_.WallNow() + std::chrono::hours(1), 0)};
    switch (GetParam().kind) {
      case SasKind::kOfAccount:
        return SignAccountSas(localcloud::kAzureEmulatorKey, terms);
      case SasKind::kOfService:
        return SignServiceSas(localcloud::kAzureEmulatorKey, terms);
      case SasKind::kOfUserDelegation:
        return SignUserDelegationSas(UserDelegationKey(), terms);
    }
    return {};
  }

  std::unique_ptr<ObjectStore> OpenWithSas(std::string_view permissions) {
    const std::string endpoint = server_->url() + "/" + kAccount;
    azure::Options options{.account = kAccount,
                           .container = kContainer,
                           .dfs_endpoint = endpoint,
                           .blob_endpoint = endpoint};
    if (GetParam().dfs_only) {
      options.dfs_endpoint =
          std::string("http://") + kAccount + ".dfs.localhost:" + std::to_string(server_->port());
      options.blob_endpoint.clear();
      options.allow_http = true;  // a name of this machine that only the resolver knows as one
    }
    options.credential = Must(azure::SasCredential::Make(Sas(permissions), clock_));
    return Must(azure::OpenStore(options, transport_, clock_, {}));
  }

 private:
  // Azure REST: Get User Delegation Key, for the service principal of the test.
  std::string UserDelegationKey() {
    azure::ServicePrincipal principal = Principal();
    principal.client_secret = Secret(std::string_view("app secret"));
    const auto source =
        Must(azure::ServicePrincipalSource::Make(std::move(principal), transport_, clock_));
    const auto token = Must(source->Fetch({}));
    const std::string body = "<KeyInfo><Expiry>" +
                             FormatRfc3339(clock_.WallNow() + std::chrono::hours(2), 0) +
                             "</Expiry></KeyInfo>";
    HttpRequest request{
        .operation = "test.user_delegation_key",
        .method = "POST",
        .url = server_->url() + "/" + kAccount + "/?restype=service&comp=userdelegationkey",
        .body = AsBytes(body)};
    request.headers.Add("Authorization", "Bearer " + std::string(token.value.Reveal()));
    request.headers.Add("x-ms-version", "2023-11-03");
    HttpResponse response = Must(transport_.Send(request, {}));
    if (response.status != 200) throw std::runtime_error(response.body);
    return std::move(response.body);
  }
};

std::set<std::string> PathsIn(ObjectStore& store) {
  std::set<std::string> paths;
  for (const ObjectInfo& entry : Must(store.List({.recursive = true}, {})).entries)
    paths.insert(entry.key.path);
  return paths;
}

TEST_P(AzureSasIdentities, ListReadAndWrite) { ListReadAndWrite(*OpenWithSas("rwdlac")); }

// What is published by a rename carries the signature for the source as well.
TEST_P(AzureSasIdentities, UploadInParts) {
  const auto store = OpenWithSas("rwdlac");
  const ObjectKey key("large");
  const std::string first(std::size_t{9} << 20, 'a');
  const std::string second(1000, 'b');
  const UploadId upload = Must(store->StartUpload({.key = key}, {}));
  std::vector<PartReceipt> parts;
  parts.push_back(Must(store->UploadPart(
      {.upload = upload, .key = key, .part_number = 1, .body = AsBytes(first)}, {})));
  parts.push_back(Must(store->UploadPart({.upload = upload,
                                          .key = key,
                                          .part_number = 2,
                                          .offset_bytes = first.size(),
                                          .body = AsBytes(second)},
                                         {})));
  EXPECT_EQ(PathsIn(*store), std::set<std::string>{}) << "nothing is shown before its end";
  const auto whole = store->CommitUpload({.upload = upload, .key = key, .parts = parts}, {});
  ASSERT_TRUE(whole) << whole.error().ToString();
  EXPECT_EQ(whole->size_bytes, first.size() + second.size());
  std::array<std::byte, 2> bytes{};
  ASSERT_TRUE(store->Get({.key = key, .range = {first.size() - 1, 2}}, bytes, {}));
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), "ab");
  EXPECT_EQ(PathsIn(*store), std::set<std::string>{"large"});
}

TEST_P(AzureSasIdentities, RenameAndDelete) {
  const auto store = OpenWithSas("rwdlac");
  const ObjectKey moved("to/file ü?&");
  Must(store->MakeDirectory({.key = ObjectKey("from")}, {}));
  Must(store->Put({.key = ObjectKey("from/file"), .body = AsBytes("hello")}, {}));
  Must(store->Rename(
      {.source = ObjectKey("from"), .destination = ObjectKey("to"), .kind = NodeKind::kDirectory},
      {}));
  Must(store->Rename({.source = ObjectKey("to/file"), .destination = moved}, {}));
  EXPECT_EQ(PathsIn(*store), (std::set<std::string>{"to", moved.path}));
  Must(store->SetAttributes({.key = moved, .attributes = {.mode = 0600}}, {}));
  EXPECT_EQ(Must(store->Head(moved, {})).attributes->mode, 0600U);
  const Status deleted = store->Delete({.key = moved}, {});
  ASSERT_TRUE(deleted) << deleted.error().ToString();
  const Status removed = store->RemoveDirectory(ObjectKey("to"), {});
  ASSERT_TRUE(removed) << removed.error().ToString();
  EXPECT_EQ(PathsIn(*store), std::set<std::string>{});
}

TEST_P(AzureSasIdentities, AreRefusedWhatTheirPermissionsDoNotName) {
  Must(OpenWithSas("rwdlac")->Put({.key = ObjectKey("file"), .body = AsBytes("hello")}, {}));
  const auto store = OpenWithSas("rl");
  EXPECT_EQ(PathsIn(*store), std::set<std::string>{"file"});
  EXPECT_EQ(Must(store->Head(ObjectKey("file"), {})).size_bytes, 5U);
  EXPECT_EQ(store->Put({.key = ObjectKey("file"), .body = AsBytes("x")}, {}).error().code,
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(store->Delete({.key = ObjectKey("file")}, {}).error().code,
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(
      store->Rename({.source = ObjectKey("file"), .destination = ObjectKey("to")}, {}).error().code,
      ErrorCode::kPermissionDenied);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, AzureSasIdentities,
    ::testing::Values(SasCase{"Account", SasKind::kOfAccount},
                      SasCase{"Service", SasKind::kOfService},
                      SasCase{"UserDelegation", SasKind::kOfUserDelegation},
                      SasCase{"AccountThroughDfsOnly", SasKind::kOfAccount, true},
                      SasCase{"ServiceThroughDfsOnly", SasKind::kOfService, true},
                      SasCase{"UserDelegationThroughDfsOnly", SasKind::kOfUserDelegation, true}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace skybridge::testing
