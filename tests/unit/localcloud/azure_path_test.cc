// Data Lake paths: what creating, appending, flushing, renaming and deleting mean.
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/localcloud/azure_caller.h"

namespace skybridge::localcloud::testing {
namespace {

using Names = std::vector<std::string>;

class AzurePath : public ::testing::Test {
 protected:
  Response Send(const std::string& method, const std::string& target, CallOptions options = {}) {
    return caller_.Send(method, target, std::move(options));
  }
  Response Rename(const std::string& from, const std::string& to,
                  const std::string& query = "?mode=legacy", HeaderList headers = {}) {
    headers.emplace_back("x-ms-rename-source", "/lake/fs/" + from);
    return Send("PUT", "/fs/" + to + query, {.headers = std::move(headers)});
  }
  std::string Head(const std::string& path, const std::string& header) {
    return std::string(Send("HEAD", "/fs/" + path).headers.Get(header));
  }

  AzureCaller caller_;
};

TEST_F(AzurePath, ShowsAppendedBytesOnlyOnceFlushed) {
  caller_.CreateFile("f", "");
  const std::string before = caller_.Etag("f");
  EXPECT_EQ(Send("PATCH", "/fs/f?action=append&position=5", {.body = "world"}).status, 202);
  EXPECT_EQ(Send("PATCH", "/fs/f?action=append&position=0", {.body = "hello"}).status, 202);
  EXPECT_EQ(caller_.Read("f"), "");
  EXPECT_EQ(caller_.Etag("f"), before);
  EXPECT_EQ(Send("PATCH", "/fs/f?action=flush&position=10").status, 200);
  EXPECT_EQ(caller_.Read("f"), "helloworld");
  EXPECT_NE(caller_.Etag("f"), before);
}

TEST_F(AzurePath, RefusesAFlushThatDoesNotMeetTheBytes) {
  caller_.CreateFile("f", "");
  Send("PATCH", "/fs/f?action=append&position=0", {.body = "hello"});
  Send("PATCH", "/fs/f?action=append&position=6", {.body = "gap"});
  for (const char* position : {"3", "6", "9"}) {
    const Response response = Send("PATCH", "/fs/f?action=flush&position=" + std::string(position));
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(CodeOf(response), "InvalidFlushPosition") << position;
  }
  EXPECT_EQ(Send("PATCH", "/fs/f?action=flush&position=5").status, 200);
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/f?action=flush&position=6")), "InvalidFlushPosition");
}

TEST_F(AzurePath, KeepsBytesBeyondTheFlushWhenAsked) {
  caller_.CreateFile("f", "");
  Send("PATCH", "/fs/f?action=append&position=0", {.body = "hello"});
  Send("PATCH", "/fs/f?action=append&position=5", {.body = "world"});
  EXPECT_EQ(Send("PATCH", "/fs/f?action=flush&position=5&retainUncommittedData=true").status, 200);
  EXPECT_EQ(Send("PATCH", "/fs/f?action=flush&position=10").status, 200);
  EXPECT_EQ(caller_.Read("f"), "helloworld");
}

TEST_F(AzurePath, DiscardsBytesBeyondTheFlushOtherwise) {
  caller_.CreateFile("f", "");
  Send("PATCH", "/fs/f?action=append&position=0", {.body = "hello"});
  Send("PATCH", "/fs/f?action=append&position=5", {.body = "world"});
  EXPECT_EQ(Send("PATCH", "/fs/f?action=flush&position=5").status, 200);
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/f?action=flush&position=10")), "InvalidFlushPosition");
}

TEST_F(AzurePath, AppendsAndFlushesInOneRequest) {
  caller_.CreateFile("f", "");
  const Response response =
      Send("PATCH", "/fs/f?action=append&position=0&flush=true", {.body = "hello"});
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.headers.Get("ETag"), caller_.Etag("f"));
  EXPECT_EQ(caller_.Read("f"), "hello");
}

TEST_F(AzurePath, ChecksTheDigestsOfAnAppend) {
  caller_.CreateFile("f", "");
  const auto code = [&](const char* header, const char* value) {
    return CodeOf(Send("PATCH", "/fs/f?action=append&position=0",
                       {.body = "hello\n", .headers = {{header, value}}}));
  };
  EXPECT_EQ(code("x-ms-content-crc64", "B1ZarUv7Q2o="), "");
  EXPECT_EQ(code("x-ms-content-crc64", "AAAAAAAAAAA="), "Crc64Mismatch");
  EXPECT_EQ(code("Content-MD5", "sZRqySSS0jR8YjW00mERhA=="), "");
  EXPECT_EQ(code("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="), "Md5Mismatch");
}

TEST_F(AzurePath, StoresTheDigestOfAFlushAndClearsItWithoutOne) {
  caller_.CreateFile("f", "");
  const std::string md5 = "XUFAKrxLKna5cZ2REBfFkg==";
  Send("PATCH", "/fs/f?action=append&position=0", {.body = "hello"});
  Send("PATCH", "/fs/f?action=flush&position=5", {.headers = {{"x-ms-content-md5", md5}}});
  EXPECT_EQ(Head("f", "Content-MD5"), md5);
  EXPECT_EQ(Send("PATCH", "/fs/f?action=flush&position=5").status, 200);
  EXPECT_EQ(Head("f", "Content-MD5"), "");
}

TEST_F(AzurePath, RefusesBodiesWhereNoneBelongsAndEmptyOnesWhereOneDoes) {
  caller_.CreateFile("f", "");
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/f?action=flush&position=0", {.body = "x"})),
            "ContentLengthMustBeZero");
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/f?action=append&position=0")), "InvalidHeaderValue");
}

