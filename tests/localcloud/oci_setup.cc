#include "tests/localcloud/oci_setup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/encoding.h"

namespace skybridge::localcloud {
namespace {

constexpr std::string_view kTenancy = "ocid1.tenancy.oc1..localcloud";
constexpr std::string_view kVault = "ocid1.vault.oc1..localcloud";
constexpr std::string_view kUser = "ocid1.user.oc1..localcloud";
constexpr unsigned int kKeyBits = 2048;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Status WriteSecretFile(const std::string& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Fail(ErrorFromErrno(errno, "create " + path));
  const ssize_t written = write(fd, text.data(), text.size());
  const int error = errno;
  close(fd);
  if (written == static_cast<ssize_t>(text.size())) return {};
  return Fail(ErrorFromErrno(written < 0 ? error : ENOSPC, "write " + path));
}

Result<std::string> MakeKey() {
  const Key key(EVP_RSA_gen(kKeyBits), &EVP_PKEY_free);
  const Bio text(BIO_new(BIO_s_mem()), &BIO_free);
  if (key == nullptr ||
      PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return Fail(ErrorCode::kInternal, "cannot make an RSA key");
  }
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

Result<std::string> ReadOrMakeKey(const std::string& path) {
  std::ifstream file(path);
  if (file) {
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::string pem = TRY(MakeKey());
  TRY_VOID(WriteSecretFile(path, pem));
  return pem;
}

// MD5 of the DER public key, as lower-case hex pairs joined by ':'.
Result<std::string> Fingerprint(const std::string& pem) {
  const Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const Key key(PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (key == nullptr)
    return Fail(ErrorCode::kInvalidArgument, "the API key file holds no private key");
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) return Fail(ErrorCode::kInternal, "cannot encode the public key");
  std::string hex =
      HexEncode(Md5({reinterpret_cast<const std::byte*>(der), static_cast<std::size_t>(size)}));
  OPENSSL_free(der);
  for (std::size_t at = hex.size() - 2; at > 0; at -= 2) hex.insert(at, 1, ':');
  return hex;
}

}  // namespace

Result<OciLogin> PrepareOciLogin(const std::string& directory, const std::string& region) {
  const std::filesystem::path base = std::filesystem::absolute(directory);
  const std::string key_file = base / "oci_api_key.pem";
  const std::string pem = TRY(ReadOrMakeKey(key_file));
  const std::string fingerprint = TRY(Fingerprint(pem));
  const std::string config_file = base / "oci_config";
  TRY_VOID(WriteSecretFile(
      config_file,
      fmt::format("[DEFAULT]\nuser={}\nfingerprint={}\ntenancy={}\nregion={}\nkey_file={}\n", kUser,
                  fingerprint, kTenancy, region, key_file)));
  return OciLogin{{fmt::format("{}/{}/{}", kTenancy, kUser, fingerprint), pem}, config_file};
}

Result<oci::OciSecret> ParseSecret(std::string_view text, WallTime now) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos)
    return Fail(ErrorCode::kInvalidArgument, "a secret is given as NAME=CONTENT");
  const std::string name(text.substr(0, equals));
  return oci::OciSecret{.id = fmt::format("ocid1.vaultsecret.oc1..{}", name),
                        .vault_id = std::string(kVault),
                        .name = name,
                        .content = std::string(text.substr(equals + 1)),
                        .created = now};
}

std::string DescribeOci(const OciServiceOptions& options, const OciLogin& login,
                        const std::string& url) {
  nlohmann::json secrets = nlohmann::json::array();
  for (const oci::OciSecret& secret : options.secrets) {
    secrets.push_back({{"id", secret.id}, {"vault_id", secret.vault_id}, {"name", secret.name}});
  }
  return nlohmann::json{{"endpoint", url},
                        {"namespace", options.namespaces.front()},
                        {"region", options.region},
                        {"compartment_id", options.compartment_id},
                        {"buckets", options.buckets},
                        {"config_file", login.config_file},
                        {"secrets", std::move(secrets)}}
      .dump();
}

}  // namespace skybridge::localcloud
