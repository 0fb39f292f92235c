#include "fuse/names/name_codec.h"

#include "core/encoding.h"

namespace skybridge::fuse {
namespace {

constexpr std::string_view kEscape = "%!";
constexpr std::string_view kShadowedFile =
    "!file";  // '!' is always encoded, so no escaped name ends so

bool NeedsEscape(std::string_view name) {
  return name.empty() || name == "." || name == ".." || name.starts_with(kEscape) ||
         name.find('\0') != std::string_view::npos || name.find('/') != std::string_view::npos;
}

std::optional<std::string> IfItFits(std::string name) {
  if (name.size() > kMaxNameBytes) return std::nullopt;
  return name;
}

}  // namespace

std::optional<std::string> LocalName(std::string_view remote_name) {
  if (!NeedsEscape(remote_name)) return IfItFits(std::string(remote_name));
  return IfItFits(std::string(kEscape) + PercentEncode(remote_name));
}

std::optional<std::string> ShadowedFileName(std::string_view remote_name) {
  return IfItFits(std::string(kEscape) + PercentEncode(remote_name) + std::string(kShadowedFile));
}

bool IsShadowedFileName(std::string_view local_name) {
  return local_name.size() >= kEscape.size() + kShadowedFile.size() &&
         local_name.starts_with(kEscape) && local_name.ends_with(kShadowedFile);
}

Result<std::string> RemoteName(std::string_view local_name) {
  if (local_name.size() > kMaxNameBytes) {
    return Fail(ErrorCode::kNameTooLong,
                "a name may have 255 bytes, this one has " + std::to_string(local_name.size()));
  }
  if (!local_name.starts_with(kEscape)) return std::string(local_name);
  const bool shadowed = IsShadowedFileName(local_name);
  std::string_view payload = local_name.substr(kEscape.size());
  if (shadowed) payload.remove_suffix(kShadowedFile.size());
  Result<std::string> name = PercentDecode(payload);
  const bool canonical =
      name && (shadowed ? ShadowedFileName(*name) : LocalName(*name)) == local_name;
  if (!canonical) {
    return Fail(ErrorCode::kInvalidName,
                "names that begin with '%!' are kept for escaped remote names: '" +
                    std::string(local_name) + "'");
  }
  return name;
}

}  // namespace skybridge::fuse
