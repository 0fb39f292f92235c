#include "tests/localcloud/azure_queue_calls.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include <pugixml.hpp>

#include "core/time_text.h"
#include "tests/localcloud/azure_queue.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxMessageBytes = 65'536;  // 64 KiB
constexpr std::uint64_t kMaxMessagesAtOnce = 32;
constexpr std::uint64_t kMaxHiddenSeconds = 604'800;  // 7 days
constexpr std::uint64_t kDefaultHiddenSeconds = 30;
constexpr std::string_view kForEver = "Fri, 31 Dec 9999 23:59:59 GMT";

[[noreturn]] void RefuseOutOfRange(const std::string& name, const std::string& value,
                                   std::uint64_t min, std::uint64_t max) {
  throw Refusal{.status = 400,
                .code = "OutOfRangeQueryParameterValue",
                .message =
                    "One of the query parameters specified in the request URI is outside the "
                    "permissible range.",
                .details = {{"QueryParameterName", name},
                            {"QueryParameterValue", value},
                            {"MinimumAllowed", std::to_string(min)},
                            {"MaximumAllowed", std::to_string(max)}}};
}

struct Bounds {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
};

std::uint64_t NumberIn(const Call& call, const std::string& name, Bounds bounds,
                       std::uint64_t otherwise) {
  if (!call.target.query.Has(name)) return otherwise;
  const std::string text = call.target.query.Get(name);
  const auto number = ParseNumber(text);
  if (!number) RefuseQuery(name, text);
  if (*number < bounds.min || *number > bounds.max)
    RefuseOutOfRange(name, text, bounds.min, bounds.max);
  return *number;
}

seconds Hidden(const Call& call, std::uint64_t min, std::uint64_t otherwise) {
  return seconds(
      NumberIn(call, "visibilitytimeout", {.min = min, .max = kMaxHiddenSeconds}, otherwise));
}

Queue& NeedQueue(const Call& call) {
  Queue* queue = call.account.queues().Find(call.target.container);
  if (queue == nullptr) Refuse(404, "QueueNotFound", "The specified queue does not exist.");
  return *queue;
}

std::string MessageId(const Call& call) {
  return call.target.path.substr(std::string_view("messages/").size());
}

// <QueueMessage><MessageText>...</MessageText></QueueMessage>
std::string ReadText(const Call& call) {
  pugi::xml_document document;
  const std::string& body = call.request.body;
  const unsigned options = pugi::parse_default | pugi::parse_ws_pcdata;  // a text may be one blank
  const bool parsed = static_cast<bool>(document.load_buffer(body.data(), body.size(), options));
  const pugi::xml_node text = document.child("QueueMessage").child("MessageText");
  if (!parsed || !text) Refuse(400, "InvalidXmlDocument", "XML specified is not valid.");
  std::string value = text.child_value();
  if (value.size() > kMaxMessageBytes) {
    throw Refusal{
        .status = 413,
        .code = "RequestBodyTooLarge",
        .message = "The request body is too large and exceeds the maximum permissible limit.",
        .details = {{"MaxLimit", std::to_string(kMaxMessageBytes)}}};
  }
  return value;
}

// What a reply tells of a message: whoever puts one knows its text, whoever peeks gets no receipt.
enum class Telling { kPut, kTaken, kPeeked };

void AppendMessage(std::string& xml, const Message& message, Telling telling) {
  xml += "<QueueMessage>";
  AppendElement(xml, "MessageId", message.id);
  AppendElement(xml, "InsertionTime", FormatHttpDate(message.inserted));
  AppendElement(
      xml, "ExpirationTime",
      message.expires == WallTime::max() ? std::string(kForEver) : FormatHttpDate(message.expires));
  if (telling != Telling::kPeeked) {
    AppendElement(xml, "PopReceipt", message.pop_receipt);
    AppendElement(xml, "TimeNextVisible", FormatHttpDate(message.visible));
  }
  if (telling != Telling::kPut) {
    AppendElement(xml, "DequeueCount", std::to_string(message.dequeue_count));
    AppendElement(xml, "MessageText", message.text);
  }
  xml += "</QueueMessage>";
}

Response ReplyWithMessages(int status, const std::vector<Message>& messages, Telling telling) {
  Response response{.status = status, .body = std::string(kXmlStart)};
  response.body += "<QueueMessagesList>";
  for (const Message& message : messages) AppendMessage(response.body, message, telling);
  response.body += "</QueueMessagesList>";
  response.headers.Add("Content-Type", "application/xml");
  return response;
}

void AppendQueue(std::string& xml, const Queue& queue, bool with_metadata) {
  xml += "<Queue>";
  AppendElement(xml, "Name", queue.name());
  if (with_metadata) {
    xml += "<Metadata>";
    for (const auto& [name, value] : queue.metadata) AppendElement(xml, name, value);
    xml += "</Metadata>";
  }
  xml += "</Queue>";
}

