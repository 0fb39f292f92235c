// Storage queues, as the Queue service documents them.
#include <set>

#include <gtest/gtest.h>
#include <pugixml.hpp>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/localcloud/azure_caller.h"

namespace skybridge::localcloud::testing {
namespace {

using std::chrono::seconds;

struct Seen {
  std::string id;
  std::string receipt;
  std::string text;
  std::string count;
};

std::vector<Seen> MessagesOf(const Response& response) {
  pugi::xml_document document;
  const unsigned options = pugi::parse_default | pugi::parse_ws_pcdata;
  EXPECT_TRUE(document.load_string(BodyOf(response).c_str(), options)) << BodyOf(response);
  std::vector<Seen> messages;
  for (const pugi::xml_node& one : document.child("QueueMessagesList").children()) {
    messages.push_back({.id = one.child_value("MessageId"),
                        .receipt = one.child_value("PopReceipt"),
                        .text = one.child_value("MessageText"),
                        .count = one.child_value("DequeueCount")});
  }
  return messages;
}

class AzureQueues : public ::testing::Test {
 protected:
  AzureQueues() { EXPECT_EQ(Send("PUT", "/jobs").status, 201); }

  Response Send(const std::string& method, const std::string& target, std::string body = "",
                HeaderList headers = {}) {
    return caller_.Send(method, target,
                        {.body = std::move(body), .headers = std::move(headers), .queue = true});
  }
  Response Put(const std::string& text, const std::string& query = "") {
    return Send("POST", "/jobs/messages" + query,
                "<QueueMessage><MessageText>" + text + "</MessageText></QueueMessage>");
  }
  std::vector<Seen> Get(const std::string& query = "") {
    const Response response = Send("GET", "/jobs/messages" + query);
    EXPECT_EQ(response.status, 200) << BodyOf(response);
    return MessagesOf(response);
  }
  std::vector<std::string> Texts(const std::string& query) {
    std::vector<std::string> texts;
    for (const Seen& message : Get(query)) texts.push_back(message.text);
    return texts;
  }
  static std::string Of(const Seen& message, const std::string& more = "") {
    return "/jobs/messages/" + message.id + "?popreceipt=" + PercentEncode(message.receipt) + more;
  }
  std::string Depth() {
    return std::string(
        Send("GET", "/jobs?comp=metadata").headers.Get("x-ms-approximate-messages-count"));
  }

  AzureCaller caller_;
};

using Names = std::vector<std::string>;

TEST_F(AzureQueues, HideAMessageFromOthersUntilItsTimeIsOver) {
  EXPECT_EQ(Put("one").status, 201);
  const std::vector<Seen> first = Get("?visibilitytimeout=60");
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].text, "one");
  EXPECT_EQ(first[0].count, "1");
  EXPECT_TRUE(Get().empty());
  EXPECT_EQ(Depth(), "1") << "hidden ones count, too";
  caller_.clock().Advance(seconds(61));
  const std::vector<Seen> again = Get();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].count, "2");
  EXPECT_NE(again[0].receipt, first[0].receipt);
}

TEST_F(AzureQueues, DeleteAMessageByTheNewestReceiptOnly) {
  Put("one");
  const Seen first = Get("?visibilitytimeout=1").at(0);
  caller_.clock().Advance(seconds(2));
  const Seen second = Get().at(0);
  const Response stale = Send("DELETE", Of(first));
  EXPECT_EQ(stale.status, 400);
  EXPECT_EQ(CodeOf(stale), "PopReceiptMismatch");
  EXPECT_EQ(Send("DELETE", Of(second)).status, 204);
  const Response gone = Send("DELETE", Of(second));
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(CodeOf(gone), "MessageNotFound");
  EXPECT_EQ(Depth(), "0");
}

TEST_F(AzureQueues, AcceptAReceiptThoughTheTimeIsOverWhenNobodyElseTookTheMessage) {
  Put("one");
  const Seen message = Get("?visibilitytimeout=1").at(0);
  caller_.clock().Advance(seconds(100));
  EXPECT_EQ(Send("DELETE", Of(message)).status, 204);
}

