// The local cloud's own HTTP interface, on a port of its own:
//   GET    /admin/health        {"status":"ok"}
//   GET    /admin/counts
//   {"operations":{"azure.append":{"requests":..,"bytes_up":..,"bytes_down":..,
//                               "by_status":{"202":..}}},"total":{...}}
//   POST   /admin/reset-counts  204
//   POST   /admin/rules         one rule or an array of rules (shaping.h) -> 204
//   DELETE /admin/rules         forgets all rules -> 204
#pragma once

#include "tests/localcloud/service.h"
#include "tests/localcloud/shaping.h"
#include "tests/localcloud/traffic.h"

namespace skybridge::localcloud {

class AdminService final : public Service {
 public:
  // Both outlive it.
  AdminService(RuleBook& rules, Traffic& traffic) : rules_(rules), traffic_(traffic) {}
  Response Handle(const Request& request) override;

 private:
  Response AddRules(std::string_view body);
  Response Counts() const;

  RuleBook& rules_;
  Traffic& traffic_;
};

}  // namespace skybridge::localcloud