TEST_F(AzurePath, TakesPatchTunnelledThroughPut) {
  caller_.CreateFile("f", "");
  const HeaderList tunnel{{"X-HTTP-Method-Override", "PATCH"}};
  EXPECT_EQ(Send("PUT", "/fs/f?action=append&position=0", {.body = "x", .headers = tunnel}).status,
            202);
  EXPECT_EQ(Send("PUT", "/fs/f?action=flush&position=1", {.headers = tunnel}).status, 200);
  EXPECT_EQ(caller_.Read("f"), "x");
}

TEST_F(AzurePath, CreatesParentsWithTheDefaultMode) {
  caller_.CreateFile("a/b/c", "");
  EXPECT_EQ(Head("a/b", "x-ms-resource-type"), "directory");
  EXPECT_EQ(Head("a/b", "x-ms-permissions"), "rwxr-x---");
  EXPECT_EQ(Head("a/b/c", "x-ms-permissions"), "rw-r-----");
}

TEST_F(AzurePath, AppliesPermissionsAndUmask) {
  Send("PUT", "/fs/f?resource=file",
       {.headers = {{"x-ms-permissions", "0777"}, {"x-ms-umask", "0022"}}});
  EXPECT_EQ(Head("f", "x-ms-permissions"), "rwxr-xr-x");
  Send("PUT", "/fs/d?resource=directory",
       {.headers = {{"x-ms-permissions", "rwxrwxrwt"}, {"x-ms-umask", "0"}}});
  EXPECT_EQ(Head("d", "x-ms-permissions"), "rwxrwxrwt");
  EXPECT_EQ(Send("PUT", "/fs/g?resource=file", {.headers = {{"x-ms-permissions", "rwz"}}}).status,
            400);
  EXPECT_EQ(Head("g", "ETag"), "");
}

TEST_F(AzurePath, InheritsDefaultAclsInsteadOfTheUmask) {
  caller_.CreateDirectory("d");
  const std::string acl =
      "user::rwx,group::r-x,other::---,default:user::rwx,default:user:alice:rwx,default:group::rwx,"
      "default:other::r--";
  ASSERT_EQ(Send("PATCH", "/fs/d?action=setAccessControl", {.headers = {{"x-ms-acl", acl}}}).status,
            200);
  caller_.CreateFile("d/f", "");
  const Response access = Send("HEAD", "/fs/d/f?action=getAccessControl");
  EXPECT_EQ(access.headers.Get("x-ms-acl"),
            "user::rw-,user:alice:rwx,group::rwx,mask::rw-,other::r--");
  EXPECT_EQ(access.headers.Get("x-ms-permissions"), "rw-rw-r--+");
  Send("PUT", "/fs/d/private?resource=directory", {.headers = {{"x-ms-permissions", "0740"}}});
  EXPECT_EQ(Head("d/private", "x-ms-acl"),
            "user::rwx,user:alice:rwx,group::rwx,mask::r--,other::---,default:user::rwx,"
            "default:user:alice:rwx,default:group::rwx,default:mask::rwx,default:other::r--");
}