TEST_F(AzureQueues, ExtendAndChangeAMessageWithANewReceiptEachTime) {
  Put("one");
  const Seen message = Get("?visibilitytimeout=30").at(0);
  const Response extended = Send("PUT", Of(message, "&visibilitytimeout=100"));
  ASSERT_EQ(extended.status, 204) << BodyOf(extended);
  EXPECT_EQ(extended.headers.Get("x-ms-time-next-visible"),
            FormatHttpDate(caller_.clock().WallNow() + seconds(100)));
  EXPECT_EQ(CodeOf(Send("PUT", Of(message, "&visibilitytimeout=1"))), "PopReceiptMismatch");
  caller_.clock().Advance(seconds(99));
  EXPECT_TRUE(Get().empty());
  const Seen newest{.id = message.id,
                    .receipt = std::string(extended.headers.Get("x-ms-popreceipt"))};
  EXPECT_EQ(Send("PUT", Of(newest, "&visibilitytimeout=0"),
                 "<QueueMessage><MessageText>two</MessageText></QueueMessage>")
                .status,
            204);
  EXPECT_EQ(Texts(""), (Names{"two"}));
}

TEST_F(AzureQueues, GiveReceiptsThatMustBeEncoded) {
  Put("one");
  const std::string receipt = Get().at(0).receipt;
  EXPECT_NE(receipt.find('+'), std::string::npos);
  EXPECT_NE(receipt.find('='), std::string::npos);
}

TEST_F(AzureQueues, ShowMessagesToAPeekWithoutTakingThem) {
  for (const char* text : {"a", "b", "c"}) Put(text);
  const Response peeked = Send("GET", "/jobs/messages?peekonly=true&numofmessages=2");
  EXPECT_EQ(BodyOf(peeked).find("PopReceipt"), std::string::npos);
  EXPECT_EQ(BodyOf(peeked).find("TimeNextVisible"), std::string::npos);
  ASSERT_EQ(MessagesOf(peeked).size(), 2U);
  EXPECT_EQ(MessagesOf(peeked)[0].count, "0");
  EXPECT_EQ(Texts("?numofmessages=32"), (Names{"a", "b", "c"}));
}

TEST_F(AzureQueues, TellTheReceiptOfAMessageToWhoeverPutIt) {
  const std::vector<Seen> put = MessagesOf(Put("one", "?visibilitytimeout=50"));
  ASSERT_EQ(put.size(), 1U);
  EXPECT_TRUE(Get().empty()) << "it begins hidden";
  EXPECT_EQ(Send("DELETE", Of(put[0])).status, 204);
}

TEST_F(AzureQueues, ForgetMessagesAtTheirExpiry) {
  Put("short", "?messagettl=10");
  Put("usual");
  Put("ever", "?messagettl=-1");
  caller_.clock().Advance(seconds(11));
  EXPECT_EQ(Depth(), "2");
  EXPECT_EQ(Texts("?numofmessages=32&visibilitytimeout=1"), (Names{"usual", "ever"}));
  caller_.clock().Advance(std::chrono::hours(7 * 24));
  const Response last = Send("GET", "/jobs/messages?numofmessages=32");
  EXPECT_EQ(MessagesOf(last).size(), 1U);
  EXPECT_NE(BodyOf(last).find("<ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT"), std::string::npos);
}

TEST_F(AzureQueues, ClearAllMessages) {
  Put("a");
  Put("b");
  Get();
  EXPECT_EQ(Send("DELETE", "/jobs/messages").status, 204);
  EXPECT_EQ(Depth(), "0");
}

TEST_F(AzureQueues, KeepTextsAsTheyAre) {
  for (const std::string text : {" ", "&lt;&amp;&gt;", "\xC3\xBC \xE2\x98\x82"}) {
    EXPECT_EQ(Put(text).status, 201) << text;
  }
  EXPECT_EQ(Texts("?numofmessages=3"), (Names{" ", "<&>", "\xC3\xBC \xE2\x98\x82"}));
}

TEST_F(AzureQueues, RefuseTextsOver64KiB) {
  EXPECT_EQ(Put(std::string(65536, 'x')).status, 201);
  const Response refused = Put(std::string(65537, 'x'));
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(CodeOf(refused), "RequestBodyTooLarge");
  EXPECT_EQ(CodeOf(Send("POST", "/jobs/messages", "not xml")), "InvalidXmlDocument");
}

