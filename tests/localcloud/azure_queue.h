// The message queues of one storage account: what is in them and who may see it when, kept in a
// Storage like everything else of the account. AzureService's mutex guards it.
// Source: Azure REST: Queue service; Azure: Scalability targets for Queue storage.
//
// Records (keys begin with "azure/ACCOUNT/"):
//   q/NAME       a queue: its metadata
//   m/NAME/ID    a message
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "tests/localcloud/azure_node.h"
#include "tests/localcloud/storage.h"

namespace skybridge::localcloud::azure {

struct Message {
  std::string id;
  std::string text;
  WallTime inserted{};
  WallTime expires{};
  WallTime visible{};       // hidden before
  std::string pop_receipt;  // changes with every Take and Update
  std::uint64_t dequeue_count = 0;
  std::uint64_t sequence = 0;  // in the order of arrival
};

class Queue {
 public:
  explicit Queue(std::string name) : name_(std::move(name)) {}
  const std::string& name() const { return name_; }
  Metadata metadata;

 private:
  friend class Queues;
  // When it can be seen, then when it came: what can be seen now stands in front.
  using Key = std::pair<WallTime, std::uint64_t>;

  std::string name_;
  std::map<Key, Message> messages_;
  std::map<std::string, Key, std::less<>> keys_;  // by id
};

class Queues {
 public:
  static constexpr std::chrono::seconds kDefaultLife{7 * 24 * 3600};

  // `prefix` is what the account's records begin with. Loads what `storage` (which outlives it)
  // has.
  Queues(std::string prefix, Storage& storage);

  const std::map<std::string, Queue, std::less<>>& all() const { return queues_; }
  Queue* Find(std::string_view name);  // nullptr when there is none
  Queue& Create(std::string_view name, Metadata metadata);
  void Save(const Queue& queue);  // after its metadata was changed
  void Delete(Queue& queue);

  struct NewMessage {
    std::string text;
    std::chrono::seconds hidden{0};
    std::optional<std::chrono::seconds> life = kDefaultLife;  // none: for ever
  };
  Message Put(Queue& queue, NewMessage message, WallTime now);
  // Up to `count` of the visible messages, which nobody else sees for as long as `hidden`.
  std::vector<Message> Take(Queue& queue, std::size_t count, std::chrono::seconds hidden,
                            WallTime now);
  std::vector<Message> Peek(Queue& queue, std::size_t count, WallTime now);
  // The next two throw Refusal 404 MessageNotFound or 400 PopReceiptMismatch.
  struct Change {
    std::string id;
    std::string pop_receipt;
    std::chrono::seconds hidden{0};
    std::optional<std::string> text = std::nullopt;  // none: as it was
  };
  Message Update(Queue& queue, const Change& change, WallTime now);
  void Remove(Queue& queue, std::string_view id, std::string_view pop_receipt, WallTime now);
  void Clear(Queue& queue);
  // Hidden ones too.
  std::size_t Count(const Queue& queue, WallTime now) const;

 private:
  std::string MessageKey(const Queue& queue, std::string_view id) const;
  void Insert(Queue& queue, Message message);  // and saves it
  Message Extract(Queue& queue, Queue::Key key);
  void Drop(Queue& queue, Queue::Key key);  // with its record
  // The key of the message that `pop_receipt` is of.
  Queue::Key Need(Queue& queue, std::string_view id, std::string_view pop_receipt, WallTime now);
  void Load();

  const std::string prefix_;
  Storage& storage_;
  std::map<std::string, Queue, std::less<>> queues_;
  std::uint64_t next_sequence_ = 1;
};

}  // namespace skybridge::localcloud::azure