TEST_F(AzurePath, LeavesTheEtagAloneWhenAccessChanges) {
  caller_.CreateFile("f", "x");
  const std::string before = caller_.Etag("f");
  EXPECT_EQ(
      Send("PATCH", "/fs/f?action=setAccessControl", {.headers = {{"x-ms-permissions", "0600"}}})
          .status,
      200);
  EXPECT_EQ(caller_.Etag("f"), before);
  EXPECT_EQ(Head("f", "x-ms-permissions"), "rw-------");
}

TEST_F(AzurePath, ReplacesPropertiesAndShowsThemAsMetadata) {
  caller_.CreateFile("f", "x");
  const std::string before = caller_.Etag("f");
  Send("PATCH", "/fs/f?action=setProperties",
       {.headers = {{"x-ms-properties", "hello=d29ybGQ=,other=eA=="}}});
  EXPECT_NE(caller_.Etag("f"), before);
  EXPECT_EQ(Head("f", "x-ms-meta-hello"), "world");
  Send("PATCH", "/fs/f?action=setProperties", {.headers = {{"x-ms-properties", "new=eQ=="}}});
  EXPECT_EQ(Head("f", "x-ms-properties"), "new=eQ==");
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/f?action=setProperties",
                        {.headers = {{"x-ms-properties", "a-b=eQ=="}}})),
            "InvalidPropertyName");
}

TEST_F(AzurePath, SaysWhatIsInTheWayOfAnExclusiveCreation) {
  caller_.CreateDirectory("d");
  const Response response =
      Send("PUT", "/fs/d?resource=directory", {.headers = {{"If-None-Match", "*"}}});
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(CodeOf(response), "PathAlreadyExists");
  EXPECT_EQ(response.headers.Get("x-ms-existing-resource-type"), "directory");
  EXPECT_NE(response.body.find("{\"error\":{\"code\":\"PathAlreadyExists\",\"message\":\""),
            std::string::npos);
}

TEST_F(AzurePath, RefusesToMixFilesAndDirectories) {
  caller_.CreateDirectory("d");
  caller_.CreateFile("f", "x");
  EXPECT_EQ(CodeOf(Send("PUT", "/fs/d?resource=file")), "PathConflict");
  EXPECT_EQ(CodeOf(Send("PUT", "/fs/f?resource=directory")), "PathConflict");
  EXPECT_EQ(CodeOf(Send("PUT", "/fs/f/below?resource=file")), "PathConflict");
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/d?action=append&position=0", {.body = "x"})), "PathConflict");
}

// Two writers who both begin at the old end: the second append is taken, its flush is not.
TEST_F(AzurePath, FindsAnAppendBelowTheEndOnlyWhenItIsFlushed) {
  caller_.CreateFile("f", "old");
  EXPECT_EQ(Send("PATCH", "/fs/f?action=append&position=3", {.body = "first"}).status, 202);
  EXPECT_EQ(Send("PATCH", "/fs/f?action=flush&position=8").status, 200);
  EXPECT_EQ(Send("PATCH", "/fs/f?action=append&position=3", {.body = "late"}).status, 202);
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/f?action=flush&position=7")), "InvalidFlushPosition");
  EXPECT_EQ(caller_.Read("f"), "oldfirst");
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/f?action=append&position=3&flush=true", {.body = "late"})),
            "InvalidFlushPosition");
}

TEST_F(AzurePath, RefusesNamesOverTheLimits) {
  std::string deep = "d";
  for (int i = 0; i < 61; ++i) deep += "/d";
  EXPECT_EQ(CodeOf(Send("PUT", "/fs/" + deep + "?resource=file")), "PathIsTooDeep");
  EXPECT_EQ(CodeOf(Send("PUT", "/fs/" + std::string(1025, 'n') + "?resource=file")),
            "InvalidResourceName");
  EXPECT_EQ(CodeOf(Send("PUT", "/fs/a%01b?resource=file")), "InvalidUri");
  EXPECT_EQ(CodeOf(Send("PUT", "/fs/a%FFb?resource=file")), "InvalidUri");
}

