#include "tests/localcloud/azure_lease.h"

#include <algorithm>

#include <fmt/format.h>

#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

using std::chrono::seconds;

std::string Need(const HttpHeaders& headers, std::string_view name) {
  std::string value(headers.Get(name));
  if (value.empty()) RefuseNoHeader(std::string(name));
  return value;
}

std::string ProposedId(const HttpHeaders& headers, bool needed) {
  const std::string id = needed ? Need(headers, "x-ms-proposed-lease-id")
                                : std::string(headers.Get("x-ms-proposed-lease-id"));
  if (id.empty()) return NewGuid();
  if (!IsGuid(id)) RefuseHeader("x-ms-proposed-lease-id", id);
  return Lower(id);
}

std::string Suffix(Leased what) {
  if (what == Leased::kPath) return "";
  return what == Leased::kBlob ? "WithBlobOperation" : "WithContainerOperation";
}

Response Reply(int status, const std::string& id) {
  Response response{.status = status};
  if (!id.empty()) response.headers.Add("x-ms-lease-id", id);
  return response;
}

}  // namespace

LeaseState Lease::state(WallTime now) const {
  if (id_.empty()) return LeaseState::kAvailable;
  if (broken_at_) return now >= *broken_at_ ? LeaseState::kBroken : LeaseState::kBreaking;
  if (duration_ && now >= expires_) return LeaseState::kExpired;
  return LeaseState::kLeased;
}

Response Lease::Act(const HttpHeaders& headers, WallTime now) {
  const std::string action = Need(headers, "x-ms-lease-action");
  if (action == "acquire") return Acquire(headers, now);
  if (action == "renew") return Renew(headers, now);
  if (action == "change") return Change(headers, now);
  if (action == "release") return Release(headers, now);
  if (action == "break") return Break(headers, now);
  RefuseHeader("x-ms-lease-action", action);
}

Response Lease::Acquire(const HttpHeaders& headers, WallTime now) {
  const std::string text = Need(headers, "x-ms-lease-duration");
  const auto number = ParseNumber(text);
  if (text != "-1" && (!number || *number < 15 || *number > 60))
    RefuseHeader("x-ms-lease-duration", text);
  const std::string id = ProposedId(headers, /*needed=*/false);
  const LeaseState now_state = state(now);
  if (now_state == LeaseState::kBreaking) {
    Refuse(409, id == id_ ? "LeaseIsBreakingAndCannotBeAcquired" : "LeaseAlreadyPresent",
           "There is already a lease present.");
  }
  if (now_state == LeaseState::kLeased && id != id_)
    Refuse(409, "LeaseAlreadyPresent", "There is already a lease present.");
  id_ = id;
  broken_at_.reset();
  duration_.reset();
  if (number) duration_ = seconds(*number);
  expires_ = now + duration_.value_or(seconds(0));
  return Reply(201, id_);
}

void Lease::RequireSameId(const HttpHeaders& headers) const {
  const std::string id = Lower(Need(headers, "x-ms-lease-id"));
  if (id_.empty()) {
    Refuse(409, "LeaseNotPresentWithLeaseOperation",
           "There is currently no lease on the resource.");
  }
  if (id != id_) {
    Refuse(409, "LeaseIdMismatchWithLeaseOperation",
           "The lease ID specified did not match the lease ID for the resource.");
  }
}

Response Lease::Renew(const HttpHeaders& headers, WallTime now) {
  RequireSameId(headers);
  if (broken_at_)
    Refuse(409, "LeaseIsBrokenAndCannotBeRenewed",
           "The lease ID matched, but the lease has been broken.");
  expires_ = now + duration_.value_or(seconds(0));
  return Reply(200, id_);
}

Response Lease::Change(const HttpHeaders& headers, WallTime now) {
  const std::string proposed = ProposedId(headers, /*needed=*/true);
  const LeaseState now_state = state(now);
  if (now_state == LeaseState::kBreaking) {
    Refuse(409, "LeaseIsBreakingAndCannotBeChanged",
           "The lease ID matched, but the lease is currently in breaking state.");
  }
  if (now_state != LeaseState::kLeased) {
    Refuse(409, "LeaseNotPresentWithLeaseOperation",
           "There is currently no lease on the resource.");
  }
  if (Lower(Need(headers, "x-ms-lease-id")) != id_ && proposed != id_) {
    Refuse(409, "LeaseIdMismatchWithLeaseOperation",
           "The lease ID specified did not match the lease ID for the resource.");
  }
  id_ = proposed;
  return Reply(200, id_);
}

Response Lease::Release(const HttpHeaders& headers, WallTime) {
  RequireSameId(headers);
  Clear();
  return Reply(200, "");
}

