#include "tests/localcloud/azure_auth.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/support/azure_sas_signer.h"
#include "tests/unit/localcloud/azure_caller.h"

namespace skybridge::localcloud::testing {
namespace {

// SharedKey signatures that Microsoft's JavaScript client computed for the emulator's account at a
// fixed time.
struct Vector {
  std::string method;
  std::string host;
  std::string target;
  HeaderList headers;
  std::string signature;
};

constexpr char kBlobHost[] = "devstoreaccount1.blob.core.windows.net";
constexpr char kDfsHost[] = "devstoreaccount1.dfs.core.windows.net";

const Vector kVectors[] = {
    {"PUT",
     "127.0.0.1:10000",
     "/devstoreaccount1/demo?restype=container",
     {{"Content-Length", "0"}},
     "jKvBzPO+0qKJrrQF91EEHARFO27R9Tpl6zu44+bhZ5g="},
    {"PUT",
     "127.0.0.1:10000",
     "/devstoreaccount1/demo/dir%20one/a%2Bb.txt",
     {{"Content-Length", "6"},
      {"Content-Type", "text/plain"},
      {"x-ms-blob-type", "BlockBlob"},
      {"x-ms-meta-mtime", "2026-01-05T10:20:30.000000000Z"}},
     "VNWUBfxy16AYcI4keaY7oOjBDpln3B2QWGYpq4kBfZw="},
    {"GET",
     kBlobHost,
     "/demo?restype=container&comp=list&prefix=dir%20one%2F&include=metadata&delimiter=%2F",
     {},
     "4oiPd8Apknvy0YloFgpqJsxmMeT8q/70Dm/pxx2tknk="},
    {"PUT",
     kDfsHost,
     "/fs1/dir%20one/f.bin?resource=file",
     {{"Content-Length", "0"},
      {"If-None-Match", "*"},
      {"x-ms-permissions", "0640"},
      {"x-ms-umask", "0022"}},
     "kkdb6pYiWst5T7ZU7IjHpmGBR/meSG4UmN9aXY2PQRE="},
    {"PATCH",
     kDfsHost,
     "/fs1/dir%20one/f.bin?action=append&position=0",
     {{"Content-Length", "5"},
      {"Content-Type", "application/octet-stream"},
      {"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}},
     "P4nmWxyEV2Vx8cWXspu72VuE/0SoQlVr4G4+9Y1t0qs="},
    {"PATCH",
     kDfsHost,
     "/fs1/dir%20one/f.bin?action=flush&position=5&close=true&retainUncommittedData=false",
     {{"Content-Length", "0"}, {"If-Match", "\"0x8DE4C46D2A9E3F0\""}},
     "ftI7Rp1KAw+19MhGB9SjqqBkQK2C4rkHuqRLjlQ9lZc="},
    {"PUT",
     kDfsHost,
     "/fs1/new.bin?mode=legacy",
     {{"Content-Length", "0"}, {"x-ms-rename-source", "/fs1/dir%20one/f.bin"}},
     "jCh4Eg723K1s8utRVKo9rt+RfOVTIclbEIWCyP7soUQ="},
    {"GET",
     kDfsHost,
     "/fs1?resource=filesystem&recursive=false&directory=dir%20one&maxResults=5000&continuation="
     "AbC%2Bd%3D%3D",
     {},
     "NLLQPniGaIrl+8kOw4ssNQ9yUswiBKeGfVmvg7uBSNg="},
    {"PUT",
     kBlobHost,
     "/demo/x?comp=metadata",
     {{"Content-Length", "0"}, {"x-ms-meta-a1", "2"}, {"x-ms-meta-a_b", "1"}},
     "6muDECnh9NHGBe6AZ0qPxUDTluOyC3EYtVnioGg5kzs="},
    {"GET",
     kDfsHost,
     "/fs1/dir%20one/f.bin",
     {{"Range", "bytes=0-4194303"}, {"x-ms-range-get-content-md5", "true"}},
     "FA5popcreC25Dh8awcZodn1MZt+m5BQ1Jncs23+fZbM="},
};

TEST(AzureSharedKey, MatchesTheOfficialClientsSignatures) {
  for (const Vector& vector : kVectors) {
    Request request{.method = vector.method, .raw_target = vector.target};
    const std::size_t query = vector.target.find('?');
    request.raw_path = vector.target.substr(0, query);
    if (query != std::string::npos) request.raw_query = vector.target.substr(query + 1);
    request.headers.Add("Host", vector.host);
    request.headers.Add("x-ms-date", "Mon, 05 Jan 2026 10:20:30 GMT");
    request.headers.Add("x-ms-version", "2023-11-03");
    for (const auto& [name, value] : vector.headers) request.headers.Add(name, value);
    const azure::Target target = azure::ParseTarget(
        request, [](std::string_view name) { return name == kAzureEmulatorAccount; });
    const std::string text = azure::SharedKeyStringToSign(request, target, kAzureEmulatorAccount);
    const std::string key = *Base64Decode(kAzureEmulatorKey);
    EXPECT_EQ(Base64Encode(HmacSha256(AsBytes(key), AsBytes(text))), vector.signature) << text;
  }
}

TEST(AzureSharedKey, SortsHeaderNamesLikeADictionary) {
  std::vector<std::string> names{"x-ms-meta-a1", "x-ms-meta-ab", "x-ms-meta-a-b", "x-ms-meta-a_b",
                                 "x-ms-meta-a"};
  std::sort(names.begin(), names.end(), azure::HeaderNameLess);
  const std::vector<std::string> expected{"x-ms-meta-a", "x-ms-meta-a_b", "x-ms-meta-a1",
                                          "x-ms-meta-ab", "x-ms-meta-a-b"};
  EXPECT_EQ(names, expected);
}

TEST(AzureAuthorization, RefusesAWrongSignatureAndShowsWhatItSigned) {
  AzureCaller caller;
  const Response response =
      caller.Send("GET", "/fs?restype=container",
                  {.headers = {{"Authorization", "SharedKey lake:AAAA"}}, .sign = false});
  EXPECT_EQ(response.status, 403);
  const Request request =
      caller.MakeRequest("GET", "/fs?restype=container",
                         {.headers = {{"Authorization", "SharedKey lake:AAAA"},
                                      {"x-ms-date", "Mon, 05 Jan 2026 10:20:30 GMT"}}});
  const Response signed_wrongly = caller.SendRequest(request);
  EXPECT_EQ(CodeOf(signed_wrongly), "AuthenticationFailed");
  EXPECT_NE(signed_wrongly.body.find("restype:container"), std::string::npos);
}

TEST(AzureAuthorization, RefusesDatesMoreThanAQuarterOfAnHourOff) {
  AzureCaller caller;
  const auto status = [&](const char* date) {
    return caller.Send("GET", "/fs?restype=container", {.headers = {{"x-ms-date", date}}}).status;
  };
  EXPECT_EQ(status("Mon, 05 Jan 2026 10:34:30 GMT"), 200);
  EXPECT_EQ(status("Mon, 05 Jan 2026 10:36:30 GMT"), 403);
  EXPECT_EQ(status("Mon, 05 Jan 2026 10:04:30 GMT"), 403);
}

TEST(AzureAuthorization, JudgesDatesByTheSkewOfARule) {
  AzureCaller caller;
  Request request = caller.MakeRequest("GET", "/fs?restype=container", {});
  caller.Sign(request, "lake");
  request.clock_skew = std::chrono::hours(1);
  EXPECT_EQ(CodeOf(caller.SendRequest(request)), "AuthenticationFailed");
}

TEST(AzureAuthorization, TellsAStrangerWhereTokensComeFrom) {
  AzureCaller caller;
  const Response response = caller.Send("GET", "/fs?restype=container", {.sign = false});
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(CodeOf(response), "NoAuthenticationInformation");
  EXPECT_NE(response.headers.Get("WWW-Authenticate").find("authorization_uri="),
            std::string_view::npos);
}

TEST(AzureTokens, LetInUntilTheyExpire) {
  AzureCaller caller;
  const std::string token = caller.Token();
  const auto status = [&](const std::string& value) {
    return caller
        .Send("HEAD", "/fs/?action=getAccessControl",
              {.headers = {{"Authorization", "Bearer " + value}}, .sign = false})
        .status;
  };
  EXPECT_EQ(status(token), 200);
  EXPECT_EQ(status(token + "x"), 401);
  caller.clock().Advance(std::chrono::seconds(3600));
  EXPECT_EQ(status(token), 401);
}

TEST(AzureTokens, OwnWhatTheyCreate) {
  AzureCaller caller;
  const HeaderList bearer{{"Authorization", "Bearer " + caller.Token()}};
  ASSERT_EQ(caller.Send("PUT", "/fs/mine?resource=file", {.headers = bearer, .sign = false}).status,
            201);
  EXPECT_EQ(caller.Send("HEAD", "/fs/mine").headers.Get("x-ms-owner"), AzureCaller::kObject);
}

TEST(AzureTokens, AreRefusedWhenARuleSaysSo) {
  AzureCaller caller;
  Request request = caller.MakeRequest("GET", "/fs?restype=container", {});
  request.headers.Add("Authorization", "Bearer " + caller.Token());
  EXPECT_EQ(caller.SendRequest(request).status, 200);
  request.tokens_expired = true;
  const Response response = caller.SendRequest(request);
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(CodeOf(response), "InvalidAuthenticationInfo");
}

TEST(AzureTokens, NameTheReasonOfARefusal) {
  AzureCaller caller;
  const auto error_of = [&](const std::string& form) {
    const Response response = caller.RequestToken(form);
    EXPECT_GE(response.status, 400);
    return nlohmann::json::parse(response.body).at("error_codes").at(0).get<int>();
  };
  const std::string client = "client_id=" + std::string(AzureCaller::kClient);
  const std::string grant = "grant_type=client_credentials&";
  EXPECT_EQ(error_of(grant + client + "&client_secret=wrong"), 7000215);
  EXPECT_EQ(error_of(grant + "client_id=other&client_secret=x"), 700016);
  EXPECT_EQ(error_of(client), 70003);
  EXPECT_EQ(error_of(grant + client + "&client_secret=" + PercentEncode(AzureCaller::kSecret) +
                     "&scope=other"),
            70011);
}

TEST(AzureTokens, AreForOneResourceAndWordsOfOpenIdBesideIt) {
  AzureCaller caller;
  const auto status = [&](const std::string& scope) {
    return caller
        .RequestToken(
            "grant_type=client_credentials&client_id=" + std::string(AzureCaller::kClient) +
            "&client_secret=" + PercentEncode(AzureCaller::kSecret) +
            "&scope=" + PercentEncode(scope))
        .status;
  };
  EXPECT_EQ(status("https://storage.azure.com/.default openid offline_access profile"), 200);
  EXPECT_EQ(status("openid https://storage.azure.com//.default"), 200);
  EXPECT_EQ(status("openid profile"), 400);
  EXPECT_EQ(status("https://storage.azure.com/.default https://vault.azure.net/.default"), 400);
  EXPECT_EQ(status("https://storage.azure.com/.default https://storage.azure.com/.default"), 400);
}

// The first version of the endpoint asks for a resource.
TEST(AzureTokens, AreGivenByTheOlderEndpointToo) {
  AzureCaller caller;
  const auto ask = [&](const std::string& resource) {
    Request request{.method = "POST"};
    request.body = "grant_type=client_credentials&client_id=" + std::string(AzureCaller::kClient) +
                   "&client_secret=" + PercentEncode(AzureCaller::kSecret) +
                   "&resource=" + PercentEncode(resource);
    request.raw_path = request.raw_target =
        "/" + std::string(AzureCaller::kTenant) + "/oauth2/token";
    request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
    return caller.SendRequest(request);
  };
  const Response given = ask("https://storage.azure.com/");
  EXPECT_EQ(given.status, 200) << given.body;
  EXPECT_TRUE(nlohmann::json::parse(given.body).contains("expires_on"));
  EXPECT_EQ(ask("https://vault.azure.net").status, 400);
}

TEST(AzureTokens, OfAManagedIdentityNeedTheMetadataHeader) {
  AzureCaller caller;
  Request request{.method = "GET"};
  request.raw_path = "/metadata/identity/oauth2/token";
  request.raw_query = "api-version=2018-02-01&resource=https%3A%2F%2Fstorage.azure.com";
  request.raw_target = request.raw_path + "?" + request.raw_query;
  EXPECT_EQ(caller.SendRequest(request).status, 400);
  request.headers.Add("Metadata", "true");
  const Response response = caller.SendRequest(request);
  ASSERT_EQ(response.status, 200);
  const auto json = nlohmann::json::parse(response.body);
  EXPECT_TRUE(json.at("expires_in").is_string());
  const HeaderList bearer{
      {"Authorization", "Bearer " + json.at("access_token").get<std::string>()}};
  EXPECT_EQ(caller.Send("GET", "/fs?restype=container", {.headers = bearer, .sign = false}).status,
            200);
}

TEST(AzureTokens, TheTenantSaysWhereItsEndpointsAre) {
  AzureCaller caller;
  Request request{.method = "GET", .secure = true};
  request.raw_path =
      std::string("/") + AzureCaller::kTenant + "/v2.0/.well-known/openid-configuration";
  request.raw_target = request.raw_path;
  request.headers.Add("Host", "127.0.0.1:1234");
  const auto json = nlohmann::json::parse(caller.SendRequest(request).body);
  const std::string tenant = std::string("https://127.0.0.1:1234/") + AzureCaller::kTenant;
  EXPECT_EQ(json.at("token_endpoint"), tenant + "/oauth2/v2.0/token");
  EXPECT_EQ(json.at("issuer"), tenant + "/v2.0");
}

// Signatures made by an independent implementation and accepted by Microsoft's emulator.
TEST(AzureSas, AcceptsAServiceSasForItsContainer) {
  AzureCaller caller;
  caller.Send("PUT", "/demo?restype=container", {.account = kAzureEmulatorAccount});
  const std::string sas =
      "sv=2023-11-03&spr=https%2Chttp&st=2026-01-01T00%3A00%3A00Z&se=2036-01-01T00%3A00%3A00Z&sr=c&"
      "sp=racwdl&"
      "sig=t3cZIIEpjCnwK7OZGrx%2FoVhvN3rDB9PwTKLA%2BPsdIgM%3D";
  const auto send = [&](const std::string& method, const std::string& target,
                        HeaderList headers = {}) {
    return caller.Send(method, target + sas,
                       {.account = kAzureEmulatorAccount, .headers = headers, .sign = false});
  };
  EXPECT_EQ(send("PUT", "/demo/blob?", {{"x-ms-blob-type", "BlockBlob"}}).status, 201);
  EXPECT_EQ(send("GET", "/demo/blob?").status, 200);
  EXPECT_EQ(send("GET", "/demo?restype=container&comp=list&").status, 200);
  EXPECT_EQ(send("GET", "/box/blob?").status, 403);
  EXPECT_EQ(send("DELETE", "/demo?restype=container&").status, 403);
  caller.clock().SetWall(WallTime(std::chrono::seconds(2082758400)));  // 2036
  const Response late = send("GET", "/demo/blob?");
  EXPECT_EQ(CodeOf(late), "AuthenticationFailed");
  EXPECT_NE(late.body.find("Signature not valid in the specified time frame"), std::string::npos);
}

std::string ElementOf(const std::string& xml, const std::string& name) {
  const std::size_t begin = xml.find('<' + name + '>') + name.size() + 2;
  return xml.substr(begin, xml.find("</" + name + '>') - begin);
}

TEST(AzureSas, AcceptsAUserDelegationSasMadeWithAKeyOfTheTokensOwner) {
  AzureCaller caller;
  caller.CreateFile("file", "content");
  const Response key = caller.Send("POST", "/?restype=service&comp=userdelegationkey",
                                   {.body = "<KeyInfo><Start>2026-01-05T00:00:00Z</"
                                            "Start><Expiry>2026-01-06T00:00:00Z</Expiry></KeyInfo>",
                                    .headers = {{"Authorization", "Bearer " + caller.Token()}},
                                    .sign = false});
  ASSERT_EQ(key.status, 200);
  const std::string object = ElementOf(key.body, "SignedOid");
  const std::string tenant = ElementOf(key.body, "SignedTid");
  const std::string begin = ElementOf(key.body, "SignedStart");
  const std::string end = ElementOf(key.body, "SignedExpiry");
  const std::string text = "r\n\n" + end + "\n/blob/lake/fs\n" + object + '\n' + tenant + '\n' +
                           begin + '\n' + end +
                           "\nb\n2023-11-03\n\n\n\n\nhttps,http\n2023-11-03\nc\n\n\n\n\n\n\n";
  const auto secret = Base64Decode(ElementOf(key.body, "Value"));
  ASSERT_TRUE(secret);
  const std::string signature = Base64Encode(HmacSha256(AsBytes(*secret), AsBytes(text)));
  const auto sas = [&](const std::string& permissions) {
    return "?sv=2023-11-03&sr=c&spr=https%2Chttp&sks=b&skv=2023-11-03&sp=" + permissions +
           "&se=" + PercentEncode(end) + "&skoid=" + object + "&sktid=" + tenant +
           "&skt=" + PercentEncode(begin) + "&ske=" + PercentEncode(end) +
           "&sig=" + PercentEncode(signature);
  };
  EXPECT_EQ(caller.Send("GET", "/fs/file" + sas("r"), {.sign = false}).status, 200);
  EXPECT_EQ(caller.Send("DELETE", "/fs/file" + sas("r"), {.sign = false}).status, 403);
  EXPECT_EQ(caller.Send("GET", "/fs/file" + sas("rd"), {.sign = false}).status, 403);
  caller.clock().Advance(std::chrono::hours(24));
  EXPECT_EQ(caller.Send("GET", "/fs/file" + sas("r"), {.sign = false}).status, 403);
}

// Newer clients sign two more lines, which are empty unless the SAS asks for headers or parameters.
TEST(AzureSas, CoversTheHeadersAndParametersThatItNames) {
  AzureCaller caller;
  caller.CreateFile("file", "content");
  const Response key =
      caller.Send("POST", "/?restype=service&comp=userdelegationkey",
                  {.body = "<KeyInfo><Expiry>2026-01-06T00:00:00Z</Expiry></KeyInfo>",
                   .headers = {{"Authorization", "Bearer " + caller.Token()}},
                   .sign = false});
  ASSERT_EQ(key.status, 200);
  const std::string object = ElementOf(key.body, "SignedOid");
  const std::string tenant = ElementOf(key.body, "SignedTid");
  const std::string begin = ElementOf(key.body, "SignedStart");
  const std::string end = ElementOf(key.body, "SignedExpiry");
  const auto secret = Base64Decode(ElementOf(key.body, "Value"));
  ASSERT_TRUE(secret);
  const auto sas = [&](const std::string& headers, const std::string& parameters,
                       const std::string& more) {
    const std::string text = "r\n\n" + end + "\n/blob/lake/fs\n" + object + '\n' + tenant + '\n' +
                             begin + '\n' + end +
                             "\nb\n2023-11-03\n\n\n\n\n\n\nhttps,http\n2026-04-06\nc\n\n\n" +
                             headers + '\n' + parameters + "\n\n\n\n\n";
    const std::string signature = Base64Encode(HmacSha256(AsBytes(*secret), AsBytes(text)));
    return "?sv=2026-04-06&sr=c&spr=https%2Chttp&sks=b&skv=2023-11-03&sp=r&se=" +
           PercentEncode(end) + "&skoid=" + object + "&sktid=" + tenant +
           "&skt=" + PercentEncode(begin) + "&ske=" + PercentEncode(end) + more +
           "&sig=" + PercentEncode(signature);
  };
  const auto status = [&](const std::string& query, HeaderList headers = {}) {
    return caller.Send("GET", "/fs/file" + query, {.headers = std::move(headers), .sign = false})
        .status;
  };
  EXPECT_EQ(status(sas("", "", "")), 200);
  const std::string bound =
      sas("x-one:1\nx-two:2\n", "\nwho:me", "&srh=x-one,x-two&srq=who&who=me");
  EXPECT_EQ(status(bound, {{"x-one", "1"}, {"x-two", "2"}}), 200);
  EXPECT_EQ(status(bound, {{"x-one", "1"}, {"x-two", "other"}}), 403);
  EXPECT_EQ(status(bound, {{"x-one", "1"}}), 403);
}

TEST(AzureSas, LetsEveryResourceTellItsAccount) {
  AzureCaller caller;
  const auto key = Base64Decode(kAzureEmulatorKey);
  ASSERT_TRUE(key);
  const std::string text = "lake\nw\nb\no\n\n2036-01-01T00:00:00Z\n\nhttps,http\n2023-11-03\n\n";
  const std::string signature = Base64Encode(HmacSha256(AsBytes(*key), AsBytes(text)));
  const std::string sas =
      "?restype=account&comp=properties&sv=2023-11-03&ss=b&srt=o&sp=w&se=2036-01-01T00%3A00%3A00Z"
      "&spr=https%2Chttp&sig=" +
      PercentEncode(signature);
  for (const char* target : {"/", "/fs", "/fs/any/blob"}) {
    const Response response = caller.Send("HEAD", target + sas, {.sign = false});
    EXPECT_EQ(response.status, 200) << target;
    EXPECT_EQ(response.headers.Get("x-ms-is-hns-enabled"), "true");
  }
  EXPECT_EQ(caller.Send("GET", "/fs" + sas + "x", {.sign = false}).status, 403);
}

TEST(AzureSas, AKeyForUserDelegationEndsWithinSevenDays) {
  AzureCaller caller;
  const std::string token = caller.Token();
  const auto status = [&](std::chrono::seconds life) {
    const std::string expiry = FormatRfc3339(caller.clock().WallNow() + life, 0);
    return caller
        .Send("POST", "/?restype=service&comp=userdelegationkey",
              {.body = "<KeyInfo><Expiry>" + expiry + "</Expiry></KeyInfo>",
               .headers = {{"Authorization", "Bearer " + token}},
               .sign = false})
        .status;
  };
  constexpr std::chrono::hours kWeek{7 * 24};
  EXPECT_EQ(status(kWeek), 200);
  EXPECT_EQ(status(kWeek + std::chrono::seconds(1)), 400);
  EXPECT_EQ(status(std::chrono::seconds(0)), 400) << "it would never serve";
}

// Everybody asks over loopback.
TEST(AzureSas, IsForCallersOfItsAddressesAlone) {
  AzureCaller caller;
  const auto key = Base64Decode(kAzureEmulatorKey);
  ASSERT_TRUE(key);
  const auto code = [&](const std::string& addresses) {
    const std::string text = std::string(kAzureEmulatorAccount) +
                             "\nr\nb\nc\n\n2036-01-01T00:00:00Z\n" + addresses +
                             "\nhttps,http\n2023-11-03\n\n";
    return CodeOf(caller.Send(
        "GET",
        "/box?restype=container&sv=2023-11-03&ss=b&srt=c&sp=r&se=2036-01-01T00%3A00%3A00Z&sip=" +
            addresses + "&spr=https%2Chttp&sig=" +
            PercentEncode(Base64Encode(HmacSha256(AsBytes(*key), AsBytes(text)))),
        {.account = kAzureEmulatorAccount, .sign = false}));
  };
  EXPECT_EQ(code("127.0.0.1"), "");
  EXPECT_EQ(code("126.255.255.255-127.0.0.1"), "");
  EXPECT_EQ(code("10.0.0.1"), "AuthorizationSourceIPMismatch");
  EXPECT_EQ(code("127.0.0.2-127.0.0.9"), "AuthorizationSourceIPMismatch");
  EXPECT_EQ(code("not.an.address"), "AuthorizationSourceIPMismatch");
}

// The signature for https alone, over the same fields as the documented one but for `spr`.
TEST(AzureSas, ForHttpsAloneIsRefusedOverPlainHttp) {
  AzureCaller caller;
  const std::string text =
      std::string(kAzureEmulatorAccount) +
      "\nr\nb\nc\n2026-01-01T00:00:00Z\n2036-01-01T00:00:00Z\n\nhttps\n2023-11-03\n\n";
  const auto key = Base64Decode(kAzureEmulatorKey);
  ASSERT_TRUE(key);
  const CallOptions options{.account = kAzureEmulatorAccount, .sign = false};
  Request request = caller.MakeRequest(
      "GET",
      "/box?restype=container&sv=2023-11-03&ss=b&srt=c&sp=r&st=2026-01-01T00%3A00%3A00Z&"
      "se=2036-01-01T00%3A00%3A00Z&spr=https&sig=" +
          PercentEncode(Base64Encode(HmacSha256(AsBytes(*key), AsBytes(text)))),
      options);
  EXPECT_EQ(CodeOf(caller.SendRequest(request)), "AuthorizationProtocolMismatch");
  request.secure = true;
  EXPECT_EQ(caller.SendRequest(request).status, 200);
}

TEST(AzureSas, ForHttpsAloneCoversTheSourceOfARenameToo) {
  AzureCaller caller;
  caller.Send("PUT", "/demo?restype=container", {.account = kAzureEmulatorAccount});
  const std::string sas =
      skybridge::testing::SignServiceSas(kAzureEmulatorKey, {.account = kAzureEmulatorAccount,
                                                             .container = "demo",
                                                             .permissions = "rw",
                                                             .expiry = "2036-01-01T00:00:00Z",
                                                             .protocols = "https"});
  const auto send = [&](const std::string& target, HeaderList headers) {
    Request request = caller.MakeRequest(
        "PUT", target + sas,
        {.account = kAzureEmulatorAccount, .headers = std::move(headers), .sign = false});
    request.secure = true;
    return caller.SendRequest(request);
  };
  ASSERT_EQ(send("/demo/from?resource=file&", {}).status, 201);
  EXPECT_EQ(CodeOf(send("/demo/to?", {{"x-ms-rename-source", "/demo/from"}})),
            "CannotVerifyCopySource");
  EXPECT_EQ(send("/demo/to?", {{"x-ms-rename-source", "/demo/from?" + sas}}).status, 201);
}

TEST(AzureSas, AcceptsAnAccountSasWithinItsServicesAndTypes) {
  AzureCaller caller;
  const std::string sas =
      "sv=2023-11-03&ss=b&srt=sco&spr=https%2Chttp&st=2026-01-01T00%3A00%3A00Z&se=2036-01-01T00%"
      "3A00%3A00Z&"
      "sp=rwdlacup&sig=Gwgs3tkrIJAGrH3Osx%2BirfGFqHa5uTz6irbQGh53OOU%3D";
  const CallOptions options{.account = kAzureEmulatorAccount, .sign = false};
  EXPECT_EQ(caller.Send("GET", "/?comp=list&" + sas, options).status, 200);
  EXPECT_EQ(caller.Send("PUT", "/made?restype=container&" + sas, options).status, 201);
  std::string tampered = sas;
  tampered.replace(tampered.find("rwdlacup"), 8, "rwdlacux");
  EXPECT_EQ(CodeOf(caller.Send("GET", "/?comp=list&" + tampered, options)), "AuthenticationFailed");
}

}  // namespace
}  // namespace skybridge::localcloud::testing