TEST_F(AzurePath, TakesSlashesInAnyForm) {
  EXPECT_EQ(Send("PUT", "/fs/a%2Fb//c?resource=file").status, 201);
  EXPECT_EQ(caller_.List("", true), (Names{"a", "a/b", "a/b/c"}));
}

TEST_F(AzurePath, RenamesAFileWithItsIdentity) {
  caller_.CreateFile("from", "bytes");
  const std::string etag = caller_.Etag("from");
  const std::string modified = Head("from", "Last-Modified");
  caller_.clock().Advance(std::chrono::minutes(5));
  EXPECT_EQ(Rename("from", "to").status, 201);
  EXPECT_EQ(caller_.Etag("to"), etag);
  EXPECT_EQ(Head("to", "Last-Modified"), modified);
  EXPECT_EQ(caller_.Read("to"), "bytes");
  EXPECT_EQ(caller_.Read("from"), "<404>");
}

TEST_F(AzurePath, RenamesADirectoryOfAnySizeInOneStep) {
  for (int i = 0; i < 50; ++i) caller_.CreateFile("d/sub/" + std::to_string(i), "x");
  EXPECT_EQ(Rename("d", "e").status, 201);
  EXPECT_EQ(caller_.List("e", true).size(), 51U);
  EXPECT_EQ(caller_.Read("e/sub/7"), "x");
  EXPECT_EQ(caller_.Read("d/sub/7"), "<404>");
}

TEST_F(AzurePath, MovesAFileIntoAnExistingDirectoryUnlessLegacy) {
  caller_.CreateFile("f", "x");
  caller_.CreateFile("g", "y");
  caller_.CreateDirectory("into");
  EXPECT_EQ(Rename("f", "into", "", {{"If-None-Match", "*"}}).status, 201)
      << "nothing is at the place inside";
  EXPECT_EQ(caller_.Read("into/f"), "x");
  EXPECT_EQ(CodeOf(Rename("g", "into")), "InvalidSourceOrDestinationResourceType");
  caller_.CreateFile("f", "again");
  EXPECT_EQ(CodeOf(Rename("f", "into", "", {{"If-None-Match", "*"}})), "PathAlreadyExists");
  EXPECT_EQ(Rename("f", "into", "?mode=posix").status, 201) << "a file there is replaced";
  EXPECT_EQ(caller_.Read("into/f"), "again");
}

TEST_F(AzurePath, MovesADirectoryIntoAnExistingOneUnlessLegacy) {
  caller_.CreateFile("posix/f", "x");
  caller_.CreateFile("legacy/f", "x");
  caller_.CreateDirectory("into");
  EXPECT_EQ(Rename("posix", "into", "").status, 201);
  EXPECT_EQ(caller_.Read("into/posix/f"), "x");
  EXPECT_EQ(CodeOf(Rename("legacy", "into")), "DirectoryNotEmpty");
  caller_.CreateDirectory("empty");
  EXPECT_EQ(Rename("legacy", "empty").status, 201);
  EXPECT_EQ(caller_.Read("empty/f"), "x");
}

TEST_F(AzurePath, RefusesRenamesThatCannotBe) {
  caller_.CreateFile("d/f", "x");
  caller_.CreateFile("g", "y");
  EXPECT_EQ(CodeOf(Rename("none", "h")), "SourcePathNotFound");
  EXPECT_EQ(CodeOf(Rename("g", "none/h")), "RenameDestinationParentPathNotFound");
  EXPECT_EQ(CodeOf(Rename("d", "d/below")), "InvalidRenameSourcePath");
  EXPECT_EQ(CodeOf(Rename("g", "d")), "InvalidSourceOrDestinationResourceType");
  EXPECT_EQ(CodeOf(Rename("g", "d/f", "?mode=legacy", {{"If-None-Match", "*"}})),
            "PathAlreadyExists");
  EXPECT_EQ(CodeOf(Rename("g", "d/f", "?mode=legacy", {{"x-ms-source-if-match", "\"0x1\""}})),
            "SourceConditionNotMet");
  EXPECT_EQ(CodeOf(Rename("g", "h", "?mode=legacy&resource=file")), "UnsupportedHeader");
  EXPECT_EQ(caller_.Read("d/f"), "x");
  EXPECT_EQ(Rename("g", "d/f").status, 201);
  EXPECT_EQ(caller_.Read("d/f"), "y");
}