Response Lease::Break(const HttpHeaders& headers, WallTime now) {
  const std::string text(headers.Get("x-ms-lease-break-period"));
  const auto period = ParseNumber(text);
  if (!text.empty() && (!period || *period > 60)) RefuseHeader("x-ms-lease-break-period", text);
  const LeaseState now_state = state(now);
  if (now_state == LeaseState::kAvailable) {
    Refuse(409, "LeaseNotPresentWithLeaseOperation",
           "There is currently no lease on the resource.");
  }
  // What is left of a finite lease, unless a shorter period is asked for; an infinite lease ends at
  // once or after it.
  WallTime end = now;
  if (now_state == LeaseState::kLeased && duration_) end = expires_;
  if (now_state == LeaseState::kBreaking) end = *broken_at_;
  if (period && now_state == LeaseState::kLeased) {
    const WallTime asked = now + seconds(*period);
    end = duration_ ? std::min(end, asked) : asked;
  }
  broken_at_ = end;
  Response response = Reply(202, "");
  const auto left = std::chrono::ceil<seconds>(std::max(end - now, std::chrono::nanoseconds(0)));
  response.headers.Add("x-ms-lease-time", std::to_string(left.count()));
  return response;
}

void Lease::CheckWrite(const HttpHeaders& headers, WallTime now, Leased what) const {
  CheckRead(headers, now, what);
  if (active(now) && headers.Get("x-ms-lease-id").empty()) {
    Refuse(
        412, "LeaseIdMissing",
        "There is currently a lease on the resource and no lease ID was specified in the request.");
  }
}

void Lease::CheckRead(const HttpHeaders& headers, WallTime now, Leased what) const {
  const std::string id = Lower(headers.Get("x-ms-lease-id"));
  if (id.empty()) return;
  if (!active(now)) {
    const LeaseState now_state = state(now);
    const bool lost = now_state == LeaseState::kExpired || now_state == LeaseState::kBroken;
    Refuse(412, lost ? "LeaseLost" : "LeaseNotPresent" + Suffix(what),
           "A lease ID was specified, but the lease for the resource has expired or is not there.");
  }
  if (id != id_) {
    Refuse(412, "LeaseIdMismatch" + Suffix(what),
           "The lease ID specified did not match the lease ID for the resource.");
  }
}

LeaseAfterWrite WriteUnderLease(const Lease& lease, const HttpHeaders& headers, WallTime now,
                                WriteKind kind) {
  const std::string action(headers.Get("x-ms-lease-action"));
  const bool acquires = action == "acquire" || action == "acquire-release";
  const bool releases = action == "release" || action == "acquire-release";
  const bool renews = action == "auto-renew";
  const bool known = action.empty() || acquires || releases || renews;
  if (!known || (releases && kind != WriteKind::kFlush)) RefuseHeader("x-ms-lease-action", action);
  LeaseAfterWrite after{.lease = lease, .renewed = renews};
  if (acquires) {
    Need(headers, "x-ms-proposed-lease-id");
    after.lease.Acquire(headers, now);
  } else {
    if (releases || renews) Need(headers, "x-ms-lease-id");
    lease.CheckWrite(headers, now, Leased::kPath);
  }
  if (renews) after.lease.Renew(headers, now);
  if (releases) after.lease.Clear();
  return after;
}

std::string_view Lease::StateName(WallTime now) const {
  switch (state(now)) {
    case LeaseState::kAvailable:
      return "available";
    case LeaseState::kLeased:
      return "leased";
    case LeaseState::kExpired:
      return "expired";
    case LeaseState::kBreaking:
      return "breaking";
    case LeaseState::kBroken:
      return "broken";
  }
  return "available";
}

std::string_view Lease::DurationName(WallTime now) const {
  if (state(now) != LeaseState::kLeased) return "";
  return duration_ ? "fixed" : "infinite";
}

void Lease::Describe(HttpHeaders& headers, WallTime now) const {
  headers.Add("x-ms-lease-state", std::string(StateName(now)));
  headers.Add("x-ms-lease-status", std::string(StatusName(now)));
  if (!DurationName(now).empty())
    headers.Add("x-ms-lease-duration", std::string(DurationName(now)));
}

std::string Lease::ToRecord() const {
  if (id_.empty()) return {};
  return fmt::format("{} {} {} {}", id_, duration_ ? duration_->count() : -1,
                     expires_.time_since_epoch().count(),
                     broken_at_ ? broken_at_->time_since_epoch().count() : -1);
}

Lease Lease::FromRecord(const std::string& record) {
  Lease lease;
  const std::vector<std::string_view> fields = Split(record, ' ');
  if (fields.size() != 4) return lease;
  const auto nanoseconds = [](std::string_view text) {
    return WallTime(std::chrono::nanoseconds(std::strtoll(std::string(text).c_str(), nullptr, 10)));
  };
  lease.id_ = fields[0];
  if (const auto duration = ParseNumber(fields[1])) lease.duration_ = seconds(*duration);
  lease.expires_ = nanoseconds(fields[2]);
  if (fields[3] != "-1") lease.broken_at_ = nanoseconds(fields[3]);
  return lease;
}

}  // namespace skybridge::localcloud::azure
