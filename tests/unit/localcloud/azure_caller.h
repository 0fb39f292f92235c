// Calls AzureService as a client would, without a network: signs each request with the account's
// key.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/localcloud/azure_service.h"
#include "tests/localcloud/storage.h"
#include "tests/support/fake_clock.h"

namespace skybridge::localcloud::testing {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct CallOptions {
  std::string account = "lake";
  std::string body = {};
  HeaderList headers = {};
  bool sign = true;
  bool queue = false;  // through the port of the queues
};

// Two accounts, "lake" (hierarchical, filesystem "fs") and "devstoreaccount1" (flat, container
// "box"), and one service principal. Time is a FakeClock's.
class AzureCaller {
 public:
  AzureCaller();                                // keeps everything in memory
  explicit AzureCaller(std::string directory);  // in a directory that Restart opens again
  explicit AzureCaller(azure::ListingOptions listing);
  explicit AzureCaller(azure::EventOptions events);  // of both accounts
  explicit AzureCaller(azure::LimitOptions limits);

  // `target` is what follows the account: "/fs/a%20b?resource=file".
  Response Send(const std::string& method, const std::string& target, CallOptions options = {});
  Response SendRequest(const Request& request) { return service_->Handle(request); }
  // A request that is complete but for its signature.
  Request MakeRequest(const std::string& method, const std::string& target,
                      const CallOptions& options) const;
  void Sign(Request& request, const std::string& account) const;

  // In "lake", through Data Lake. Each expects success.
  void CreateFile(const std::string& path, const std::string& content);
  void CreateDirectory(const std::string& path);
  std::string Read(const std::string& path);  // "<STATUS>" unless it is 200
  std::string Etag(const std::string& path);
  std::vector<std::string> List(const std::string& directory, bool recursive, int page = 5000);

  // A token of the service principal.
  std::string Token();
  Response RequestToken(const std::string& form);

  void Restart();

  skybridge::testing::FakeClock& clock() { return clock_; }
  AzureService& service() { return *service_; }

  static constexpr char kTenant[] = "11111111-1111-4111-8111-111111111111";
  static constexpr char kClient[] = "22222222-2222-4222-8222-222222222222";
  static constexpr char kSecret[] = "only for tests +/=";
  static constexpr char kObject[] = "33333333-3333-4333-8333-333333333333";

 private:
  void Start();

  skybridge::testing::FakeClock clock_;
  azure::ListingOptions listing_;
  azure::EventOptions events_;
  azure::LimitOptions limits_;
  std::string directory_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<AzureService> service_;
  std::unique_ptr<Service> queues_;
};

std::string BodyOf(const Response& response);
std::string CodeOf(const Response& response);  // x-ms-error-code

}  // namespace skybridge::localcloud::testing