TEST_F(AzurePath, TakesADestinationWithoutItsAccount) {
  caller_.CreateFile("from", "x");
  Request request =
      caller_.MakeRequest("PUT", "", {.headers = {{"x-ms-rename-source", "/lake/fs/from"}}});
  request.raw_target = "/fs/to?mode=legacy";
  request.raw_path = "/fs/to";
  request.raw_query = "mode=legacy";
  caller_.Sign(request, "lake");
  EXPECT_EQ(caller_.SendRequest(request).status, 201);
  EXPECT_EQ(caller_.Read("to"), "x");
}

TEST_F(AzurePath, DeletesADirectoryWithChildrenOnlyRecursively) {
  caller_.CreateFile("d/f", "x");
  EXPECT_EQ(CodeOf(Send("DELETE", "/fs/d?recursive=false")), "DirectoryNotEmpty");
  EXPECT_EQ(Send("DELETE", "/fs/d?recursive=true").status, 200);
  EXPECT_EQ(CodeOf(Send("DELETE", "/fs/d?recursive=true")), "PathNotFound");
  EXPECT_EQ(caller_.List("", true), Names{});
}

TEST_F(AzurePath, GivesEveryVersionALaterEtagThoughTheClockStands) {
  caller_.CreateFile("f", "");
  std::string last = caller_.Etag("f");
  for (int i = 0; i < 3; ++i) {
    caller_.CreateFile("f", "");
    const std::string next = caller_.Etag("f");
    EXPECT_GT(next, last);
    last = next;
  }
  EXPECT_EQ(last.substr(0, 3), "\"0x");
}

TEST_F(AzurePath, ForgetsAFileAtItsExpiry) {
  caller_.CreateFile("f", "x");
  const HeaderList soon{{"x-ms-expiry-option", "RelativeToNow"}, {"x-ms-expiry-time", "1000"}};
  EXPECT_EQ(Send("PUT", "/fs/f?comp=expiry", {.headers = soon}).status, 200);
  EXPECT_EQ(caller_.Read("f"), "x");
  caller_.clock().Advance(std::chrono::seconds(2));
  EXPECT_EQ(caller_.Read("f"), "<404>");
}

// One file is written by appends or by blocks, never by both.
TEST_F(AzurePath, DoesNotMixAppendsAndBlocks) {
  caller_.CreateFile("dfs", "x");
  const Response block = Send("PUT", "/fs/dfs?comp=block&blockid=AAAA", {.body = "y"});
  EXPECT_EQ(block.status, 409);
  EXPECT_EQ(CodeOf(block), "BlobOperationNotSupported");
  ASSERT_EQ(
      Send("PUT", "/fs/blob", {.body = "x", .headers = {{"x-ms-blob-type", "BlockBlob"}}}).status,
      201);
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/blob?action=append&position=1", {.body = "y"})),
            "InvalidFlushOperation");
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/blob?action=flush&position=1")), "InvalidFlushOperation");
  caller_.CreateFile("blob", "over");
  EXPECT_EQ(caller_.Read("blob"), "over");
}

TEST_F(AzurePath, KnowsNoAccessControlInAFlatAccount) {
  const CallOptions flat{.account = kAzureEmulatorAccount};
  EXPECT_EQ(Send("HEAD", "/box/?action=getAccessControl", flat).status, 400);
  EXPECT_EQ(Send("HEAD", "/box?resource=filesystem", flat).headers.Get("x-ms-namespace-enabled"),
            "false");
  EXPECT_EQ(Send("HEAD", "/fs?resource=filesystem").headers.Get("x-ms-namespace-enabled"), "true");
  EXPECT_EQ(Send("HEAD", "/fs/?action=getAccessControl").status, 200);
}

