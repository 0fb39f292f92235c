// Event Grid messages in a queue, as "Azure Blob Storage as an Event Grid source" shows them.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "core/encoding.h"
#include "tests/unit/localcloud/azure_caller.h"

namespace skybridge::localcloud::testing {
namespace {

using Json = nlohmann::json;

std::vector<std::string> TextsOf(const Response& response) {
  pugi::xml_document document;
  EXPECT_TRUE(document.load_string(BodyOf(response).c_str())) << BodyOf(response);
  std::vector<std::string> texts;
  for (const pugi::xml_node& message : document.child("QueueMessagesList").children())
    texts.emplace_back(message.child_value("MessageText"));
  return texts;
}

std::vector<std::string> Drain(AzureCaller& caller, const std::string& account = "lake") {
  std::vector<std::string> texts;
  while (true) {
    const std::vector<std::string> page = TextsOf(caller.Send(
        "GET", "/changes/messages?numofmessages=32", {.account = account, .queue = true}));
    if (page.empty()) return texts;
    texts.insert(texts.end(), page.begin(), page.end());
  }
}

class AzureEvents : public ::testing::Test {
 protected:
  std::vector<Json> Events(const std::string& account = "lake") {
    std::vector<Json> events;
    for (const std::string& text : Drain(caller_, account)) {
      const auto decoded = Base64Decode(text);
      EXPECT_TRUE(decoded) << text;
      events.push_back(Json::parse(decoded.value_or("null")));
    }
    return events;
  }
  // "BlobCreated PutBlob", in order.
  std::vector<std::string> Kinds(const std::string& account = "lake") {
    std::vector<std::string> kinds;
    for (const Json& event : Events(account)) {
      const std::string type = event.at("eventType");
      EXPECT_TRUE(type.starts_with("Microsoft.Storage.")) << type;
      kinds.push_back(type.substr(18) + ' ' + std::string(event.at("data").at("api")));
    }
    return kinds;
  }

  AzureCaller caller_{azure::EventOptions{.queue = "changes"}};
};

using Names = std::vector<std::string>;

TEST_F(AzureEvents, TellOfAFileWhenItIsMadeAndWhenItIsClosed) {
  const HeaderList id{{"x-ms-client-request-id", "mine"}};
  caller_.Send("PUT", "/fs/dir%20one/f?resource=file", {.headers = id});
  caller_.Send("PATCH", "/fs/dir%20one/f?action=append&position=0", {.body = "hello"});
  caller_.Send("PATCH", "/fs/dir%20one/f?action=flush&position=5");
  const Response closed =
      caller_.Send("PATCH", "/fs/dir%20one/f?action=flush&position=5&close=true",
                   {.headers = {{"x-ms-content-type", "text/csv"}}});
  const std::vector<Json> events = Events();
  ASSERT_EQ(events.size(), 2U) << "a flush that does not close says nothing";
  EXPECT_EQ(events[0]["data"]["api"], "CreateFile");
  EXPECT_EQ(events[0]["data"]["clientRequestId"], "mine");
  EXPECT_EQ(events[0]["data"]["contentLength"], 0);
  const Json& event = events[1];
  EXPECT_EQ(event["eventType"], "Microsoft.Storage.BlobCreated");
  EXPECT_EQ(event["subject"], "/blobServices/default/containers/fs/blobs/dir one/f");
  EXPECT_EQ(event["dataVersion"], "2");
  EXPECT_EQ(event["metadataVersion"], "1");
  const Json& data = event["data"];
  EXPECT_EQ(data["api"], "FlushWithClose");
  EXPECT_EQ(data["requestId"], std::string(closed.headers.Get("x-ms-request-id")));
  EXPECT_EQ(data["eTag"], std::string(closed.headers.Get("ETag")));
  EXPECT_EQ(data["contentType"], "text/csv");
  EXPECT_EQ(data["contentLength"], 5);
  EXPECT_EQ(data["contentOffset"], 0);
  EXPECT_EQ(data["blobType"], "BlockBlob");
  EXPECT_EQ(data["url"], "https://lake.dfs.core.windows.net/fs/dir%20one/f");
  EXPECT_LT(events[0]["data"]["sequencer"], data["sequencer"]);
  EXPECT_NE(events[0]["id"], event["id"]);
}

TEST_F(AzureEvents, TellOfAnAppendThatClosesItsFile) {
  caller_.CreateFile("f", "");
  caller_.Send("PATCH", "/fs/f?action=append&position=0&flush=true&close=true", {.body = "x"});
  EXPECT_EQ(Kinds(), (Names{"BlobCreated CreateFile", "BlobCreated FlushWithClose"}));
}

TEST_F(AzureEvents, TellOfWholeBlobsAndBlockListsAndDeletes) {
  caller_.Send("PUT", "/fs/whole", {.body = "x", .headers = {{"x-ms-blob-type", "BlockBlob"}}});
  caller_.Send("PUT", "/fs/list?comp=block&blockid=QQ%3D%3D", {.body = "x"});
  caller_.Send("PUT", "/fs/list?comp=blocklist",
               {.body = "<BlockList><Latest>QQ==</Latest></BlockList>"});
  caller_.Send("PUT", "/fs/list?comp=tier", {.headers = {{"x-ms-access-tier", "Cool"}}});
  caller_.Send("DELETE", "/fs/whole");
  const std::vector<Json> events = Events();
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0]["data"]["api"], "PutBlob");
  EXPECT_EQ(events[0]["dataVersion"], "");
  EXPECT_FALSE(events[0]["data"].contains("contentOffset"));
  EXPECT_EQ(events[0]["data"]["url"], "https://lake.blob.core.windows.net/fs/whole");
  EXPECT_EQ(events[1]["data"]["api"], "PutBlockList");
  EXPECT_EQ(events[2]["eventType"], "Microsoft.Storage.BlobTierChanged");
  EXPECT_EQ(events[3]["eventType"], "Microsoft.Storage.BlobDeleted");
  EXPECT_EQ(events[3]["data"]["api"], "DeleteBlob");
  EXPECT_FALSE(events[3]["data"].contains("eTag"));
}

