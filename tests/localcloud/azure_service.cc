#include "tests/localcloud/azure_service.h"

#include <map>
#include <utility>

#include <openssl/evp.h>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/mutex.h"
#include "core/time_text.h"
#include "tests/localcloud/azure_batch.h"
#include "tests/localcloud/azure_blob.h"
#include "tests/localcloud/azure_call.h"
#include "tests/localcloud/azure_denial.h"
#include "tests/localcloud/azure_dfs.h"
#include "tests/localcloud/azure_limits.h"
#include "tests/localcloud/azure_queue_calls.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud {

using azure::Account;
using azure::Call;
using azure::Endpoint;
using azure::Operation;
using azure::Refusal;
using azure::Target;

namespace {

constexpr std::string_view kNewestVersion = "2026-99-99";

bool CarriesData(Operation operation) {
  return operation == Operation::kAppend || operation == Operation::kPutBlob ||
         operation == Operation::kPutBlock || operation == Operation::kAppendBlock;
}

Response Dispatch(const Call& call) {
  switch (call.operation) {
    case Operation::kListFilesystems:
      return azure::ListFilesystems(call);
    case Operation::kCreateFilesystem:
      return azure::CreateFilesystem(call);
    case Operation::kGetFilesystem:
      return azure::GetFilesystem(call);
    case Operation::kSetFilesystem:
      return azure::SetFilesystem(call);
    case Operation::kDeleteFilesystem:
      return azure::DeleteFilesystem(call);
    case Operation::kListPaths:
      return azure::ListPaths(call);
    case Operation::kCreateFile:
    case Operation::kCreateDirectory:
      return azure::CreatePath(call);
    case Operation::kRename:
      return azure::RenamePath(call);
    case Operation::kAppend:
      return azure::AppendData(call);
    case Operation::kFlush:
      return azure::FlushData(call);
    case Operation::kSetProperties:
      return azure::SetProperties(call);
    case Operation::kSetAccessControl:
      return azure::SetAccessControl(call);
    case Operation::kSetAccessControlRecursive:
      return azure::SetAccessControlRecursive(call);
    case Operation::kGetAccessControl:
      return azure::GetAccessControl(call);
    case Operation::kGetStatus:
      return azure::GetStatus(call);
    case Operation::kCheckAccess:
      return azure::CheckAccess(call);
    case Operation::kDeletePath:
      return azure::DeletePath(call);
    case Operation::kSetExpiry:
      return azure::SetExpiry(call);
    case Operation::kRead:
    case Operation::kHead:
      return azure::ReadBlob(call);
    case Operation::kListContainers:
      return azure::ListContainers(call);
    case Operation::kAccountProperties:
      return azure::AccountProperties(call);
    case Operation::kServiceProperties:
      return azure::ServiceProperties(call);
    case Operation::kUserDelegationKey:
      return azure::UserDelegationKey(call);
    case Operation::kCreateContainer:
      return azure::CreateContainer(call);
    case Operation::kGetContainer:
      return azure::GetContainer(call);
    case Operation::kSetContainerMetadata:
      return azure::SetContainerMetadata(call);
    case Operation::kGetContainerAcl:
      return azure::GetContainerAcl(call);
    case Operation::kLeaseContainer:
      return azure::LeaseContainer(call);
    case Operation::kDeleteContainer:
      return azure::DeleteContainer(call);
    case Operation::kListBlobs:
      return azure::ListBlobs(call);
    case Operation::kPutBlob:
      return azure::PutBlob(call);
    case Operation::kCopyBlob:
      return azure::CopyBlob(call);
    case Operation::kPutBlock:
      return azure::PutBlock(call);
    case Operation::kPutBlockFromUrl:
      return azure::PutBlockFromUrl(call);
    case Operation::kPutBlockList:
      return azure::PutBlockList(call);
    case Operation::kGetBlockList:
      return azure::GetBlockList(call);
    case Operation::kGetMetadata:
      return azure::GetMetadata(call);
    case Operation::kSetMetadata:
      return azure::SetMetadata(call);
    case Operation::kSetBlobProperties:
      return azure::SetBlobProperties(call);
    case Operation::kSetTier:
      return azure::SetTier(call);
    case Operation::kLeasePath:
    case Operation::kLeaseBlob:
      return azure::ActOnLease(call);
    case Operation::kSnapshot:
      return azure::Snapshot(call);
    case Operation::kAppendBlock:
    case Operation::kAppendBlockFromUrl:
      return azure::AppendBlock(call);
    case Operation::kSeal:
      return azure::Seal(call);
    case Operation::kDeleteBlob:
      return azure::DeleteBlob(call);
    case Operation::kListQueues:
    case Operation::kCreateQueue:
    case Operation::kDeleteQueue:
    case Operation::kGetQueueMetadata:
    case Operation::kSetQueueMetadata:
    case Operation::kPutMessage:
    case Operation::kGetMessages:
    case Operation::kPeekMessages:
    case Operation::kClearMessages:
    case Operation::kUpdateMessage:
    case Operation::kDeleteMessage:
      return azure::ActOnQueue(call);
    case Operation::kBatch:  // handled before, without the lock
    case Operation::kOauthToken:
    case Operation::kImdsToken:
    case Operation::kOpenIdConfiguration:
    case Operation::kUnknown:
      break;
  }
  azure::Refuse(405, "UnsupportedHttpVerb",
                "The resource doesn't support the specified HTTP verb.");
}

void CheckVersion(const Request& request, const Target& target) {
  const std::string_view version = request.headers.Get("x-ms-version");
  if (version.empty()) {
    // A SAS names its own; a caller without credentials is refused for that.
    if (target.query.Has("sv") || request.headers.Get("Authorization").empty()) return;
    azure::RefuseNoHeader("x-ms-version");
  }
  const bool well_formed =
      version.size() == 10 && version[4] == '-' && version[7] == '-' && version <= kNewestVersion;
  if (!well_formed) azure::RefuseHeader("x-ms-version", std::string(version));
}

void RequireLength(const Request& request) {
  const bool has_body =
      request.method == "PUT" || request.method == "POST" || request.method == "PATCH";
  if (!has_body || request.headers.Find("Content-Length") != nullptr) return;
  azure::Refuse(411, "MissingContentLengthHeader",
                "You must provide the Content-Length HTTP header.");
}

// "" when the request has an MD5, which is answered instead.
std::string Crc64Of(const Request& request) {
  if (!request.headers.Get("Content-MD5").empty()) return {};
  const std::string_view given = request.headers.Get("x-ms-content-crc64");
  return given.empty() ? EncodeCrc64(Crc64Nvme(AsBytes(request.body))) : std::string(given);
}

std::string_view ServerName(Operation operation, bool dfs) {
  if (IsQueue(operation)) return "Windows-Azure-Queue/1.0 Microsoft-HTTPAPI/2.0";
  return dfs ? "Windows-Azure-HDFS/1.0 Microsoft-HTTPAPI/2.0"
             : "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0";
}

}  // namespace