TEST_F(AzurePath, ServesManyThreadsAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kFiles = 20;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kFiles; ++i) {
        const std::string path = "d" + std::to_string(t) + "/f" + std::to_string(i);
        caller_.CreateFile(path, path);
        EXPECT_EQ(caller_.Read(path), path);
        EXPECT_EQ(Rename(path, path + ".moved").status, 201);
        caller_.List("", true, 7);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(caller_.List("", true).size(), static_cast<std::size_t>(kThreads * (kFiles + 1)));
}

TEST_F(AzurePath, RefusesInItsOwnWordsForARule) {
  const Request request = caller_.MakeRequest("PATCH", "/fs/f?action=append&position=0", {});
  const Response busy = caller_.service().Refuse(request, {.status = 503});
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(CodeOf(busy), "ServerBusy");
  EXPECT_EQ(busy.operation, "azure.append");
  EXPECT_EQ(caller_.service().OperationOf(request), "azure.append");
}

TEST_F(AzurePath, HasACodeOfItsOwnForEachStatusOfARule) {
  const auto code = [&](const std::string& method, const std::string& target, int status) {
    const Request request = caller_.MakeRequest(method, target, {});
    return CodeOf(caller_.service().Refuse(request, {.status = status}));
  };
  EXPECT_EQ(code("PATCH", "/fs/f?action=append&position=0", 401), "InvalidAuthenticationInfo");
  EXPECT_EQ(code("PATCH", "/fs/f?action=append&position=0", 403),
            "AuthorizationPermissionMismatch");
  EXPECT_EQ(code("PATCH", "/fs/f?action=append&position=0", 404), "PathNotFound");
  EXPECT_EQ(code("PUT", "/fs/f?comp=block&blockid=MQ==", 404), "BlobNotFound");
  EXPECT_EQ(code("GET", "/fs?resource=filesystem&recursive=true", 404), "FilesystemNotFound");
  EXPECT_EQ(code("GET", "/fs?restype=container&comp=list", 404), "ContainerNotFound");
  EXPECT_EQ(code("PUT", "/fs/f?resource=file", 409), "PathAlreadyExists");
  EXPECT_EQ(code("PUT", "/fs/f", 409), "BlobAlreadyExists");
  EXPECT_EQ(code("DELETE", "/fs/f?recursive=true", 409), "ResourceTypeMismatch");
  EXPECT_EQ(code("PUT", "/fs/f", 412), "ConditionNotMet");
  EXPECT_EQ(code("PUT", "/fs/f", 413), "RequestBodyTooLarge");
  EXPECT_EQ(code("PUT", "/fs/f", 429), "ServerBusy");
  EXPECT_EQ(code("PUT", "/fs/f", 500), "InternalError");
  EXPECT_EQ(code("PUT", "/fs/f", 507), "InternalError");
  const Request request = caller_.MakeRequest("PUT", "/fs/f", {});
  const Response disabled =
      caller_.service().Refuse(request, {.status = 403, .code = "AccountIsDisabled"});
  EXPECT_EQ(CodeOf(disabled), "AccountIsDisabled");
  EXPECT_NE(disabled.body.find("<Code>AccountIsDisabled</Code>"), std::string::npos);
  EXPECT_FALSE(
      caller_.service().Refuse(request, {.status = 401}).headers.Get("WWW-Authenticate").empty());
}

TEST_F(AzurePath, RefusesATokenAsOauthDoes) {
  Request request{.method = "POST"};
  request.raw_path = request.raw_target = "/tenant/oauth2/v2.0/token";
  const Response refused = caller_.service().Refuse(request, {.status = 401});
  EXPECT_EQ(nlohmann::json::parse(refused.body).at("error"), "invalid_client");
  EXPECT_EQ(refused.operation, "azure.oauth_token");
  const Response busy = caller_.service().Refuse(request, {.status = 503});
  EXPECT_EQ(nlohmann::json::parse(busy.body).at("error"), "temporarily_unavailable");
}

// For a HEAD it is the only text that there is.
TEST_F(AzurePath, TellsTheMessageOfAnErrorInTheReasonPhrase) {
  EXPECT_EQ(caller_.Send("HEAD", "/fs/nothing").reason, "The specified blob does not exist.");
  EXPECT_EQ(caller_.Send("HEAD", "/fs/nothing?action=getStatus").reason,
            "The specified path does not exist.");
}

}  // namespace
}  // namespace skybridge::localcloud::testing