TEST_F(AzureQueues, RefuseNumbersOutOfTheirRange) {
  for (const char* query : {"?numofmessages=0", "?numofmessages=33", "?visibilitytimeout=0",
                            "?visibilitytimeout=604801", "?peekonly=true&numofmessages=33"}) {
    const Response refused = Send("GET", std::string("/jobs/messages") + query);
    EXPECT_EQ(refused.status, 400) << query;
    EXPECT_EQ(CodeOf(refused), "OutOfRangeQueryParameterValue") << query;
  }
  EXPECT_EQ(CodeOf(Send("GET", "/jobs/messages?numofmessages=x")), "InvalidQueryParameterValue");
  EXPECT_EQ(CodeOf(Put("x", "?visibilitytimeout=604801")), "OutOfRangeQueryParameterValue");
  EXPECT_EQ(CodeOf(Put("x", "?messagettl=0")), "InvalidQueryParameterValue");
  EXPECT_EQ(CodeOf(Put("x", "?messagettl=10&visibilitytimeout=10")), "InvalidQueryParameterValue");
  Put("one");
  const Seen message = Get().at(0);
  EXPECT_EQ(CodeOf(Send("PUT", Of(message))), "MissingRequiredQueryParameter");
  EXPECT_EQ(CodeOf(Send("DELETE", "/jobs/messages/" + message.id)),
            "MissingRequiredQueryParameter");
}

TEST_F(AzureQueues, AreCreatedOnceWithTheSameMetadata) {
  EXPECT_EQ(Send("PUT", "/jobs").status, 204);
  const Response other = Send("PUT", "/jobs", "", {{"x-ms-meta-a", "1"}});
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(CodeOf(other), "QueueAlreadyExists");
  EXPECT_EQ(Send("PUT", "/jobs?comp=metadata", "", {{"x-ms-meta-a", "1"}}).status, 204);
  EXPECT_EQ(Send("HEAD", "/jobs?comp=metadata").headers.Get("x-ms-meta-a"), "1");
  EXPECT_EQ(Send("DELETE", "/jobs").status, 204);
  EXPECT_EQ(CodeOf(Send("DELETE", "/jobs")), "QueueNotFound");
  EXPECT_EQ(CodeOf(Send("GET", "/jobs/messages")), "QueueNotFound");
}

TEST_F(AzureQueues, HaveNamesLikeContainersButNoSpecialOnes) {
  for (const char* name : {"ab", "Upper", "two--dashes", "-front", "$root"}) {
    EXPECT_EQ(Send("PUT", std::string("/") + name).status, 400) << name;
  }
  EXPECT_EQ(Send("PUT", "/" + std::string(63, 'q')).status, 201);
  EXPECT_EQ(Send("PUT", "/" + std::string(64, 'q')).status, 400);
}

TEST_F(AzureQueues, AreListedInPages) {
  for (const char* name : {"aaa", "abb", "zzz"}) Send("PUT", std::string("/") + name);
  std::vector<std::string> names;
  std::string marker;
  do {
    const Response page =
        Send("GET", "/?comp=list&prefix=a&maxresults=1" +
                        (marker.empty() ? "" : "&marker=" + PercentEncode(marker)));
    ASSERT_EQ(page.status, 200) << BodyOf(page);
    pugi::xml_document document;
    ASSERT_TRUE(document.load_string(BodyOf(page).c_str()));
    const pugi::xml_node root = document.child("EnumerationResults");
    for (const pugi::xml_node& queue : root.child("Queues").children())
      names.emplace_back(queue.child_value("Name"));
    marker = root.child_value("NextMarker");
  } while (!marker.empty());
  EXPECT_EQ(names, (Names{"aaa", "abb"}));
}

TEST_F(AzureQueues, AreNotContainersOfTheirAccount) {
  Put("one");
  EXPECT_EQ(CodeOf(caller_.Send("GET", "/jobs?restype=container")), "ContainerNotFound");
  EXPECT_EQ(CodeOf(Send("GET", "/fs/messages")), "QueueNotFound");
}

