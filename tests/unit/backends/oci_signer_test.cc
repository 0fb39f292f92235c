#include "backends/oci/signer.h"

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "core/time_text.h"
#include "tests/unit/backends/oci_test_key.h"

// The expected signatures were made by Oracle's own signers: the TypeScript SDK (A, B, D, F) and
// the Python SDK (A, B, C, E, G), with this key at this instant. RSA PKCS#1 v1.5 is deterministic.
namespace skybridge::oci {
namespace {

using testing::kFingerprint;
using testing::kPkcs8;
using testing::kTenancy;
using testing::kUser;

constexpr std::string_view kDate = "Thu, 05 Jan 2023 21:31:40 GMT";
constexpr std::string_view kHost = "https://objectstorage.us-ashburn-1.oraclecloud.com";

// clang-format off
constexpr std::string_view kSignatureA =
    "cc09x2lZZ3s+3ifOHC3PIAVUuwbJL9a1ZiT485xStxHdkk386SnMEQ1h+e7OlFAIpbWS6tUiMG1DDvfXTU6STyZXSMHO5hVYSBZv"
    "cLF85QLRB0qHDN1IzHRj/6ekE269W87jIimtWELm6IF45RVoJg68AabWmOlkJ7dg0YPHJ2mwKXp77lt9DneKDqcRqBuf+MmjoXO3"
    "kHHNl7xF/nOFpm70yoOH5zm+Iw9arA+GIA9W0bt6FxwPpKk2c/2KS9TWb5JIsGLO2t6Z5WDlvhhtgrsHj2Co8j2Qx1FFmCtqIb8J"
    "JEjM0U9OZnXYe2pHd65hER3tAqNPX6YV6qujMefAGw==";
constexpr std::string_view kSignatureB =
    "WyPhzDCjw96MbopDH1+Mz/4MQ1Jtw0dnGQ8GTt7KhBrLwcpwB3E4sWFjzNBWXDeNWDhzdSvh1GGTOeoX2wiOFNcbvHNZRVsUFMpj"
    "riG/811arCoaBJAmc2S4TQEEWUq92lWTKg5AxkOL3R71jxpCkNE3eLyKRkqzPzu1k/MN8tDvq82vNsq0TTwq2Zfui8FElRGt+EQu"
    "chZhnQxIL+w1J9TiUwJI4nOSvNUWrj4KGT2aArYejpMC9s823GUgUk6IsM2oWB3LY+79z2DqZWRdTR5UPNDWf4R8IpuN4oL0SOac"
    "2mY77tqW6xLU/ogQ6Y7nTepD0j6feK5SVlivul/pvg==";
constexpr std::string_view kSignatureC =
    "SfvrU8lladtKDIeEr73dMn0c0axOs2xgx5+JjZFKbkRDHdnyuaaTJP2skNeoP2X6R/qzqw2zaaT+JU34zhOaGqO41KaX2zpjO0Lj"
    "PWZae22bEtsmU1UEUtmG8FPZgrlM51elylcT2l/QsqK9q1Fv54I6YbPYA58Fy9Gb46sll5lgpbjKdt9lLX5ifIxd/rqpDns1ufT/"
    "HPykwxX/ygSFd8NomzgumU/XruEu/NvT9/ndBQf2vH1Xi0+4LamXPqulIkk8NSpSisXb2r8jNcrRiHprM44bLErBJF2ZXb/SOlfd"
    "0d9pQAInSmRGDHUdNHEw8hzG2uprAgLI9altE1F1Dg==";
constexpr std::string_view kSignatureD =
    "ErMzWUitfbPVEGaM4gBHZ6QWfc0i4AdP9Vb0e7ZzEqDZV67dWEpubS41D8WIjI5QDFquYeJEZUHPbv+NsBTiWqY19VH1VMxSRsFS"
    "pvaEpzJ1Z2t3lEGW7d3rEJZCbXEqhealKCvPc9D6s09Dtp6MIziccRu92ZBChRBGkS+hjbIFbJ6qCf867OHyTwV1At6eBHtUWa00"
    "ml/ePz2IYtdMmdDFnHKeENflBCdiIdndjH4RPBTMvT/46C8xTvFxTlnSSae9lffB8xgOK4xMSKfBlx7TpyGIY7lKKWH9ca2GBDkJ"
    "f1fe9dvyfWvmhp09sS0vrNISJZ97ytiLxhMLcuQ6Kg==";
constexpr std::string_view kSignatureE =
    "eABbeilVQimbfF4euWZpKF3F4s4vMWN8HAFBGtXWc0yeR831ivTRTwyEQYTPape8cpi471hIkNRudo/8Av2wgxJGnQfcQWIzDx4C"
    "1YKpTM+th/ByrCAcwgqENoZj7cOuRBH6M45H1d63lmW4tlQtT05Al8Uq7iakpKK0tn/ewLuWm2cLy82thLcYgZqKD6lQUGealsHi"
    "afan+fWFeDbBJ4Sar3GTlJOx2KN2ZB9tO5CtexVbYpfG0msd0h2sr2l/ciwCivpMyONWCO6aHsWklWgRqZtSglCj4HD/gHC3NTG7"
    "aHy0jW7b/vv0xkXAwzmafK5bJNooyUvsTi7s+6/flA==";
constexpr std::string_view kSignatureF =
    "QuiyKdSSXaW3jTtw2DWz/o4fFrSbdzWvHbb7lCyke2gTIX2iILe9r0f0tBSZ4X458qH12n3W3sNWUsCYHWeIZUu0xHNnF3GuUCNW"
    "ZMFw+tu84LosPTG4xv0yE8C0CpYafMIxTqDldMqR1TSMfA5cHkuojdgDx5r+r4vCHa9mah8V+3CIJgRB102mSBEiGyjczjZU+PWI"
    "D15saT3WrVQEVaK9+zcWHLkUoPydR0XbzRrW13jIq0fzHymbX1IbZBoSryNLdugEZHFIwpL6KbkPu7gwXIDrOBPr96y3b4DSfuJA"
    "70vx/IuRu1rxmyjLK8/kUotc7QJqdhgn9qZQVnQwhg==";
constexpr std::string_view kSignatureG =
    "YSI+ieTg7NZq0s1dTf7yLgeDB7hBDpUblOoyoTwIlqTsG/qXVIlTZ2swnACq5KkfgtkELCmg8JBgko96u5/JXN1t5LzsGC6bhGgE"
    "fUIDqFHOplOtNxsXrMmvusHtWT+PHi1oNiuSnrV+pqVvk3x43BxvShokIVGeppRNXtApDBWDAdMkMzl3YV9H+IuVTmCfzwWswOgj"
    "rFaF+jaOvVPyiUgj1Wuhpv6wbV+MFKxxJkR6dcOSmzp6t4Ee2dLxNGynAlHlN/fIrMJmpPseEG7Ym+RulDRLRWrsGIwVCFDE+0pn"
    "RSE+fohHWO7vEeglNrHJKdNXVNQfHs5OTVvaKb5Z2g==";
// clang-format on

Identity TestIdentity() {
  return {
      std::string(kTenancy) + "/" + std::string(kUser) + "/" + std::string(kFingerprint),
      std::make_shared<const PrivateKey>(PrivateKey::FromPem(kPkcs8, "", "of the test").value())};
}

HttpRequest MakeRequest(std::string method, std::string url, std::string_view body = {}) {
  HttpRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.body = AsBytes(body);
  return request;
}

// What SignRequest put into the Authorization header.
std::string SignedBy(SigningProfile profile, HttpRequest& request) {
  EXPECT_TRUE(SignRequest(TestIdentity(), profile, ParseHttpDate(kDate).value(), request));
  const std::string_view value = request.headers.Get("authorization");
  constexpr std::string_view kStart = "signature=\"";
  const auto begin = value.find(kStart) + kStart.size();
  return std::string(value.substr(begin, value.find('"', begin) - begin));
}

std::string SignatureOf(const HttpRequest& request, std::span<const std::string_view> names) {
  return Base64Encode(AsBytes(TestIdentity().key->Sign(SigningString(request, names)).value()));
}

TEST(OciSigner, SignsListingsAsTheOfficialSdksDo) {
  HttpRequest request =
      MakeRequest("GET", std::string(kHost) +
                             "/n/mynamespace/b/mybucket/o?prefix=dir%2Fsub%20dir%2F&delimiter=%2F"
                             "&fields=name%2Csize%2Cetag%2CtimeModified&limit=1000");
  EXPECT_EQ(SignedBy(SigningProfile::kGeneric, request), kSignatureA);
}

TEST(OciSigner, LeavesTheBodyOfPutObjectOutOfTheSignature) {
  HttpRequest request = MakeRequest(
      "PUT", std::string(kHost) + "/n/mynamespace/b/mybucket/o/dir%2Ffile%20%C3%A9%2B1.txt",
      "the body is not signed");
  EXPECT_EQ(SignedBy(SigningProfile::kRawBody, request), kSignatureB);
  EXPECT_EQ(request.headers.Find("x-content-sha256"), nullptr);
}

TEST(OciSigner, SignsJsonBodiesWithTheirDigest) {
  HttpRequest request =
      MakeRequest("POST", std::string(kHost) + "/n/mynamespace/b/mybucket/actions/renameObject",
                  R"({"sourceName":"dir/a.txt","newName":"dir/b.txt"})");
  EXPECT_EQ(SignedBy(SigningProfile::kJsonBody, request), kSignatureC);
  EXPECT_EQ(request.headers.Get("x-content-sha256"),
            "32Go3z8pJHF62/3haIOESxO9KOqDpyKakxzXo1uUYqE=");
  EXPECT_EQ(request.headers.Get("content-type"), "application/json");
}

TEST(OciSigner, SignsXDateInPlaceOfDate) {
  HttpRequest request = MakeRequest("GET", std::string(kHost) + "/n");
  request.headers.Add("x-date", std::string(kDate));
  constexpr std::array<std::string_view, 3> kNames = {"x-date", "(request-target)", "host"};
  EXPECT_EQ(SignatureOf(request, kNames), kSignatureD);
}

TEST(OciSigner, SignsTheHostWithItsPortAndAnEmptyBody) {
  HttpRequest request =
      MakeRequest("POST", "http://127.0.0.1:9000/n/mynamespace/b/mybucket/actions/reencrypt");
  EXPECT_EQ(SignedBy(SigningProfile::kJsonBody, request), kSignatureE);
  EXPECT_EQ(request.headers.Get("x-content-sha256"),
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

TEST(OciSigner, SignsHeadersInAnyOrderThatIsAskedFor) {
  HttpRequest request =
      MakeRequest("POST", std::string(kHost) + "/n/mynamespace/b/mybucket/actions/renameObject",
                  R"({"sourceName":"dir/a.txt","newName":"dir/b.txt"})");
  request.headers.Add("X-Date", std::string(kDate));
  request.headers.Add("Content-Type", "application/json");
  request.headers.Add("x-content-sha256", "32Go3z8pJHF62/3haIOESxO9KOqDpyKakxzXo1uUYqE=");
  constexpr std::array<std::string_view, 6> kNames = {
      "x-date", "(request-target)", "host", "content-type", "content-length", "x-content-sha256"};
  EXPECT_EQ(SignatureOf(request, kNames), kSignatureF);
}

TEST(OciSigner, SignsOtherServicesAlike) {
  HttpRequest request = MakeRequest(
      "POST",
      "https://secrets.vaults.us-ashburn-1.oci.oraclecloud.com/20190301/secretbundles/actions/"
      "getByName"
      "?secretName=azure-client-secret&vaultId=ocid1.vault.oc1.iad.testvault&stage=CURRENT");
  EXPECT_EQ(SignedBy(SigningProfile::kJsonBody, request), kSignatureG);
}

TEST(OciSigner, NamesKeyAlgorithmAndHeaders) {
  HttpRequest request = MakeRequest("GET", std::string(kHost) + "/n");
  SignedBy(SigningProfile::kGeneric, request);
  const std::string expected =
      "Signature version=\"1\",keyId=\"" + std::string(kTenancy) + "/" + std::string(kUser) + "/" +
      std::string(kFingerprint) +
      "\",algorithm=\"rsa-sha256\",headers=\"date (request-target) host\",signature=\"";
  EXPECT_TRUE(request.headers.Get("authorization").starts_with(expected));
  EXPECT_EQ(request.headers.Get("date"), kDate);
}

TEST(OciSigner, ReplacesItsHeadersWhenARequestIsSignedAgain) {
  HttpRequest request = MakeRequest("GET", std::string(kHost) + "/n");
  SignedBy(SigningProfile::kGeneric, request);
  const std::size_t fields = request.headers.size();
  const std::string first = SignedBy(SigningProfile::kGeneric, request);
  EXPECT_EQ(request.headers.size(), fields);
  EXPECT_TRUE(SignRequest(TestIdentity(), SigningProfile::kGeneric,
                          ParseHttpDate(kDate).value() + std::chrono::seconds(1), request));
  EXPECT_EQ(request.headers.Get("date"), "Thu, 05 Jan 2023 21:31:41 GMT");
  EXPECT_EQ(request.headers.Get("authorization").find(first), std::string_view::npos);
}

TEST(OciSigner, DropsOnlyTheOwnPortOfTheScheme) {
  constexpr std::array<std::string_view, 1> kNames = {"host"};
  EXPECT_EQ(SigningString(MakeRequest("GET", "https://example.com:443/n"), kNames),
            "host: example.com");
  EXPECT_EQ(SigningString(MakeRequest("GET", "http://example.com:80/n"), kNames),
            "host: example.com");
  EXPECT_EQ(SigningString(MakeRequest("GET", "http://example.com:443/n"), kNames),
            "host: example.com:443");
}

TEST(OciPrivateKey, ReadsEveryPemForm) {
  using namespace testing;
  for (const std::string_view pem : {kPkcs8, kPkcs1, kPkcs8Encrypted, kPkcs1Encrypted}) {
    const auto key = PrivateKey::FromPem(pem, kPassPhrase, "of the test");
    ASSERT_TRUE(key) << key.error().ToString();
    EXPECT_EQ(key->fingerprint(), kFingerprint);
    EXPECT_EQ(key->Sign("x").value(), TestIdentity().key->Sign("x").value());
  }
}

TEST(OciPrivateKey, ToleratesTextAfterTheKey) {
  EXPECT_TRUE(PrivateKey::FromPem(std::string(kPkcs8) + "OCI_API_KEY\n", "", "of the test"));
}

TEST(OciPrivateKey, SaysWhatIsWrong) {
  const auto missing = PrivateKey::FromPem(testing::kPkcs8Encrypted, "", "K");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "private key K: is encrypted and no pass phrase is set");
  const auto wrong = PrivateKey::FromPem(testing::kPkcs1Encrypted, "nonsense", "K");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "private key K: the pass phrase does not open it");
  const auto nonsense = PrivateKey::FromPem("hello", "", "K");
  ASSERT_FALSE(nonsense);
  EXPECT_EQ(nonsense.error().message, "private key K: is not a PEM private key");
}

}  // namespace
}  // namespace skybridge::oci
