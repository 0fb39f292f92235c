// Secret: a key, password or token that cannot be printed by mistake. Use it for every value that
// must not reach a log.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace skybridge {

// The bytes live on the heap only and are overwritten with zeros before they are freed. There is no
// conversion to text, no comparison and no output: who needs the value says Reveal(), and hands it
// on to nothing that prints.
class Secret {
 public:
  Secret() = default;
  // `value` is wiped: pass the only copy with std::move.
  explicit Secret(std::string&& value);
  explicit Secret(std::string_view value) : bytes_(value.begin(), value.end()) {}
  Secret(const Secret&) = default;
  Secret(Secret&&) noexcept = default;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { Wipe(); }

  bool empty() const { return bytes_.empty(); }
  // Valid while this Secret lives and is not assigned to.
  std::string_view Reveal() const { return {bytes_.data(), bytes_.size()}; }

 private:
  void Wipe();

  std::vector<char> bytes_;
};

std::ostream& operator<<(std::ostream& out, const Secret& secret) = delete;

}  // namespace skybridge
