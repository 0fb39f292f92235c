// UnwrittenChanges: the newest changes of a database, in memory, while its disk has no room for
// them.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace skybridge::cache {

// Not safe from many threads. The owner asks `bytes()` before it adds more.
class UnwrittenChanges {
 public:
  // The value of each key; nothing: the key is removed.
  using Map = std::map<std::string, std::optional<std::string>, std::less<>>;

  void Set(std::string_view key, std::optional<std::string> value) {
    const auto [at, is_new] = changes_.try_emplace(std::string(key));
    bytes_ -= is_new ? 0 : SizeOf(*at);
    at->second = std::move(value);
    bytes_ += SizeOf(*at);
  }
  void Clear() {
    changes_.clear();
    bytes_ = 0;
  }

  const Map& changes() const { return changes_; }
  bool empty() const { return changes_.empty(); }
  std::size_t bytes() const { return bytes_; }

 private:
  // A node of the map and its two strings take about this much beside their text.
  static constexpr std::size_t kNodeBytes = 128;
  static std::size_t SizeOf(const Map::value_type& change) {
    return kNodeBytes + change.first.size() + (change.second ? change.second->size() : 0);
  }

  Map changes_;
  std::size_t bytes_ = 0;
};

}  // namespace skybridge::cache
