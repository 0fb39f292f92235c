#include "tests/localcloud/admin_service.h"

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace skybridge::localcloud {
namespace {

using Json = nlohmann::json;

Response JsonResponse(int status, const Json& body) {
  Response response{.status = status, .body = body.dump(), .operation = "admin"};
  response.headers.Add("Content-Type", "application/json");
  return response;
}

Response NoContent() { return {.status = 204, .operation = "admin"}; }

Json ToJson(const TrafficCount& count) {
  Json by_status = Json::object();
  for (const auto& [status, requests] : count.by_status)
    by_status[std::to_string(status)] = requests;
  return {{"requests", count.requests},
          {"bytes_up", count.bytes_up},
          {"bytes_down", count.bytes_down},
          {"by_status", std::move(by_status)}};
}

void AddTo(TrafficCount& total, const TrafficCount& count) {
  total.requests += count.requests;
  total.bytes_up += count.bytes_up;
  total.bytes_down += count.bytes_down;
  for (const auto& [status, requests] : count.by_status) total.by_status[status] += requests;
}

}  // namespace

Response AdminService::Handle(const Request& request) {
  const std::string route = request.method + " " + request.raw_path;
  if (route == "GET /admin/health") return JsonResponse(200, {{"status", "ok"}});
  if (route == "GET /admin/counts") return Counts();
  if (route == "GET /admin/memory")
    return JsonResponse(200, {{"held_bytes", storage_.held_bytes()}});
  if (route == "POST /admin/rules") return AddRules(request.body);
  if (route == "DELETE /admin/rules") {
    rules_.Clear();
    return NoContent();
  }
  if (route == "POST /admin/reset-counts") {
    traffic_.Reset();
    return NoContent();
  }
  return JsonResponse(404, {{"error", "no such admin call: " + route}});
}

Response AdminService::AddRules(std::string_view body) {
  const Json parsed = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const Json list = parsed.is_array() ? parsed : Json::array({parsed});
  std::vector<Rule> rules;
  for (const Json& item : list) {
    Result<Rule> rule = ParseRule(item.dump());
    if (!rule) return JsonResponse(400, {{"error", rule.error().message}});
    rules.push_back(*std::move(rule));
  }
  for (Rule& rule : rules) rules_.Add(std::move(rule));
  return NoContent();
}

Response AdminService::Counts() const {
  Json operations = Json::object();
  TrafficCount total;
  for (const auto& [operation, count] : traffic_.All()) {
    operations[operation] = ToJson(count);
    AddTo(total, count);
  }
  return JsonResponse(200, {{"operations", std::move(operations)}, {"total", ToJson(total)}});
}

}  // namespace skybridge::localcloud
