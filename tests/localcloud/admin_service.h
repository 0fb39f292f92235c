// The local cloud's own HTTP interface, on a port of its own:
//   GET    /admin/health        {"status":"ok"}
//   GET    /admin/counts
//   {"operations":{"azure.append":{"requests":..,"bytes_up":..,"bytes_down":..,
//                               "by_status":{"202":..}}},"total":{...}}
//   POST   /admin/reset-counts  204
//   GET    /admin/memory        {"held_bytes":..}: of all bodies that are kept
//   POST   /admin/rules         one rule or an array of rules (shaping.h) -> 204
//   DELETE /admin/rules         forgets all rules -> 204
#pragma once

#include "tests/localcloud/service.h"
#include "tests/localcloud/shaping.h"
#include "tests/localcloud/storage.h"
#include "tests/localcloud/traffic.h"

namespace skybridge::localcloud {

class AdminService final : public Service {
 public:
  // All three outlive it.
  AdminService(RuleBook& rules, Traffic& traffic, const Storage& storage)
      : rules_(rules), traffic_(traffic), storage_(storage) {}
  Response Handle(const Request& request) override;

 private:
  Response AddRules(std::string_view body);
  Response Counts() const;

  RuleBook& rules_;
  Traffic& traffic_;
  const Storage& storage_;
};

}  // namespace skybridge::localcloud