TEST_F(AzureEvents, TellOfARenameByBothNames) {
  caller_.CreateFile("dir/a", "");
  Drain(caller_);
  caller_.Send("PUT", "/fs/dir/b?mode=legacy", {.headers = {{"x-ms-rename-source", "/fs/dir/a"}}});
  caller_.Send("PUT", "/fs/new?mode=legacy", {.headers = {{"x-ms-rename-source", "/fs/dir"}}});
  const std::vector<Json> events = Events();
  ASSERT_EQ(events.size(), 2U) << "one for a directory, none for what is in it";
  EXPECT_EQ(events[0]["eventType"], "Microsoft.Storage.BlobRenamed");
  EXPECT_EQ(events[0]["subject"], "/blobServices/default/containers/fs/blobs/dir/b");
  EXPECT_EQ(events[0]["data"]["api"], "RenameFile");
  EXPECT_EQ(events[0]["data"]["sourceUrl"], "https://lake.dfs.core.windows.net/fs/dir/a");
  EXPECT_EQ(events[0]["data"]["destinationUrl"], "https://lake.dfs.core.windows.net/fs/dir/b");
  EXPECT_EQ(events[1]["eventType"], "Microsoft.Storage.DirectoryRenamed");
  EXPECT_EQ(events[1]["data"]["api"], "RenameDirectory");
}

TEST_F(AzureEvents, TellOfDirectoriesOnceAndNotOfWhatIsInThem) {
  caller_.CreateDirectory("d");
  caller_.CreateFile("d/f", "");
  Drain(caller_);
  caller_.CreateDirectory("e");
  caller_.Send("DELETE", "/fs/d?recursive=true");
  caller_.Send("DELETE", "/fs/e?recursive=false");
  const std::vector<Json> events = Events();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0]["data"]["api"], "CreateDirectory");
  EXPECT_EQ(events[1]["data"]["api"], "DeleteDirectory");
  EXPECT_EQ(events[1]["data"]["recursive"], "true");
  EXPECT_EQ(events[2]["data"]["recursive"], "false");
  caller_.CreateFile("f", "");
  caller_.Send("DELETE", "/fs/f?recursive=false");
  EXPECT_EQ(Kinds(), (Names{"BlobCreated CreateFile", "BlobDeleted DeleteFile"}));
}

TEST_F(AzureEvents, SayNothingOfWhatWasRefused) {
  caller_.CreateFile("f", "");
  Drain(caller_);
  caller_.Send("PUT", "/fs/f?resource=file", {.headers = {{"If-None-Match", "*"}}});
  caller_.Send("DELETE", "/fs/missing?recursive=false");
  EXPECT_EQ(Kinds(), Names());
}

TEST_F(AzureEvents, SayNothingOfDataLakeCallsOnAFlatAccount) {
  caller_.Send("PUT", "/box/f?resource=file", {.account = kAzureEmulatorAccount});
  caller_.Send("PUT", "/box/g",
               {.account = kAzureEmulatorAccount,
                .body = "x",
                .headers = {{"x-ms-blob-type", "BlockBlob"}}});
  EXPECT_EQ(Kinds(kAzureEmulatorAccount), (Names{"BlobCreated PutBlob"}));
}

TEST(AzureEventOptions, CloudEventsHaveTheirOwnEnvelope) {
  AzureCaller caller(azure::EventOptions{
      .queue = "changes", .schema = azure::EventSchema::kCloudEvents, .plain = true});
  caller.CreateFile("f", "");
  const std::vector<std::string> texts = Drain(caller);
  ASSERT_EQ(texts.size(), 1U);
  const Json event = Json::parse(texts[0]);
  EXPECT_EQ(event["specversion"], "1.0");
  EXPECT_EQ(event["type"], "Microsoft.Storage.BlobCreated");
  EXPECT_TRUE(std::string(event["source"]).ends_with("/storageAccounts/lake"));
  EXPECT_TRUE(event.contains("time"));
  EXPECT_FALSE(event.contains("topic"));
  EXPECT_FALSE(event.contains("dataVersion"));
  EXPECT_EQ(event["data"]["api"], "CreateFile");
}

TEST(AzureEventOptions, AQueueThatWasDeletedGetsNothing) {
  AzureCaller caller(azure::EventOptions{.queue = "changes"});
  EXPECT_EQ(caller.Send("DELETE", "/changes", {.queue = true}).status, 204);
  caller.CreateFile("f", "");
  EXPECT_EQ(CodeOf(caller.Send("GET", "/changes/messages", {.queue = true})), "QueueNotFound");
}

}  // namespace
}  // namespace skybridge::localcloud::testing
