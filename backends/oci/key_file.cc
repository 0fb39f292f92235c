#include "backends/oci/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include <openssl/crypto.h>

#include "core/file_descriptor.h"
#include "core/log.h"

namespace skybridge::oci {
namespace {

Status CheckReaders(const FileDescriptor& file, const std::string& path, KeyFilePolicy policy) {
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0)
    return Fail(ErrorFromErrno(errno, "private key '" + path + "'"));
  if (!S_ISREG(facts.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument, "private key '" + path + "' is not a regular file");
  }
  if ((facts.st_mode & (S_IRGRP | S_IROTH)) == 0) return {};
  const std::string message = "private key '" + path + "' can be read by other users";
  const std::string remedy = "run: chmod 600 '" + path + "'";
  if (policy == KeyFilePolicy::kRefuseIfOthersMayRead)
    return FailAdvising(ErrorCode::kPermissionDenied, message, remedy);
  Log(LogLevel::kWarning, "oci: {}; {}", message, remedy);
  return {};
}

}  // namespace

Result<PrivateKey> LoadPrivateKey(const std::string& path, std::string_view pass_phrase,
                                  KeyFilePolicy policy) {
  const std::string what = "private key '" + path + "'";
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return Fail(ErrorFromErrno(errno, what));
  TRY_VOID(CheckReaders(file, path, policy));
  constexpr std::size_t kMaxKeyFileBytes = 64 << 10;
  std::string pem(kMaxKeyFileBytes, '\0');
  const std::size_t size = TRY(ReadUpTo(file.get(), pem.data(), pem.size(), what));
  Result<PrivateKey> key =
      PrivateKey::FromPem(std::string_view(pem).substr(0, size), pass_phrase, "'" + path + "'");
  OPENSSL_cleanse(pem.data(), pem.size());
  return key;
}

}  // namespace skybridge::oci
