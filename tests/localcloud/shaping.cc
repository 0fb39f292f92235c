#include "tests/localcloud/shaping.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace skybridge::localcloud {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<std::string_view, Fault>, 7> kFaultNames{{
    {"status", Fault::kStatus},
    {"reset_before", Fault::kResetBefore},
    {"reset_after", Fault::kResetAfter},
    {"half_body", Fault::kHalfBody},
    {"stall", Fault::kStall},
    {"flip_download", Fault::kFlipDownload},
    {"flip_upload", Fault::kFlipUpload},
}};

bool Matches(const Rule& rule, std::string_view operation, std::string_view method,
             std::string_view raw_target) {
  return (rule.operation.empty() || rule.operation == operation) &&
         (rule.method.empty() || rule.method == method) &&
         raw_target.find(rule.path) != std::string_view::npos;
}

std::uint64_t LowerRate(std::uint64_t a, std::uint64_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

void Apply(const Rule& rule, Shaping& shaping) {
  shaping.delay += rule.delay;
  shaping.download_bytes_per_second =
      LowerRate(shaping.download_bytes_per_second, rule.download_bytes_per_second);
  shaping.upload_bytes_per_second =
      LowerRate(shaping.upload_bytes_per_second, rule.upload_bytes_per_second);
  shaping.clock_skew += rule.clock_skew;
  shaping.expire_tokens |= rule.expire_tokens;
  if (shaping.fault != Fault::kNone || rule.fault == Fault::kNone) return;
  shaping.fault = rule.fault;
  shaping.status = rule.status;
  shaping.code = rule.code;
  shaping.retry_after = rule.retry_after;
  shaping.act_first = rule.act_first;
  shaping.stall = rule.stall;
}

// Reads fields out of one JSON object, remembers the first complaint and which names it knew.
class FieldReader {
 public:
  explicit FieldReader(const Json& object) : object_(object) {}

  void Text(const char* name, std::string& into) {
    if (const Json* value = Field(name)) {
      if (value->is_string()) {
        into = value->get<std::string>();
      } else {
        Complain(name, "a string");
      }
    }
  }
  void Flag(const char* name, bool& into) {
    if (const Json* value = Field(name)) {
      if (value->is_boolean()) {
        into = value->get<bool>();
      } else {
        Complain(name, "true or false");
      }
    }
  }
  std::optional<std::int64_t> Number(const char* name, std::int64_t least) {
    const Json* value = Field(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_integer() || value->get<std::int64_t>() < least) {
      Complain(name, "a whole number in range");
      return std::nullopt;
    }
    return value->get<std::int64_t>();
  }
  void Complain(std::string_view name, std::string_view wanted) {
    if (complaint_.empty())
      complaint_ = "rule: '" + std::string(name) + "' must be " + std::string(wanted);
  }
  Status Finish() {
    for (const auto& item : object_.items()) {
      if (!known_.contains(item.key()) && complaint_.empty())
        complaint_ = "rule: unknown field '" + item.key() + "'";
    }
    if (!complaint_.empty()) return Fail(ErrorCode::kInvalidArgument, complaint_);
    return {};
  }

 private:
  const Json* Field(const char* name) {
    known_.insert(name);
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }

  const Json& object_;
  std::set<std::string> known_;
  std::string complaint_;
};

void ReadFaultName(FieldReader& reader, const std::string& name, Rule& rule) {
  const auto found = std::find_if(kFaultNames.begin(), kFaultNames.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (found == kFaultNames.end()) {
    reader.Complain("fault", "one of the known faults");
    return;
  }
  rule.fault = found->second;
  if (rule.fault == Fault::kStatus && rule.status == 0)
    reader.Complain("status", "given with this fault");
}

void ReadFault(FieldReader& reader, Rule& rule) {
  std::string name;
  reader.Text("fault", name);
  reader.Text("code", rule.code);
  if (const auto status = reader.Number("status", 100))
    rule.status = static_cast<int>(std::min<std::int64_t>(*status, 599));
  if (name.empty()) {
    rule.fault = rule.status == 0 ? Fault::kNone : Fault::kStatus;
  } else {
    ReadFaultName(reader, name, rule);
  }
  if (!rule.code.empty() && rule.fault != Fault::kStatus)
    reader.Complain("code", "given with a status");
}

}  // namespace

void RuleBook::Add(Rule rule) {
  MutexLock lock(mutex_);
  const auto allowed = static_cast<double>(rule.allowed_per_second);
  entries_.push_back({.rule = std::move(rule), .allowed = allowed});
}

void RuleBook::Clear() {
  MutexLock lock(mutex_);
  entries_.clear();
}

bool RuleBook::IsAllowed(Entry& entry, Clock::time_point now) {
  const auto limit = static_cast<double>(entry.rule.allowed_per_second);
  const std::chrono::duration<double> since = now - std::exchange(entry.counted_at, now);
  entry.allowed = std::min(limit, entry.allowed + limit * since.count());
  if (entry.allowed < 1) return false;
  entry.allowed -= 1;
  return true;
}

Shaping RuleBook::Match(std::string_view operation, std::string_view method,
                        std::string_view raw_target, Clock::time_point now) {
  Shaping shaping;
  MutexLock lock(mutex_);
  for (Entry& entry : entries_) {
    if (!Matches(entry.rule, operation, method, raw_target)) continue;
    const std::uint64_t turn = entry.matched++;
    if (turn < entry.rule.after) continue;
    if (entry.rule.count && turn - entry.rule.after >= *entry.rule.count) continue;
    if (entry.rule.allowed_per_second > 0 && IsAllowed(entry, now)) continue;
    Apply(entry.rule, shaping);
  }
  return shaping;
}

Result<Rule> ParseRule(std::string_view json) {
  const Json object = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return Fail(ErrorCode::kInvalidArgument, "rule: not a JSON object");
  constexpr std::int64_t kAnyNumber = std::numeric_limits<std::int64_t>::min();
  FieldReader reader(object);
  Rule rule;
  reader.Text("operation", rule.operation);
  reader.Text("method", rule.method);
  reader.Text("path", rule.path);
  rule.after = static_cast<std::uint64_t>(reader.Number("after", 0).value_or(0));
  if (const auto count = reader.Number("count", 1)) rule.count = static_cast<std::uint64_t>(*count);
  rule.allowed_per_second =
      static_cast<std::uint64_t>(reader.Number("allowed_per_second", 0).value_or(0));
  rule.delay = std::chrono::milliseconds(reader.Number("delay_ms", 0).value_or(0));
  rule.download_bytes_per_second =
      static_cast<std::uint64_t>(reader.Number("download_bytes_per_second", 0).value_or(0));
  rule.upload_bytes_per_second =
      static_cast<std::uint64_t>(reader.Number("upload_bytes_per_second", 0).value_or(0));
  ReadFault(reader, rule);
  if (const auto wait = reader.Number("retry_after_seconds", 0))
    rule.retry_after = std::chrono::seconds(*wait);
  reader.Flag("act_first", rule.act_first);
  rule.stall = std::chrono::milliseconds(reader.Number("stall_ms", 0).value_or(0));
  rule.clock_skew =
      std::chrono::seconds(reader.Number("clock_skew_seconds", kAnyNumber).value_or(0));
  reader.Flag("expire_tokens", rule.expire_tokens);
  TRY_VOID(reader.Finish());
  return rule;
}

}  // namespace skybridge::localcloud
