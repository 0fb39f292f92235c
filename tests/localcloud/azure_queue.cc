#include "tests/localcloud/azure_queue.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "core/log.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

using Json = nlohmann::json;

std::int64_t Nanoseconds(WallTime time) { return time.time_since_epoch().count(); }
WallTime TimeAt(const Json& nanoseconds) {
  return WallTime(std::chrono::nanoseconds(nanoseconds.get<std::int64_t>()));
}

// Texts may be any bytes.
std::string ToRecord(const Message& message) {
  return Json{{"text", HexEncode(AsBytes(message.text))},
              {"inserted", Nanoseconds(message.inserted)},
              {"expires", Nanoseconds(message.expires)},
              {"visible", Nanoseconds(message.visible)},
              {"receipt", message.pop_receipt},
              {"dequeued", message.dequeue_count},
              {"sequence", message.sequence}}
      .dump();
}

Message FromRecord(std::string_view id, std::string_view record) {
  const Json json = Json::parse(record);
  return {.id = std::string(id),
          .text = HexDecode(json.at("text").get<std::string>()).value_or(""),
          .inserted = TimeAt(json.at("inserted")),
          .expires = TimeAt(json.at("expires")),
          .visible = TimeAt(json.at("visible")),
          .pop_receipt = json.at("receipt").get<std::string>(),
          .dequeue_count = json.at("dequeued").get<std::uint64_t>(),
          .sequence = json.at("sequence").get<std::uint64_t>()};
}

std::string MetadataRecord(const Metadata& metadata) {
  Json json = Json::object();
  for (const auto& [name, value] : metadata) json[name] = HexEncode(AsBytes(value));
  return json.dump();
}

// A base64 text with '+' and '=' in it, so that a client that forgets to encode it is found out.
std::string NewReceipt() { return Base64Encode(AsBytes("\xFB\xEF\xBE" + NewGuid().substr(0, 16))); }

}  // namespace

Queues::Queues(std::string prefix, Storage& storage)
    : prefix_(std::move(prefix)), storage_(storage) {
  if (storage_.durable()) Load();
}

std::string Queues::MessageKey(const Queue& queue, std::string_view id) const {
  return prefix_ + "m/" + queue.name() + '/' + std::string(id);
}

void Queues::Load() {
  try {
    storage_.ForEachRecord(prefix_ + "q/", [&](std::string_view key, std::string_view record) {
      const std::string name(key.substr(prefix_.size() + 2));
      Queue& queue = queues_.emplace(name, Queue(name)).first->second;
      const Json metadata = Json::parse(record);
      for (const auto& item : metadata.items())
        queue.metadata[item.key()] = HexDecode(item.value().get<std::string>()).value_or("");
    });
    storage_.ForEachRecord(prefix_ + "m/", [&](std::string_view key, std::string_view record) {
      const std::vector<std::string_view> fields = Split(key.substr(prefix_.size()), '/');
      Queue* queue = Find(fields.at(1));
      if (queue == nullptr) return;
      Message message = FromRecord(fields.at(2), record);
      next_sequence_ = std::max(next_sequence_, message.sequence + 1);
      const Queue::Key place(message.visible, message.sequence);
      queue->keys_[message.id] = place;
      queue->messages_[place] = std::move(message);
    });
  } catch (const Json::exception& error) {  // our own records: a broken one is not served around
    Log(LogLevel::kError, "localcloud: a queue's record cannot be used: {}", error.what());
  }
}

Queue* Queues::Find(std::string_view name) {
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : &found->second;
}

Queue& Queues::Create(std::string_view name, Metadata metadata) {
  Queue& queue = queues_.emplace(name, Queue(std::string(name))).first->second;
  queue.metadata = std::move(metadata);
  Save(queue);
  return queue;
}

void Queues::Save(const Queue& queue) {
  if (storage_.durable())
    storage_.SetRecord(prefix_ + "q/" + queue.name(), MetadataRecord(queue.metadata));
}