TEST_F(AzureQueues, AnswerOnTheirHostNameToo) {
  Put("one");
  CallOptions options{.headers = {{"x-ms-date", FormatHttpDate(caller_.clock().WallNow())}}};
  Request request = caller_.MakeRequest("GET", "/jobs/messages", options);
  request.headers.Set("Host", "lake.queue.core.windows.net");
  request.raw_target = request.raw_path = "/jobs/messages";
  caller_.Sign(request, "lake");
  const Response response = caller_.SendRequest(request);
  EXPECT_EQ(response.status, 200) << BodyOf(response);
  EXPECT_EQ(MessagesOf(response).size(), 1U);
  EXPECT_EQ(response.operation, "azure.get_messages");
}

std::string Sign(const std::string& text) {
  return PercentEncode(
      Base64Encode(HmacSha256(AsBytes(*Base64Decode(kAzureEmulatorKey)), AsBytes(text))));
}

TEST_F(AzureQueues, AcceptAServiceSasForWhatItAllows) {
  Put("one");
  const std::string expiry = FormatRfc3339(caller_.clock().WallNow() + std::chrono::hours(1), 0);
  const std::string sas = "sv=2023-11-03&sp=rp&se=" + PercentEncode(expiry) + "&sig=" +
                          Sign("rp\n\n" + expiry + "\n/queue/lake/jobs\n\n\n\n2023-11-03");
  const auto send = [&](const std::string& method, const std::string& target) {
    return caller_.Send(method, target + sas, {.sign = false, .queue = true});
  };
  EXPECT_EQ(send("GET", "/jobs/messages?").status, 200);
  EXPECT_EQ(send("GET", "/jobs?comp=metadata&").status, 200);
  EXPECT_EQ(CodeOf(send("DELETE", "/jobs/messages?")), "AuthorizationPermissionMismatch");
  EXPECT_EQ(CodeOf(send("DELETE", "/jobs?")), "AuthorizationFailure");
  Send("PUT", "/other");
  EXPECT_EQ(CodeOf(send("GET", "/other/messages?")), "AuthenticationFailed");
}

TEST_F(AzureQueues, NeedTheirLetterInAnAccountSas) {
  const std::string expiry = FormatRfc3339(caller_.clock().WallNow() + std::chrono::hours(1), 0);
  for (const std::string service : {"q", "b"}) {
    const std::string text =
        "lake\nrwdlacup\n" + service + "\nsco\n\n" + expiry + "\n\n\n2023-11-03\n\n";
    const std::string target = "/jobs/messages?sv=2023-11-03&ss=" + service +
                               "&srt=sco&sp=rwdlacup&se=" + PercentEncode(expiry) +
                               "&sig=" + Sign(text);
    const Response response = caller_.Send("GET", target, {.sign = false, .queue = true});
    EXPECT_EQ(CodeOf(response), service == "q" ? "" : "AuthorizationServiceMismatch");
  }
}

TEST(AzureQueueRestart, BringsBackMessagesWithTheirReceipts) {
  const skybridge::testing::TempDirectory directory;
  AzureCaller caller(directory.path());
  const auto send = [&](const std::string& method, const std::string& target,
                        std::string body = "") {
    return caller.Send(method, target, {.body = std::move(body), .queue = true});
  };
  send("PUT", "/jobs");
  for (const std::string text : {"one", "two", "three"}) {
    send("POST", "/jobs/messages",
         "<QueueMessage><MessageText>" + text + "</MessageText></QueueMessage>");
  }
  const Seen taken = MessagesOf(send("GET", "/jobs/messages?visibilitytimeout=600")).at(0);
  const Seen deleted = MessagesOf(send("GET", "/jobs/messages")).at(0);
  const auto target = [](const Seen& message) {
    return "/jobs/messages/" + message.id + "?popreceipt=" + PercentEncode(message.receipt);
  };
  EXPECT_EQ(send("DELETE", target(deleted)).status, 204);
  caller.Restart();
  const std::vector<Seen> left = MessagesOf(send("GET", "/jobs/messages?numofmessages=32"));
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].text, "three");
  EXPECT_EQ(send("DELETE", target(taken)).status, 204);
}

}  // namespace
}  // namespace skybridge::localcloud::testing
