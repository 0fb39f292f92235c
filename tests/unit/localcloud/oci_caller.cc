#include "tests/unit/localcloud/oci_caller.h"

#include <cctype>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"

namespace skybridge::localcloud {
namespace {

// Made once for each run of the tests.
EVP_PKEY* TestKey() {
  static EVP_PKEY* const key = EVP_RSA_gen(2048);
  return key;
}

std::string PublicPem() {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PUBKEY(text.get(), TestKey());
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

std::string RsaSha256(std::string_view text) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, TestKey());
  std::string signature(256, '\0');
  std::size_t size = signature.size();
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                 reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return Base64Encode(AsBytes(std::string_view(signature).substr(0, size)));
}

bool NeedsBodySignature(const Request& request) {
  const bool is_upload =
      request.method == "PUT" && (request.raw_path.find("/o/") != std::string::npos ||
                                  request.raw_path.find("/u/") != std::string::npos);
  return !is_upload && (request.method == "POST" || request.method == "PUT");
}

}  // namespace

OciCaller::OciCaller(OciServiceOptions options)
    : OciCaller(std::move(options), MakeMemoryStorage()) {}

OciCaller::OciCaller(OciServiceOptions options, std::unique_ptr<Storage> storage)
    : storage_(std::move(storage)) {
  options.identities.push_back({key_id_, PublicPem()});
  auto service = OciService::Create(*storage_, clock_, std::move(options));
  EXPECT_TRUE(service) << service.error().ToString();
  service_ = *std::move(service);
}

Request OciCaller::MakeRequest(std::string method, std::string target, std::string body) {
  Request request{.method = std::move(method), .raw_target = std::move(target)};
  const std::size_t mark = request.raw_target.find('?');
  request.raw_path = request.raw_target.substr(0, mark);
  if (mark != std::string::npos) request.raw_query = request.raw_target.substr(mark + 1);
  request.body = std::move(body);
  request.local_address = "127.0.0.1:9000";
  return request;
}

void OciCaller::Sign(Request& request, std::string_view names) const {
  if (request.headers.Find("date") == nullptr)
    request.headers.Add("Date", FormatHttpDate(clock_.WallNow()));
  if (request.headers.Find("host") == nullptr) request.headers.Add("Host", "127.0.0.1:9000");
  std::string text;
  std::string_view rest = names;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (!text.empty()) text += '\n';
    std::string method = request.method;
    for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    text += name == "(request-target)" ? fmt::format("{}: {} {}", name, method, request.raw_target)
                                       : fmt::format("{}: {}", name, request.headers.Get(name));
  }
  request.headers.Set(
      "Authorization",
      fmt::format(
          R"(Signature version="1",keyId="{}",algorithm="rsa-sha256",headers="{}",signature="{}")",
          key_id_, names, RsaSha256(text)));
}

Response OciCaller::Call(std::string method, std::string target, std::string body,
                         const Headers& headers) {
  Request request = MakeRequest(std::move(method), std::move(target), std::move(body));
  for (const auto& [name, value] : headers) request.headers.Add(name, value);
  request.headers.Set("Content-Length", std::to_string(request.body.size()));
  const bool with_body = NeedsBodySignature(request);
  if (with_body) {
    request.headers.Set("Content-Type", "application/json");
    request.headers.Set("x-content-sha256", Base64Encode(Sha256(AsBytes(request.body))));
  }
  Sign(request, with_body ? kBodySignature : kPlainSignature);
  return service_->Handle(request);
}

std::string BodyOf(const Response& response) {
  if (response.slices.empty()) return response.body;
  std::string body;
  for (const Slice& slice : response.slices) body += slice.bytes;
  return body;
}

std::string CodeOf(const Response& response) {
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  return json.is_object() ? json.value("code", "") : "";
}

}  // namespace skybridge::localcloud
