#include "cli/doctor_command.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <ostream>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cache/cache_directory.h"
#include "cli/mount_stack.h"
#include "cli/place.h"
#include "core/file_descriptor.h"
#include "core/units.h"

namespace skybridge::cli {
namespace {

// OCI refuses requests whose time is more than 5 minutes off, Azure 15 minutes; certificates and
// tokens fail earlier.
constexpr std::chrono::minutes kAllowedSkew{2};

// Prints each check as it ends, and remembers the first that failed.
class Checklist {
 public:
  Checklist(const CommandContext& context, bool json) : context_(context), json_(json) {}

  void Ok(const std::string& name, const std::string& detail) { Print(name, "OK", detail); }
  // A warning does not change the exit code.
  void Warn(const std::string& name, const std::string& detail) { Print(name, "WARN", detail); }
  void Failed(const std::string& name, const Failure& failure) {
    if (!first_failure_) first_failure_ = failure.exit_code;
    Print(name, "FAIL", failure.message);
  }
  // True if it went well.
  template <class T>
  bool Take(const std::string& name, const Result<T>& result, Phase phase,
            const std::string& detail) {
    if (result) {
      Ok(name, detail);
    } else {
      Failed(name, MakeFailure("", result.error(), phase));
    }
    return result.has_value();
  }
  ExitCode exit_code() const { return first_failure_.value_or(ExitCode::kOk); }

 private:
  void Print(const std::string& name, std::string_view outcome, const std::string& detail) {
    if (json_) {
      nlohmann::ordered_json line = {
          {"check", name}, {"ok", outcome != "FAIL"}, {"detail", detail}};
      if (outcome == "WARN") line["warning"] = true;
      context_.out << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    } else {
      context_.out << fmt::format("{:<4} {}: {}", outcome, name, detail) << '\n';
    }
    context_.out.flush();
  }

