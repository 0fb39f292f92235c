#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/time_text.h"
#include "tests/localcloud/oci_handlers.h"

namespace skybridge::localcloud::oci {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxWorkRequestsPerPage = 1000;

json Resource(std::string_view action, const std::string& uri) {
  return {{"actionType", action},
          {"entityType", "object"},
          {"identifier", nullptr},
          {"entityUri", uri},
          {"metadata", json::object()}};
}

json Describe(const WorkRequest& work) {
  const std::string time = FormatRfc3339(work.accepted, 3);
  return {
      {"operationType", "COPY_OBJECT"},
      {"status", work.failure ? "FAILED" : "COMPLETED"},
      {"id", work.id},
      {"compartmentId", work.compartment_id},
      {"resources", {Resource("READ", work.source_uri), Resource("WRITTEN", work.destination_uri)}},
      {"percentComplete", work.failure ? 0.0 : 100.0},
      {"timeAccepted", time},
      {"timeStarted", time},
      {"timeFinished", time}};
}

// The work request that the path names: `call.object` is its id.
Outcome<WorkRequest> NeedWorkRequest(OciState& state, const OciCall& call) {
  const MutexLock lock(state.mutex);
  const WorkRequest* work = state.FindWorkRequest(call.object);
  if (work != nullptr) return *work;
  return Refuse(404, "NotAuthorizedOrNotFound",
                fmt::format("There is no work request '{}'", call.object));
}

}  // namespace

Outcome<Response> ListWorkRequests(OciState& state, const OciCall& call) {
  const std::string* compartment = call.query.Find("compartmentId");
  if (compartment == nullptr) return Refuse(400, "MissingParameter", "compartmentId is required");
  const auto limit = OCI_TRY(NumberParameter(call.query, "limit", 1, kMaxWorkRequestsPerPage,
                                             kMaxWorkRequestsPerPage, "InvalidLimit"));
  json body = json::array();
  const MutexLock lock(state.mutex);
  const auto& all = state.work_requests();
  for (auto work = all.rbegin(); work != all.rend() && std::ssize(body) < limit; ++work) {
    if (work->compartment_id == *compartment) body.push_back(Describe(*work));
  }
  return JsonResponse(200, body.dump());
}

Outcome<Response> GetWorkRequest(OciState& state, const OciCall& call) {
  const WorkRequest work = OCI_TRY(NeedWorkRequest(state, call));
  Response response = JsonResponse(200, Describe(work).dump());
  response.headers.Add("retry-after", "1");
  return response;
}

Outcome<Response> CancelWorkRequest(OciState& state, const OciCall& call) {
  const WorkRequest work = OCI_TRY(NeedWorkRequest(state, call));
  return Refuse(409, "NotCancelable", fmt::format("Work request {} is over.", work.id));
}

Outcome<Response> ListWorkRequestErrors(OciState& state, const OciCall& call) {
  const WorkRequest work = OCI_TRY(NeedWorkRequest(state, call));
  json body = json::array();
  if (work.failure) {
    body.push_back({{"code", work.failure->code},
                    {"message", work.failure->message},
                    {"timestamp", FormatRfc3339(work.accepted, 3)}});
  }
  return JsonResponse(200, body.dump());
}

Outcome<Response> ListWorkRequestLogs(OciState& state, const OciCall& call) {
  const WorkRequest work = OCI_TRY(NeedWorkRequest(state, call));
  const std::string message = work.failure ? "The copy failed" : "The copy is complete";
  return JsonResponse(
      200,
      json::array({{{"message", message}, {"timestamp", FormatRfc3339(work.accepted, 3)}}}).dump());
}

}  // namespace skybridge::localcloud::oci
