#include "fuse/names/name_codec.h"

#include <algorithm>

#include "core/digest.h"
#include "core/encoding.h"

namespace skybridge::fuse {
namespace {

constexpr std::string_view kEscape = "%!";
// '!' is always encoded, so that no encoded part ends so.
constexpr std::string_view kShadowedFile = "!file";
constexpr std::string_view kLong = "!long";
constexpr std::size_t kShownStart = 100;
static_assert(kEscape.size() + kShownStart + 1 + 64 + kLong.size() + kShadowedFile.size() <=
              kMaxNameBytes);

bool NeedsEscape(std::string_view part) {
  return part.empty() || part == "." || part == ".." || part.starts_with(kEscape) ||
         part.find('\0') != std::string_view::npos;
}

// "%!" and what follows it, for a part that is not shown as it is.
std::string Escaped(std::string_view part) {
  std::string encoded = PercentEncode(part);
  if (kEscape.size() + encoded.size() + kShadowedFile.size() <= kMaxNameBytes)
    return std::string(kEscape) + encoded;
  encoded.resize(std::min(encoded.size(), kShownStart));
  return std::string(kEscape) + encoded + "!" + HexEncode(Sha256(AsBytes(part))) +
         std::string(kLong);
}

std::string_view WithoutShadowMark(std::string_view local_name) {
  if (IsShadowedFileName(local_name)) local_name.remove_suffix(kShadowedFile.size());
  return local_name;
}

tl::unexpected<Error> Reserved(std::string_view local_name) {
  return Fail(ErrorCode::kInvalidName,
              "names that begin with '%!' are kept for escaped remote names: '" +
                  std::string(local_name) + "'");
}

Status CheckLength(std::string_view local_name) {
  if (local_name.size() <= kMaxNameBytes) return {};
  return Fail(ErrorCode::kNameTooLong,
              "a name may have 255 bytes, this one has " + std::to_string(local_name.size()));
}

}  // namespace

std::string LocalName(std::string_view part) {
  const bool plain = !NeedsEscape(part) && part.size() <= kMaxNameBytes;
  return plain ? std::string(part) : Escaped(part);
}

std::string ShadowedFileName(std::string_view part) {
  return Escaped(part) + std::string(kShadowedFile);
}

bool IsEscapedForm(std::string_view local_name) { return local_name.starts_with(kEscape); }

bool IsShadowedFileName(std::string_view local_name) {
  return local_name.size() >= kEscape.size() + kShadowedFile.size() && IsEscapedForm(local_name) &&
         local_name.ends_with(kShadowedFile);
}

bool IsDigestName(std::string_view local_name) {
  const std::string_view name = WithoutShadowMark(local_name);
  return name.size() >= kEscape.size() + kLong.size() && IsEscapedForm(name) &&
         name.ends_with(kLong);
}

bool IsPartOfDigestName(std::string_view part, std::string_view local_name) {
  return IsDigestName(local_name) &&
         (IsShadowedFileName(local_name) ? ShadowedFileName(part) : LocalName(part)) == local_name;
}

Result<std::string> RemoteName(std::string_view local_name) {
  TRY_VOID(CheckLength(local_name));
  if (!IsEscapedForm(local_name)) return std::string(local_name);
  const bool shadowed = IsShadowedFileName(local_name);
  Result<std::string> part = PercentDecode(WithoutShadowMark(local_name).substr(kEscape.size()));
  // A part ends at a '/', however that is spelt.
  const bool canonical = part && part->find('/') == std::string::npos &&
                         (shadowed ? ShadowedFileName(*part) : LocalName(*part)) == local_name;
  if (!canonical) return Reserved(local_name);
  return part;
}

Status CheckNewName(std::string_view local_name) {
  TRY_VOID(CheckLength(local_name));
  if (IsEscapedForm(local_name)) return Reserved(local_name);
  return {};
}

}  // namespace skybridge::fuse
