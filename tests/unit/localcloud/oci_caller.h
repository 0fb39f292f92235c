// Calls an OciService as a client would: builds the request, signs it with a key of its own, hands
// it over.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/localcloud/oci_service.h"
#include "tests/localcloud/storage.h"
#include "tests/support/fake_clock.h"

namespace skybridge::localcloud {

// Not safe from many threads.
class OciCaller {
 public:
  explicit OciCaller(OciServiceOptions options = {});
  OciCaller(OciServiceOptions options, std::unique_ptr<Storage> storage);

  using Headers = std::vector<std::pair<std::string, std::string>>;

  // Signs as the operation demands, and sends. `target` is "/n/..." with its query,
  // percent-encoded.
  Response Call(std::string method, std::string target, std::string body = {},
                const Headers& headers = {});
  // Unsigned and without any header; to be completed by the test.
  static Request MakeRequest(std::string method, std::string target, std::string body = {});
  // Adds date, host and an Authorization header that covers `names`.
  void Sign(Request& request, std::string_view names) const;

  OciService& service() { return *service_; }
  testing::FakeClock& clock() { return clock_; }
  const std::string& key_id() const { return key_id_; }

 private:
  testing::FakeClock clock_;
  std::unique_ptr<Storage> storage_;
  std::string key_id_ = "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/00:11";
  std::unique_ptr<OciService> service_;
};

// The whole body of a response, whichever way it is held.
std::string BodyOf(const Response& response);
// The member "code" of an error body.
std::string CodeOf(const Response& response);

inline constexpr std::string_view kPlainSignature = "date (request-target) host";
inline constexpr std::string_view kBodySignature =
    "date (request-target) host content-length content-type x-content-sha256";

}  // namespace skybridge::localcloud
