// Which configuration file is read, and whether secrets may stand in it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/config.h"
#include "core/file_descriptor.h"

namespace skybridge {
namespace {

constexpr const char* kSystemFile = "/etc/skybridge/config.json";
constexpr off_t kMaxConfigBytes = off_t{16} << 20;

struct FileText {
  std::string text;
  bool is_private = false;  // only its owner can read it
};

Result<FileText> ReadConfigFile(const std::string& path) {
  const std::string label = "configuration " + path;
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return Fail(ErrorFromErrno(errno, label));
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return Fail(ErrorFromErrno(errno, label));
  if (!S_ISREG(facts.st_mode))
    return Fail(ErrorCode::kInvalidArgument, label + ": is not a regular file");
  if (facts.st_size > kMaxConfigBytes)
    return Fail(ErrorCode::kTooLarge, label + ": is larger than 16 MiB");
  FileText read{.text = std::string(static_cast<std::size_t>(facts.st_size), '\0'),
                .is_private = (facts.st_mode & 0077) == 0};
  read.text.resize(TRY(ReadUpTo(file.get(), read.text.data(), read.text.size(), label)));
  return read;
}

bool IsMissing(const Error& error) {
  return error.code == ErrorCode::kNotFound || error.code == ErrorCode::kNotDirectory;
}

}  // namespace

Result<Config> LoadConfig(const std::string& explicit_file, const Environment& environment) {
  const auto load = [](const std::string& path) -> Result<Config> {
    const FileText file = TRY(ReadConfigFile(path));
    return ParseConfig(file.text, {.file = path, .literals_allowed = file.is_private});
  };
  if (!explicit_file.empty()) return load(explicit_file);
  if (const auto path = environment.Get("SKYBRIDGE_CONFIG")) return load(*path);
  if (const auto home = environment.Get("HOME")) {
    auto config = load(*home + "/.config/skybridge/config.json");
    if (config || !IsMissing(config.error())) return config;
  }
  auto config = load(kSystemFile);
  if (!config && IsMissing(config.error())) return Config{};
  return config;
}

}  // namespace skybridge