Response ListQueues(const Call& call) {
  const std::string prefix = call.target.query.Get("prefix");
  const std::string after = ReadContinuation(call.target.query.Get("marker"), "marker");
  const std::size_t max = PageSize(call, "maxresults");
  const bool with_metadata = call.target.query.Get("include") == "metadata";
  std::string xml(kXmlStart);
  xml += "<EnumerationResults ServiceEndpoint=\"" + std::string(SchemeOf(call.request)) +
         EscapeXml(call.header("Host")) + "/\">";
  AppendElement(xml, "Prefix", prefix);
  xml += "<Queues>";
  std::string last;
  std::string next;
  std::size_t count = 0;
  const auto& queues = call.account.queues().all();
  for (auto at = queues.upper_bound(after); at != queues.end(); ++at) {
    if (!at->first.starts_with(prefix)) continue;
    if (count++ == max) {
      next = last;
      break;
    }
    last = at->first;
    AppendQueue(xml, at->second, with_metadata);
  }
  xml += "</Queues>";
  AppendElement(xml, "NextMarker", MakeContinuation(next));
  Response response{.status = 200, .body = xml + "</EnumerationResults>"};
  response.headers.Add("Content-Type", "application/xml");
  return response;
}

// Creating again what is there with the same metadata is no error.
Response CreateQueue(const Call& call) {
  CheckQueueName(call.target.container);
  Metadata metadata = MetadataOf(call);
  const Queue* existing = call.account.queues().Find(call.target.container);
  if (existing == nullptr) {
    call.account.queues().Create(call.target.container, std::move(metadata));
    return ReplyWith(201);
  }
  if (existing->metadata != metadata)
    Refuse(409, "QueueAlreadyExists", "The specified queue already exists.");
  return ReplyWith(204);
}

Response DeleteQueue(const Call& call) {
  call.account.queues().Delete(NeedQueue(call));
  return ReplyWith(204);
}

Response GetQueueMetadata(const Call& call) {
  const Queue& queue = NeedQueue(call);
  Response response = ReplyWith(200);
  response.headers.Add("x-ms-approximate-messages-count",
                       std::to_string(call.account.queues().Count(queue, call.now)));
  for (const auto& [name, value] : queue.metadata) response.headers.Add("x-ms-meta-" + name, value);
  return response;
}

Response SetQueueMetadata(const Call& call) {
  Queue& queue = NeedQueue(call);
  queue.metadata = MetadataOf(call);
  call.account.queues().Save(queue);
  return ReplyWith(204);
}

Response PutMessage(const Call& call) {
  Queue& queue = NeedQueue(call);
  Queues::NewMessage message{.text = ReadText(call), .hidden = Hidden(call, 0, 0)};
  const std::string life = call.target.query.Get("messagettl");
  if (life == "-1") {
    message.life = std::nullopt;
  } else if (!life.empty()) {
    const auto number = ParseNumber(life);
    if (!number || *number == 0) RefuseQuery("messagettl", life);
    message.life = seconds(*number);
  }
  if (message.life && message.hidden >= *message.life)
    RefuseQuery("visibilitytimeout", std::to_string(message.hidden.count()));
  return ReplyWithMessages(201, {call.account.queues().Put(queue, std::move(message), call.now)},
                           Telling::kPut);
}

std::size_t MessageCount(const Call& call) {
  return NumberIn(call, "numofmessages", {.min = 1, .max = kMaxMessagesAtOnce}, 1);
}

Response GetMessages(const Call& call) {
  Queue& queue = NeedQueue(call);
  return ReplyWithMessages(
      200,
      call.account.queues().Take(queue, MessageCount(call), Hidden(call, 1, kDefaultHiddenSeconds),
                                 call.now),
      Telling::kTaken);
}

Response PeekMessages(const Call& call) {
  return ReplyWithMessages(
      200, call.account.queues().Peek(NeedQueue(call), MessageCount(call), call.now),
      Telling::kPeeked);
}

Response ClearMessages(const Call& call) {
  call.account.queues().Clear(NeedQueue(call));
  return ReplyWith(204);
}

std::string NeedReceipt(const Call& call) {
  if (!call.target.query.Has("popreceipt")) RefuseNoQuery("popreceipt");
  return call.target.query.Get("popreceipt");
}

Response UpdateMessage(const Call& call) {
  Queue& queue = NeedQueue(call);
  if (!call.target.query.Has("visibilitytimeout")) RefuseNoQuery("visibilitytimeout");
  Queues::Change change{
      .id = MessageId(call), .pop_receipt = NeedReceipt(call), .hidden = Hidden(call, 0, 0)};
  if (!call.request.body.empty()) change.text = ReadText(call);
  const Message message = call.account.queues().Update(queue, change, call.now);
  Response response = ReplyWith(204);
  response.headers.Add("x-ms-popreceipt", message.pop_receipt);
  response.headers.Add("x-ms-time-next-visible", FormatHttpDate(message.visible));
  return response;
}

Response DeleteMessage(const Call& call) {
  call.account.queues().Remove(NeedQueue(call), MessageId(call), NeedReceipt(call), call.now);
  return ReplyWith(204);
}

}  // namespace

Response ActOnQueue(const Call& call) {
  switch (call.operation) {
    case Operation::kListQueues:
      return ListQueues(call);
    case Operation::kCreateQueue:
      return CreateQueue(call);
    case Operation::kDeleteQueue:
      return DeleteQueue(call);
    case Operation::kGetQueueMetadata:
      return GetQueueMetadata(call);
    case Operation::kSetQueueMetadata:
      return SetQueueMetadata(call);
    case Operation::kPutMessage:
      return PutMessage(call);
    case Operation::kGetMessages:
      return GetMessages(call);
    case Operation::kPeekMessages:
      return PeekMessages(call);
    case Operation::kClearMessages:
      return ClearMessages(call);
    case Operation::kUpdateMessage:
      return UpdateMessage(call);
    default:
      return DeleteMessage(call);
  }
}

}  // namespace skybridge::localcloud::azure