class AzureService::Impl {
 public:
  Impl(Storage& storage, const Clock& clock, const AzureOptions& options)
      : storage_(storage),
        clock_(clock),
        tokens_(options.tokens),
        listing_(options.listing),
        limits_(options.limits) {}

  Status AddAccount(const AzureAccountOptions& options);
  // `origin`: what an address without a service label means where the request came in.
  Response Handle(const Request& request, Endpoint origin, std::string_view inherited_version);
  std::string OperationOf(const Request& request, Endpoint origin) const;
  Response Refuse(const Request& request, Endpoint origin, const Denial& denial) const;

 private:
  Account* FindAccount(std::string_view name) const;
  WallTime Now(const Request& request) const { return clock_.WallNow() + request.clock_skew; }
  // The account that a target leaves out is told by the signature, or is the only one.
  void FillAccount(const Request& request, Target& target) const;
  Target Parse(const Request& request, Endpoint origin) const;
  // What a request asks for, as far as its target can be read.
  struct Purpose {
    Target target;
    Operation operation = Operation::kUnknown;
    bool dfs = false;
  };
  Purpose PurposeOf(const Request& request, Endpoint origin) const;
  Response HandleToken(Operation operation, const Request& request) const;
  Response HandleStorage(const Request& request, const Target& target, Operation operation,
                         bool dfs);
  Response Run(Call& call);
  Response Word(const Refusal& refusal, const Request& request, bool dfs) const;
  void AddCommonHeaders(const Request& request, std::string_view server, Response& response) const;

  Storage& storage_;
  const Clock& clock_;
  const azure::TokenOptions tokens_;
  const azure::ListingOptions listing_;
  const azure::LimitOptions limits_;
  const azure::TokenIssuer issuer_;
  std::map<std::string, std::unique_ptr<Account>, std::less<>>
      accounts_;  // constant once made; what they hold is not
  Mutex mutex_;   // guards everything that the accounts hold; held around a handler, which does no
                  // I/O of its own
};

