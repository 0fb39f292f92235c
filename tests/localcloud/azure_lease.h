// A lease on a blob or path: who holds it and what each lease action does.
// Source: Azure REST: Lease Blob (the table of outcomes by state), Path - Lease.
#pragma once

#include <optional>
#include <string>

#include "core/clock.h"
#include "tests/localcloud/service.h"

namespace skybridge::localcloud::azure {

// What is leased: the codes of refusals name it.
enum class Leased { kPath, kBlob, kContainer };

enum class LeaseState { kAvailable, kLeased, kExpired, kBreaking, kBroken };

class Lease {
 public:
  LeaseState state(WallTime now) const;
  bool active(WallTime now) const {
    return state(now) == LeaseState::kLeased || state(now) == LeaseState::kBreaking;
  }

  // Carries out x-ms-lease-action; the reply has status and lease headers. Throws Refusal.
  Response Act(const HttpHeaders& headers, WallTime now);
  Response Acquire(const HttpHeaders& headers, WallTime now);
  Response Renew(const HttpHeaders& headers, WallTime now);
  // For a write (which must name the lease of a leased path) and for any request that names a
  // lease. Throws Refusal.
  void CheckWrite(const HttpHeaders& headers, WallTime now, Leased what) const;
  void CheckRead(const HttpHeaders& headers, WallTime now, Leased what) const;
  // x-ms-lease-state, x-ms-lease-status, x-ms-lease-duration.
  void Describe(HttpHeaders& headers, WallTime now) const;
  std::string_view StateName(WallTime now) const;
  std::string_view DurationName(WallTime now) const;  // "" unless leased
  std::string_view StatusName(WallTime now) const { return active(now) ? "locked" : "unlocked"; }
  void Clear() { *this = Lease(); }

  std::string ToRecord() const;  // "" when there never was one
  static Lease FromRecord(const std::string& record);

 private:
  Response Change(const HttpHeaders& headers, WallTime now);
  Response Release(const HttpHeaders& headers, WallTime now);
  Response Break(const HttpHeaders& headers, WallTime now);
  void RequireSameId(const HttpHeaders& headers) const;

  std::string id_;                                // "" when there is none
  std::optional<std::chrono::seconds> duration_;  // none: infinite
  WallTime expires_{};                            // of a finite lease
  std::optional<WallTime> broken_at_;             // set once a break began
};

// What is left of `lease` once a write with these headers (x-ms-lease-action among them) is done:
// acquired, renewed or released with it. Throws Refusal when the lease forbids the write.
// Source: Azure REST: Path - Update, x-ms-lease-action.
struct LeaseAfterWrite {
  Lease lease;
  bool renewed = false;
};
enum class WriteKind { kAppend, kFlush };  // only a flush releases
LeaseAfterWrite WriteUnderLease(const Lease& lease, const HttpHeaders& headers, WallTime now,
                                WriteKind kind);

}  // namespace skybridge::localcloud::azure