void Queues::Delete(Queue& queue) {
  Clear(queue);
  if (storage_.durable()) storage_.EraseRecord(prefix_ + "q/" + queue.name());
  queues_.erase(queues_.find(queue.name()));
}

void Queues::Insert(Queue& queue, Message message) {
  const Queue::Key key(message.visible, message.sequence);
  if (storage_.durable()) storage_.SetRecord(MessageKey(queue, message.id), ToRecord(message));
  queue.keys_[message.id] = key;
  queue.messages_[key] = std::move(message);
}

Message Queues::Extract(Queue& queue, Queue::Key key) {
  Message message = std::move(queue.messages_.extract(key).mapped());
  queue.keys_.erase(message.id);
  return message;
}

void Queues::Drop(Queue& queue, Queue::Key key) {
  const Message message = Extract(queue, key);
  if (storage_.durable()) storage_.EraseRecord(MessageKey(queue, message.id));
}

Message Queues::Put(Queue& queue, NewMessage fresh, WallTime now) {
  Message message{.id = NewGuid(),
                  .text = std::move(fresh.text),
                  .inserted = now,
                  .expires = fresh.life ? now + *fresh.life : WallTime::max(),
                  .visible = now + fresh.hidden,
                  .pop_receipt = NewReceipt(),
                  .sequence = next_sequence_++};
  Insert(queue, message);
  return message;
}

std::vector<Message> Queues::Take(Queue& queue, std::size_t count, std::chrono::seconds hidden,
                                  WallTime now) {
  std::vector<Message> taken = Peek(queue, count, now);
  for (Message& message : taken) {
    Extract(queue, queue.keys_.at(message.id));
    message.visible = now + hidden;
    message.pop_receipt = NewReceipt();
    ++message.dequeue_count;
    Insert(queue, message);
  }
  return taken;
}

std::vector<Message> Queues::Peek(Queue& queue, std::size_t count, WallTime now) {
  std::vector<Message> seen;
  for (auto at = queue.messages_.begin(); at != queue.messages_.end() && seen.size() < count;) {
    const Message& message = at->second;
    if (message.visible > now) break;
    const Queue::Key key = (at++)->first;
    if (message.expires > now) {
      seen.push_back(message);
    } else {
      Drop(queue, key);
    }
  }
  return seen;
}

Queue::Key Queues::Need(Queue& queue, std::string_view id, std::string_view pop_receipt,
                        WallTime now) {
  const auto found = queue.keys_.find(id);
  if (found == queue.keys_.end() || queue.messages_.at(found->second).expires <= now)
    Refuse(404, "MessageNotFound", "The specified message does not exist.");
  if (queue.messages_.at(found->second).pop_receipt != pop_receipt) {
    Refuse(400, "PopReceiptMismatch",
           "The specified pop receipt did not match the pop receipt for a dequeued message.");
  }
  return found->second;
}

Message Queues::Update(Queue& queue, const Change& change, WallTime now) {
  const Queue::Key key = Need(queue, change.id, change.pop_receipt, now);
  if (now + change.hidden > queue.messages_.at(key).expires)
    RefuseQuery("visibilitytimeout", std::to_string(change.hidden.count()));
  Message message = Extract(queue, key);
  message.visible = now + change.hidden;
  message.pop_receipt = NewReceipt();
  if (change.text) message.text = *change.text;
  Insert(queue, message);
  return message;
}

void Queues::Remove(Queue& queue, std::string_view id, std::string_view pop_receipt, WallTime now) {
  Drop(queue, Need(queue, id, pop_receipt, now));
}

void Queues::Clear(Queue& queue) {
  if (storage_.durable()) {
    for (const auto& [id, key] : queue.keys_) storage_.EraseRecord(MessageKey(queue, id));
  }
  queue.messages_.clear();
  queue.keys_.clear();
}

std::size_t Queues::Count(const Queue& queue, WallTime now) const {
  return static_cast<std::size_t>(
      std::count_if(queue.messages_.begin(), queue.messages_.end(),
                    [&](const auto& entry) { return entry.second.expires > now; }));
}

}  // namespace skybridge::localcloud::azure
