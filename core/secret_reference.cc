#include "core/secret_reference.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/file_descriptor.h"

namespace skybridge {
namespace {

std::optional<std::string_view> AfterPrefix(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return text.substr(prefix.size());
}

void StripOneNewline(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

enum class Privacy { kOwnerOnly, kByDirectory };

Status CheckSecretFile(int fd, const std::string& path, const std::string& label, Privacy privacy) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return Fail(ErrorFromErrno(errno, label));
  if (!S_ISREG(facts.st_mode))
    return Fail(ErrorCode::kInvalidArgument, label + ": is not a regular file");
  if (privacy == Privacy::kOwnerOnly && (facts.st_mode & 0077) != 0) {
    return Fail(ErrorCode::kPermissionDenied,
                fmt::format("{}: other users may read it (mode {:04o}); run: chmod 600 {}", label,
                            facts.st_mode & 07777, path));
  }
  return {};
}

Result<Secret> ReadSecretFile(const std::string& path, const std::string& label, Privacy privacy) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return Fail(ErrorFromErrno(errno, label));
  TRY_VOID(CheckSecretFile(file.get(), path, label, privacy));
  std::string text(kMaxSecretBytes + 1, '\0');  // one allocation: growing would leave copies behind
  const std::size_t filled = TRY(ReadUpTo(file.get(), text.data(), text.size(), label));
  text.resize(filled);
  const bool too_long = filled > kMaxSecretBytes;
  StripOneNewline(text);
  Secret kept(std::move(text));
  if (too_long)
    return Fail(ErrorCode::kTooLarge,
                fmt::format("{}: is longer than {} bytes", label, kMaxSecretBytes));
  if (kept.empty()) return Fail(ErrorCode::kInvalidArgument, label + ": is empty");
  return kept;
}

}  // namespace

Result<SecretReference> SecretReference::Parse(std::string_view text, std::string key) {
  SecretReference reference;
  const auto named = [&](Kind kind, std::string_view name) -> Result<SecretReference> {
    if (name.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: '{}' lacks a name after the colon", key, text));
    }
    reference.kind_ = kind;
    reference.name_ = name;
    reference.key_ = std::move(key);
    return reference;
  };
  if (text.empty()) return Fail(ErrorCode::kInvalidArgument, key + ": is empty");
  if (const auto name = AfterPrefix(text, "env:")) return named(Kind::kEnvironment, *name);
  if (const auto name = AfterPrefix(text, "file:")) {
    const bool is_url = name->starts_with("//");
    return named(Kind::kFile, is_url ? name->substr(2) : *name);
  }
  if (const auto name = AfterPrefix(text, "credential:")) {
    if (name->find('/') != std::string_view::npos) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: '{}': a credential's name has no '/'", key, text));
    }
    return named(Kind::kCredential, *name);
  }
  if (const auto name = AfterPrefix(text, "ocivault:")) {
    auto secret = ParseVaultSecret(*name);
    if (!secret) return Fail(secret.error().code, key + ": " + secret.error().message);
    reference.vault_secret_ = *std::move(secret);
    return named(Kind::kVault, *name);
  }
  reference.kind_ = Kind::kLiteral;
  reference.key_ = std::move(key);
  reference.literal_ = Secret(text);
  return reference;
}

SecretReference SecretReference::FromEnvironment(const std::string& variable) {
  SecretReference reference;
  reference.kind_ = Kind::kEnvironment;
  reference.name_ = variable;
  return reference;
}

std::string SecretReference::Describe() const {
  switch (kind_) {
    case Kind::kNone:
      return "no secret";
    case Kind::kEnvironment:
      return "env:" + name_;
    case Kind::kFile:
      return "file:" + name_;
    case Kind::kCredential:
      return "credential:" + name_;
    case Kind::kVault:
      return vault_secret_.Describe();
    case Kind::kLiteral:
      return "the value of " + key_;
  }
  return {};
}

Result<Secret> SecretReference::Resolve(const Environment& environment) const {
  const std::string label =
      key_.empty() || kind_ == Kind::kLiteral ? Describe() : key_ + ": " + Describe();
  switch (kind_) {
    case Kind::kNone:
      return Fail(ErrorCode::kInvalidArgument, label);
    case Kind::kLiteral:
      return literal_;
    case Kind::kVault:
      return Fail(ErrorCode::kInvalidArgument,
                  label + ": the configuration has no \"vault\" that says how to reach it");
    case Kind::kEnvironment: {
      auto value = environment.Get(name_);
      if (!value)
        return Fail(ErrorCode::kNotFound, label + ": the environment variable is not set");
      return Secret(std::move(*value));
    }
    case Kind::kFile:
      return ReadSecretFile(name_, label, Privacy::kOwnerOnly);
    case Kind::kCredential: {
      const auto directory = environment.Get("CREDENTIALS_DIRECTORY");
      if (!directory) {
        return Fail(ErrorCode::kNotFound,
                    fmt::format("{}: there is no CREDENTIALS_DIRECTORY; start the service by "
                                "systemd with LoadCredential={}:PATH",
                                label, name_));
      }
      return ReadSecretFile(*directory + "/" + name_, label, Privacy::kByDirectory);
    }
  }
  return Fail(ErrorCode::kInternal, label);
}

Result<Secret> SecretReference::Resolve(const Environment& environment, SecretVault* vault,
                                        const CallContext& context) const {
  if (kind_ != Kind::kVault || vault == nullptr) return Resolve(environment);
  auto secret = vault->Fetch(vault_secret_, context);
  if (secret) return secret;
  Error error = std::move(secret).error();
  error.message = key_ + ": " + error.message;
  return Fail(std::move(error));
}

}  // namespace skybridge