Status AzureService::Impl::AddAccount(const AzureAccountOptions& options) {
  std::string key = TRY(Base64Decode(options.key));
  auto account =
      std::make_unique<Account>(options.name, std::move(key), options.hierarchical, storage_);
  for (const std::string& container : options.containers) {
    if (account->FindContainer(container) == nullptr)
      account->CreateContainer(container, {}, clock_.WallNow());
  }
  account->Subscribe(options.events);
  accounts_[options.name] = std::move(account);
  return {};
}

Account* AzureService::Impl::FindAccount(std::string_view name) const {
  const auto found = accounts_.find(name);
  return found == accounts_.end() ? nullptr : found->second.get();
}

void AzureService::Impl::FillAccount(const Request& request, Target& target) const {
  if (!target.account.empty()) return;
  const std::string_view header = request.headers.Get("Authorization");
  const std::string_view source = request.headers.Get("x-ms-rename-source");
  if (header.starts_with("SharedKey ")) {
    target.account = header.substr(10, header.find(':') - 10);
  } else if (!source.empty()) {
    target.account = azure::ParseSourcePath(source, [&](std::string_view name) {
                       return FindAccount(name) != nullptr;
                     }).account;
  }
  if (target.account.empty() && accounts_.size() == 1) target.account = accounts_.begin()->first;
}

Target AzureService::Impl::Parse(const Request& request, Endpoint origin) const {
  Target target = azure::ParseTarget(
      request, [&](std::string_view name) { return FindAccount(name) != nullptr; }, origin);
  FillAccount(request, target);
  return target;
}

AzureService::Impl::Purpose AzureService::Impl::PurposeOf(const Request& request,
                                                          Endpoint origin) const {
  Purpose purpose{.target = {.query = azure::Query("")}};
  try {
    purpose.target = Parse(request, origin);
    purpose.operation = azure::RouteStorage(request, purpose.target);
    purpose.dfs = azure::IsDfs(purpose.operation, purpose.target, request);
  } catch (const Refusal&) {  // a target that cannot be read
  }
  return purpose;
}

std::string AzureService::Impl::OperationOf(const Request& request, Endpoint origin) const {
  Operation operation = azure::RouteToken(request);
  if (operation == Operation::kUnknown) operation = PurposeOf(request, origin).operation;
  return std::string(azure::OperationName(operation));
}

Response AzureService::Impl::Handle(const Request& request, Endpoint origin,
                                    std::string_view inherited_version) {
  const Operation token = azure::RouteToken(request);
  if (token != Operation::kUnknown) return HandleToken(token, request);
  Response response;
  Operation operation = Operation::kUnknown;
  bool dfs = false;
  try {
    const Target target = Parse(request, origin);
    operation = azure::RouteStorage(request, target);
    dfs = azure::IsDfs(operation, target, request);
    if (inherited_version.empty()) CheckVersion(request, target);
    response = HandleStorage(request, target, operation, dfs);
  } catch (const Refusal& refusal) {
    response = Word(refusal, request, dfs);
  }
  AddCommonHeaders(request, ServerName(operation, dfs), response);
  response.operation = azure::OperationName(operation);
  return response;
}

Response AzureService::Impl::HandleToken(Operation operation, const Request& request) const {
  Response response;
  if (operation == Operation::kOpenIdConfiguration) {
    response = azure::DescribeAuthority(request);
  } else if (operation == Operation::kOauthToken) {
    response = azure::IssuePrincipalToken(request, tokens_, issuer_, Now(request));
  } else {
    response = azure::IssueManagedToken(request, tokens_, issuer_, Now(request));
  }
  response.operation = azure::OperationName(operation);
  return response;
}

Response AzureService::Impl::HandleStorage(const Request& request, const Target& target,
                                           Operation operation, bool dfs) {
  RequireLength(request);
  azure::CheckBodySize(request, operation);
  Account* account = FindAccount(target.account);
  if (account == nullptr)
    azure::Refuse(404, "ResourceNotFound", "The specified account does not exist.");
  Call call{.request = request,
            .target = target,
            .operation = operation,
            .dfs = dfs,
            .now = Now(request),
            .request_id = azure::NewGuid(),
            .account = *account,
            .storage = storage_,
            .issuer = issuer_,
            .listing = listing_,
            .limits = limits_,
            .find_account = [this](std::string_view name) { return FindAccount(name); }};
  call.object_id =
      azure::Authorize({.request = request,
                        .target = target,
                        .operation = operation,
                        .credentials = {.account = account->name(), .key = account->key()},
                        .now = call.now},
                       issuer_);
  if (operation == Operation::kBatch) {
    const std::string version(request.headers.Get("x-ms-version"));
    return azure::HandleBatch(
        request, [&](const Request& part) { return Handle(part, Endpoint::kEither, version); });
  }
  call.target.path = azure::NormalPath(target.path, account->hierarchical());
  azure::CheckSnapshot(call);
  return Run(call);
}