  const CommandContext& context_;
  const bool json_;
  std::optional<ExitCode> first_failure_;
};

void CheckClock(const std::string& label, WallTime server_time, const CommandContext& context,
                Checklist& checks) {
  if (server_time == WallTime{}) return;
  const auto skew =
      std::chrono::duration_cast<std::chrono::milliseconds>(context.clock.WallNow() - server_time);
  const std::string text = fmt::format("this machine's clock is {} {} the service's",
                                       FormatDuration(std::chrono::abs(skew)),
                                       skew.count() >= 0 ? "ahead of" : "behind");
  if (std::chrono::abs(skew) <= kAllowedSkew) {
    checks.Ok(label + " clock", text);
  } else {
    checks.Failed(label + " clock", {ExitCode::kLocalResource,
                                     text + "; set it, and keep it right with NTP (timedatectl)"});
  }
}

bool CheckRead(const std::string& label, const OpenPlace& place, const CommandContext& context,
               Checklist& checks) {
  const auto page = place.store().List({.directory = place.place.path, .max_entries = 10},
                                       context.Within(kOpenTimeout));
  const std::string detail =
      page ? fmt::format("{} entries on the first page", page->entries.size()) : "";
  if (!checks.Take(label + " list", page, Phase::kRemote, detail)) return false;
  for (const ObjectInfo& entry : page->entries) {
    if (entry.kind != NodeKind::kFile || entry.size_bytes == 0) continue;
    std::byte first{};
    const auto read = place.store().Get({.key = entry.key, .range = {0, 1}}, std::span(&first, 1),
                                        context.Within(kOpenTimeout));
    return checks.Take(label + " read", read, Phase::kRemote,
                       fmt::format("first byte of '{}'", entry.key.name()));
  }
  return true;  // nothing there to be read
}

// A hidden name that contains the time: no user has it, and it is easy to recognise if the delete
// fails.
ObjectKey ProbeKey(const ObjectKey& directory, const CommandContext& context) {
  return directory.child(fmt::format(".skybridge-doctor-{}-{}", getpid(),
                                     context.clock.WallNow().time_since_epoch().count()));
}

void CheckWrite(const std::string& label, const OpenPlace& place, const CommandContext& context,
                Checklist& checks) {
  if (!place.store().capabilities().can_delete) {
    return checks.Ok(
        label + " write",
        "not tried: with these credentials the probe object could not be deleted again");
  }
  const ObjectKey key = ProbeKey(place.place.path, context);
  const auto put = place.store().Put(
      {.key = key, .body = AsBytes("skybridge doctor\n"), .conditions = {.must_not_exist = true}},
      context.Within(kOpenTimeout));
  if (!checks.Take(label + " write", put, Phase::kRemote,
                   fmt::format("wrote the probe object '{}'", key.name())))
    return;
  const Status gone = place.store().Delete({.key = key}, context.Within(kOpenTimeout));
  checks.Take(label + " delete", gone, Phase::kRemote, "deleted it again");
}

// The step on the way to the container that failed.
std::string_view FailedStep(ExitCode code) {
  switch (code) {
    case ExitCode::kConfiguration:
      return "configuration";
    case ExitCode::kAuthentication:
      return "credentials";
    case ExitCode::kNetwork:
      return "endpoint";
    default:
      return "container";
  }
}

void CheckRemote(const std::string& text, const DoctorOptions& options,
                 const CommandContext& context, Checklist& checks) {
  const auto place = OpenAsRoot(IsRemoteName(text) ? text + ":" : text, context);
  if (!place)
    return checks.Failed(fmt::format("{} {}", text, FailedStep(place.error().exit_code)),
                         place.error());
  checks.Ok(text + " endpoint", fmt::format("{} answers", ToString(place->place.remote.uri)));
  const std::string identity = place->opened->Identity();
  checks.Ok(text + " credentials", identity.empty() ? "are accepted" : "are accepted: " + identity);
  if (const std::string warning = place->opened->Warning(); !warning.empty()) {
    checks.Warn(text + " credentials", warning);
  }
  const auto probe = place->store().Probe(context.Within(kOpenTimeout));
  if (!checks.Take(text + " container", probe, Phase::kRemote, probe ? probe->detail : "")) return;
  CheckClock(text, probe->server_time, context, checks);
  if (!CheckRead(text, *place, context, checks) || options.read_only) return;
  CheckWrite(text, *place, context, checks);
}

void CheckFuse(const CommandContext& context, Checklist& checks) {
  const FileDescriptor device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (device) {
    checks.Ok("/dev/fuse", "can be opened");
  } else {
    const bool is_forbidden = errno == EACCES;
    checks.Failed("/dev/fuse", {ExitCode::kLocalResource,
                                ErrorFromErrno(errno, "cannot be opened").message +
                                    (is_forbidden ? "; run as root: chmod 666 /dev/fuse"
                                                  : "; run: modprobe fuse, and in a container pass "
                                                    "--device /dev/fuse --cap-add SYS_ADMIN")});
  }
  if (geteuid() == 0) return checks.Ok("fusermount3", "not needed by root");
  const std::string path = context.environment.Get("PATH").value_or("/usr/bin:/bin");
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string program = path.substr(begin, end - begin) + "/fusermount3";
    if (access(program.c_str(), X_OK) == 0) return checks.Ok("fusermount3", program);
    begin = end + 1;
  }
  checks.Failed("fusermount3",
                {ExitCode::kLocalResource, "is not in PATH; install the package fuse3"});
}

void CheckCacheDirectory(const std::string& path, Checklist& checks) {
  const auto taken = cache::CacheDirectory::Take(path, kNeedFreeBytes);
  struct statvfs disk {};
  const bool known = taken && statvfs(path.c_str(), &disk) == 0;
  const std::uint64_t free = known ? std::uint64_t{disk.f_bavail} * disk.f_frsize : 0;
  checks.Take("cache directory", taken, Phase::kLocal,
              fmt::format("{} free in {}", FormatBytes(free), path));
}

}  // namespace

Outcome<ExitCode> RunDoctor(const DoctorOptions& options, const CommandContext& context) {
  Checklist checks(context, options.json);
  std::vector<std::string> remotes;
  if (!options.remote.empty()) remotes.push_back(options.remote);
  const auto config = LoadConfig(context.config_file, context.environment);
  const std::string file =
      config && !config->file.empty() ? config->file : "no file; URIs use the environment";
  if (checks.Take("configuration", config, Phase::kConfiguration, file) && remotes.empty()) {
    for (const auto& [name, unused] : config->remotes) remotes.push_back(name);
  }
  for (const std::string& remote : remotes) {
    if (context.stop.stop_requested()) return ExitCode::kInterrupted;
    if (config) CheckRemote(remote, options, context, checks);
  }
  CheckFuse(context, checks);
  if (!options.cache_dir.empty()) CheckCacheDirectory(options.cache_dir, checks);
  return checks.exit_code();
}

}  // namespace skybridge::cli
