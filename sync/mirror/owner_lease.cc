#include "sync/mirror/owner_lease.h"

#include <algorithm>
#include <array>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/mutex.h"

namespace skybridge {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxLeaseBytes = 16'384;
constexpr std::chrono::seconds kLongestLease{86'400};

ObjectKey LeaseKey(const ObjectKey& root) {
  return root.child(kMirrorDirectory).child("mirror.lease");
}

// A lease as it lies at the destination.
struct HeldLease {
  ETag etag;
  WallTime renewed{};  // the store's time
  LeaseOwner owner;
  std::chrono::seconds holds_for{0};
};

std::string Write(const LeaseOwner& owner, std::chrono::seconds holds_for) {
  const json text{{"format", 1},
                  {"mirror", owner.mirror},
                  {"machine", owner.machine},
                  {"host", owner.host},
                  {"state", owner.state},
                  {"from", owner.from},
                  {"to", owner.to},
                  {"holds_for_seconds", holds_for.count()}};
  return text.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

Status Read(std::string_view text, HeldLease& into) {
  const json lease = json::parse(text, nullptr, false);
  const auto word = [&lease](const char* key) {
    return lease.contains(key) && lease[key].is_string() ? lease[key].get<std::string>() : "";
  };
  const bool is_lease = lease.is_object() && lease.contains("holds_for_seconds") &&
                        lease["holds_for_seconds"].is_number_unsigned();
  if (!is_lease) {
    return Fail(ErrorCode::kCorrupt,
                "the lease object is not one of skybridge; remove it if no mirror writes there");
  }
  into.owner = {.mirror = word("mirror"),
                .machine = word("machine"),
                .host = word("host"),
                .state = word("state"),
                .from = word("from"),
                .to = word("to")};
  // A number that somebody else wrote: a lease never holds for more than a day.
  into.holds_for = std::min(std::chrono::seconds(lease["holds_for_seconds"].get<std::uint32_t>()),
                            kLongestLease);
  return {};
}

// Nothing if there is no lease.
Result<std::optional<HeldLease>> Look(ObjectStore& store, const ObjectKey& root,
                                      const CallContext& context) {
  const auto info = store.Head(LeaseKey(root), context);
  if (!info && info.error().code == ErrorCode::kNotFound) return std::optional<HeldLease>();
  if (!info) return Fail(info.error());
  HeldLease lease{.etag = info->etag, .renewed = info->last_modified};
  std::array<std::byte, kMaxLeaseBytes> bytes{};
  const auto got = TRY(store.Get(
      {.key = LeaseKey(root), .range = {0, bytes.size()}, .if_match = info->etag}, bytes, context));
  TRY_VOID(Read({reinterpret_cast<const char*>(bytes.data()), got.bytes_received}, lease));
  return std::optional(std::move(lease));
}

// By the store's clock; one minute more, because Last-Modified and Date may come from two servers.
Result<bool> HasExpired(ObjectStore& store, const HeldLease& lease, const CallContext& context) {
  const ProbeReply probe = TRY(store.Probe(context));
  return probe.server_time > lease.renewed + lease.holds_for + std::chrono::minutes(1);
}

std::string Describe(const HeldLease& lease) {
  return fmt::format("mirror '{}' of machine {} (from {} to {})", lease.owner.mirror,
                     lease.owner.host, lease.owner.from, lease.owner.to);
}

class Lease final : public OwnerLease {
 public:
  Lease(const LeaseRequest& request, ETag etag)
      : request_(request),
        key_(LeaseKey(request.root)),
        renewed_(request.clock.Now()),
        etag_(std::move(etag)),
        renewing_([this](const std::stop_token& stop) { Renew(stop); }) {}

  ~Lease() override {
    renewing_.request_stop();
    renewing_.join();
    if (!state()) return;
    // It expires by itself if this fails.
    (void)request_.destination.Delete({.key = key_, .if_match = etag_},
                                      {.deadline = request_.clock.Now() + kReleaseTimeout});
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  std::stop_token lost() const override { return lost_.get_token(); }
  Status state() const override {
    const MutexLock lock(mutex_);
    return state_;
  }

 private:
  static constexpr std::chrono::seconds kReleaseTimeout{10};

  void Renew(const std::stop_token& stop) {
    const auto interval = std::chrono::nanoseconds(request_.holds_for) / 3;
    while (request_.clock.SleepUntil(request_.clock.Now() + interval, stop)) {
      const MonotonicTime now = request_.clock.Now();
      const auto put = request_.destination.Put({.key = key_,
                                                 .body = AsBytes(text_),
                                                 .attributes = {},
                                                 .conditions = {.if_match = etag_}},
                                                {.deadline = now + interval, .stop = stop});
      if (put) {
        etag_ = put->etag;
        renewed_ = now;
      } else if (IsTaken(put.error())) {
        return Lose({.code = ErrorCode::kLocked,
                     .message = "another mirror has taken the lease of the destination"});
      } else if (request_.clock.Now() >= renewed_ + request_.holds_for) {
        return Lose(put.error());
      }
    }
  }

  static bool IsTaken(const Error& error) {
    return error.code == ErrorCode::kPreconditionFailed || error.code == ErrorCode::kNotFound;
  }

  void Lose(Error why) {
    {
      const MutexLock lock(mutex_);
      state_ = Fail(std::move(why));
    }
    lost_.request_stop();
  }

  const LeaseRequest request_;
  const ObjectKey key_;
  const std::string text_ = Write(request_.owner, request_.holds_for);
  MonotonicTime renewed_;
  ETag etag_;  // of the renewing thread alone, and of the destructor behind it
  std::stop_source lost_;
  mutable Mutex mutex_;  // guards what follows
  Status state_ GUARDED_BY(mutex_);
  std::jthread renewing_;  // last: it uses everything above
};

constexpr int kAttempts = 3;

bool SomebodyWasFaster(const Error& error) {
  return error.code == ErrorCode::kPreconditionFailed || error.code == ErrorCode::kAlreadyExists;
}

Result<std::unique_ptr<OwnerLease>> TakeOnce(const LeaseRequest& request,
                                             const CallContext& context) {
  ObjectStore& store = request.destination;
  const std::optional<HeldLease> held = TRY(Look(store, request.root, context));
  Conditions conditions{.must_not_exist = !held};
  if (held) {
    const bool is_ours =
        held->owner.machine == request.owner.machine && held->owner.state == request.owner.state;
    if (!is_ours && !TRY(HasExpired(store, *held, context))) {
      return Fail(ErrorCode::kLocked,
                  fmt::format("the destination belongs to {}; one mirror writes there at a time",
                              Describe(*held)));
    }
    conditions.if_match = held->etag;
  }
  const std::string text = Write(request.owner, request.holds_for);
  const ObjectInfo put = TRY(store.Put({.key = LeaseKey(request.root),
                                        .body = AsBytes(text),
                                        .attributes = {},
                                        .conditions = conditions},
                                       context));
  return std::unique_ptr<OwnerLease>(std::make_unique<Lease>(request, put.etag));
}

}  // namespace

Result<std::unique_ptr<OwnerLease>> OwnerLease::Take(const LeaseRequest& request,
                                                     const CallContext& context) {
  for (int attempt = 1;; ++attempt) {
    auto lease = TakeOnce(request, context);
    if (lease || !SomebodyWasFaster(lease.error())) return lease;
    // The last request of a process of this owner that was killed may arrive only now.
    if (attempt == kAttempts) {
      return Fail(ErrorCode::kLocked, "another mirror has just taken the lease of the destination");
    }
  }
}

Status CheckNoCycle(ObjectStore& source, const ObjectKey& root, const LeaseOwner& owner,
                    const CallContext& context) {
  const std::optional<HeldLease> held = TRY(Look(source, root, context));
  if (!held || held->owner.from != owner.to) return {};
  if (TRY(HasExpired(source, *held, context))) return {};
  return Fail(ErrorCode::kConflict,
              fmt::format("the source is the destination of {}, which copies from here: a cycle",
                          Describe(*held)));
}

}  // namespace skybridge