Response AzureService::Impl::Run(Call& call) {
  if (CarriesData(call.operation)) {
    azure::CheckBodyDigests(call.request.headers, call.request.body);
    if (call.operation == Operation::kPutBlob)
      call.body_md5 = Base64Encode(Md5(AsBytes(call.request.body)));
    if (call.operation == Operation::kPutBlock || call.operation == Operation::kAppendBlock)
      call.body_crc64 = Crc64Of(call.request);
    call.body = storage_.Keep(std::move(call.request.body));
  }
  MutexLock lock(mutex_);
  try {
    Response response = Dispatch(call);
    response.headers.Add("x-ms-request-id", call.request_id);
    return response;
  } catch (const Refusal&) {
    if (call.body.owner != nullptr) storage_.Release(call.body);
    throw;
  }
}

Response AzureService::Impl::Word(const Refusal& refusal, const Request& request, bool dfs) const {
  Response response{
      .status = refusal.status, .reason = refusal.message, .headers = refusal.headers};
  response.headers.Add("x-ms-error-code", refusal.code);
  if (request.method == "HEAD" || refusal.status == 304) return response;
  const std::string suffix =
      "\nRequestId:" + azure::NewGuid() + "\nTime:" + FormatRfc3339(Now(request), 7);
  response.body = dfs ? azure::JsonBody(refusal, suffix) : azure::XmlBody(refusal, suffix);
  response.headers.Add("Content-Type", dfs ? "application/json;charset=utf-8" : "application/xml");
  return response;
}

void AzureService::Impl::AddCommonHeaders(const Request& request, std::string_view server,
                                          Response& response) const {
  response.headers.Add("Server", std::string(server));
  if (response.headers.Find("x-ms-request-id") == nullptr)
    response.headers.Add("x-ms-request-id", azure::NewGuid());
  const std::string_view version = request.headers.Get("x-ms-version");
  if (!version.empty()) response.headers.Add("x-ms-version", std::string(version));
  const std::string_view client_id = request.headers.Get("x-ms-client-request-id");
  if (!client_id.empty()) response.headers.Add("x-ms-client-request-id", std::string(client_id));
}

Response AzureService::Impl::Refuse(const Request& request, Endpoint origin,
                                    const Denial& denial) const {
  Response response;
  if (azure::RouteToken(request) != Operation::kUnknown) {
    response = azure::TokenRefusalOf(denial, Now(request));
  } else {
    const Purpose purpose = PurposeOf(request, origin);
    const Refusal refusal =
        azure::RefusalOf(denial, purpose.operation, purpose.target, purpose.dfs);
    response = Word(refusal, request, purpose.dfs);
    AddCommonHeaders(request, ServerName(purpose.operation, purpose.dfs), response);
  }
  response.operation = OperationOf(request, origin);
  return response;
}

AzureService::AzureService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AzureService::~AzureService() = default;

Result<std::unique_ptr<AzureService>> AzureService::Make(const AzureOptions& options,
                                                         Storage& storage, const Clock& clock) {
  auto impl = std::make_unique<Impl>(storage, clock, options);
  for (const AzureAccountOptions& account : options.accounts) TRY_VOID(impl->AddAccount(account));
  return std::unique_ptr<AzureService>(new AzureService(std::move(impl)));
}

class AzureService::QueueService final : public Service {
 public:
  explicit QueueService(Impl& impl) : impl_(impl) {}
  Response Handle(const Request& request) override {
    return impl_.Handle(request, Endpoint::kQueue, "");
  }
  std::string OperationOf(const Request& request) const override {
    return impl_.OperationOf(request, Endpoint::kQueue);
  }
  Response Refuse(const Request& request, const Denial& denial) const override {
    return impl_.Refuse(request, Endpoint::kQueue, denial);
  }

 private:
  Impl& impl_;
};

std::unique_ptr<Service> AzureService::MakeQueueService() {
  return std::make_unique<QueueService>(*impl_);
}

Response AzureService::Handle(const Request& request) {
  return impl_->Handle(request, Endpoint::kEither, "");
}
std::string AzureService::OperationOf(const Request& request) const {
  return impl_->OperationOf(request, Endpoint::kEither);
}
Response AzureService::Refuse(const Request& request, const Denial& denial) const {
  return impl_->Refuse(request, Endpoint::kEither, denial);
}

}  // namespace skybridge::localcloud
