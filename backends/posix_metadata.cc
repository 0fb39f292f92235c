#include "backends/posix_metadata.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/encoding.h"
#include "core/parse_number.h"
#include "core/time_text.h"

namespace skybridge {
namespace {

constexpr std::uint32_t kPermissionBits = 07777;
constexpr std::uint32_t kLinkPermissions = 0777;
constexpr std::string_view kEmptyValue = "-";

bool IsAzure(MetadataDialect dialect) { return dialect != MetadataDialect::kOci; }
std::string_view XattrPrefix(MetadataDialect dialect) {
  return IsAzure(dialect) ? "xattr_" : "xattr-";
}
std::string_view KeyPrefix(MetadataDialect dialect) { return IsAzure(dialect) ? "key_" : "key-"; }

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (IsUpper(c)) c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// ---- Writing ----

std::uint32_t TypeBits(NodeKind kind) {
  switch (kind) {
    case NodeKind::kFile:
      return S_IFREG;
    case NodeKind::kDirectory:
      return S_IFDIR;
    case NodeKind::kSymlink:
      return S_IFLNK;
  }
  return S_IFREG;
}

std::optional<std::uint32_t> FullMode(NodeKind kind, const Attributes& attributes) {
  if (kind == NodeKind::kSymlink) return S_IFLNK | kLinkPermissions;
  if (!attributes.mode) return std::nullopt;
  return TypeBits(kind) | (*attributes.mode & kPermissionBits);
}

void EncodeAzure(MetadataDialect dialect, NodeKind kind, const Attributes& attributes,
                 MetadataMap& out) {
  if (attributes.mtime) {
    out["mtime"] = FormatRfc3339(*attributes.mtime);
    out["modtime"] = fmt::format("{}", attributes.mtime->time_since_epoch().count());
  }
  if (const auto mode = FullMode(kind, attributes)) out["permissions"] = fmt::format("{}", *mode);
  if (attributes.uid) out["posix_owner"] = fmt::format("{}", *attributes.uid);
  if (attributes.gid) out["posix_group"] = fmt::format("{}", *attributes.gid);
  if (kind == NodeKind::kSymlink) out["is_symlink"] = "true";
  if (kind == NodeKind::kDirectory && dialect == MetadataDialect::kAzureFlat)
    out["hdi_isfolder"] = "true";
}

void EncodeOci(NodeKind kind, const Attributes& attributes, MetadataMap& out) {
  if (attributes.mtime) out["mtime"] = FormatUnixSeconds(*attributes.mtime);
  if (const auto mode = FullMode(kind, attributes)) out["mode"] = fmt::format("{:07o}", *mode);
  if (attributes.uid) out["uid"] = fmt::format("{}", *attributes.uid);
  if (attributes.gid) out["gid"] = fmt::format("{}", *attributes.gid);
}

// Azure: a C# identifier, which also has to survive as a header. OCI: a header token without
// capitals.
bool IsSpellable(MetadataDialect dialect, std::string_view key) {
  if (!IsAzure(dialect)) {
    constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
    return std::all_of(key.begin(), key.end(), [&](char c) {
      return IsLower(c) || IsDigit(c) || kTokenMarks.find(c) != std::string_view::npos;
    });
  }
  return !IsDigit(key.front()) && std::all_of(key.begin(), key.end(), [](char c) {
    return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '_';
  });
}

// What a store of this dialect believes although the dialect knows nothing of it: digests that are
// recorded with an object, the mark of an upload, and what makes a directory of a blob.
bool IsReserved(MetadataDialect dialect, std::string_view lower_key, std::string_view value) {
  if (!IsAzure(dialect)) return lower_key == "md5chksum";
  if (lower_key == "skybridge_crc32c" || lower_key == "skybridge_upload") return true;
  const bool is_folder_mark = lower_key == "asv_isfolder" || lower_key == "is_directory";
  return is_folder_mark && ToLower(value) == "true";
}

bool IsHeaderValue(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// ---- Reading ----

std::optional<std::uint32_t> ParseId(std::string_view text) {
  return ParseNumber<std::uint32_t>(text);
}

std::optional<WallTime> ToOptional(const Result<WallTime>& time) {
  return time ? std::optional(*time) : std::nullopt;
}

// "2026-01-05 10:20:30 +0000", as Azure Managed Lustre writes it.
std::optional<WallTime> ParseLustreTime(std::string_view text) {
  if (text.size() != 25 || text[10] != ' ' || text[19] != ' ') return std::nullopt;
  return ToOptional(ParseRfc3339(fmt::format("{}T{}{}:{}", text.substr(0, 10), text.substr(11, 8),
                                             text.substr(20, 3), text.substr(23, 2))));
}

// RFC 3339 or Unix seconds: rclone writes the one on Azure and the other on OCI, and tools and
// scripts either one on both.
std::optional<WallTime> ParseMtime(std::string_view text) {
  const auto rfc3339 = ToOptional(ParseRfc3339(text));
  return rfc3339 ? rfc3339 : ToOptional(ParseUnixSeconds(text));
}

// Unix nanoseconds (AzCopy) or Lustre's text.
std::optional<WallTime> ParseModtime(std::string_view text) {
  if (const auto nanoseconds = ParseNumber<std::int64_t>(text))
    return WallTime(std::chrono::nanoseconds(*nanoseconds));
  return ParseLustreTime(text);
}

std::optional<std::string> XattrValue(std::string_view text) {
  if (text == kEmptyValue) return "";
  const Result<std::string> bytes = Base64Decode(text);
  return bytes ? std::optional(*bytes) : std::nullopt;
}

// Takes values out of the metadata as they are understood; what is left is foreign.
class Reader {
 public:
  Reader(NodeKind known_kind, const MetadataMap& metadata) {
    result_.kind = known_kind;
    result_.attributes.foreign = metadata;
    for (const auto& [key, value] : metadata) by_lower_key_.emplace(ToLower(key), key);
    for (const auto& [lower_key, key] : by_lower_key_) names_.insert(lower_key);
  }

  void ReadAzure();
  void ReadOci();
  // What rclone --metadata writes on either cloud, besides mtime. `mode`: of a key that goes before.
  void ReadRclone(std::optional<std::uint64_t> mode);
  void ReadEscaped(MetadataDialect dialect);
  PosixMetadata Take() && { return std::move(result_); }

 private:
  const std::string* Find(std::string_view lower_key) const {
    const auto found = by_lower_key_.find(lower_key);
    return found == by_lower_key_.end() ? nullptr : &result_.attributes.foreign.at(found->second);
  }

  // Reads one key into `into` (unless that has a value already) and takes it out, if `parse`
  // understands it.
  template <class T, class Parse>
  bool Read(std::string_view lower_key, std::optional<T>& into, Parse parse) {
    const std::string* text = Find(lower_key);
    if (text == nullptr) return false;
    const std::optional<T> value = parse(*text);
    if (!value) return false;
    if (!into) into = value;
    Remove(lower_key);
    return true;
  }

  bool ReadFlag(std::string_view lower_key) {
    std::optional<bool> flag;
    Read(lower_key, flag, [](std::string_view text) {
      return ToLower(text) == "true" ? std::optional(true) : std::nullopt;
    });
    return flag.has_value();
  }

  void Remove(std::string_view lower_key) {
    const auto found = by_lower_key_.find(lower_key);
    result_.attributes.foreign.erase(found->second);
    by_lower_key_.erase(found);
  }

  void SetMode(std::optional<std::uint64_t> full_mode) {
    if (!full_mode) return;
    if (result_.kind == NodeKind::kFile && S_ISLNK(*full_mode)) result_.kind = NodeKind::kSymlink;
    if (result_.kind != NodeKind::kSymlink) {
      result_.attributes.mode = static_cast<std::uint32_t>(*full_mode & kPermissionBits);
    }
  }

  PosixMetadata result_;
  std::map<std::string, std::string, std::less<>> by_lower_key_;  // to the spelling in the metadata
  std::set<std::string, std::less<>> names_;  // all that were there, in lower case
};

void Reader::ReadAzure() {
  Attributes& a = result_.attributes;
  Read("mtime", a.mtime, ParseMtime);
  Read("modtime", a.mtime, ParseModtime);
  Read("posix_owner", a.uid, ParseId);
  Read("posix_group", a.gid, ParseId);
  const bool lustre_owner = Read("owner", a.uid, ParseId);
  const bool lustre_group = Read("group", a.gid, ParseId);
  if (ReadFlag("hdi_isfolder")) result_.kind = NodeKind::kDirectory;
  if (ReadFlag("is_symlink") && result_.kind == NodeKind::kFile) result_.kind = NodeKind::kSymlink;
  std::optional<std::uint64_t> mode;
  Read("permissions", mode, [&](std::string_view text) {
    if (!text.empty() && text.front() == '0') return ParseNumber<std::uint64_t>(text, 8);
    // Lustre's are octal. What cannot be octal is decimal, as it will be once the owner is ours.
    const auto octal =
        lustre_owner || lustre_group ? ParseNumber<std::uint64_t>(text, 8) : std::nullopt;
    return octal ? octal : ParseNumber<std::uint64_t>(text);
  });
  ReadRclone(mode);
}

void Reader::ReadOci() {
  Read("mtime", result_.attributes.mtime, ParseMtime);
  ReadRclone({});
}

void Reader::ReadRclone(std::optional<std::uint64_t> mode) {
  Read("uid", result_.attributes.uid, ParseId);
  Read("gid", result_.attributes.gid, ParseId);
  Read("mode", mode, [](std::string_view text) { return ParseNumber<std::uint64_t>(text, 8); });
  SetMode(mode);
}

// Whether a foreign key must be written as key_<hex>: the dialect cannot spell it, or would take it
// for one of its own when it is read again. A value that none of ours can be says nothing to the
// dialect and stays under its own name.
bool NeedsEscape(MetadataDialect dialect, const std::string& key, const std::string& value) {
  if (!IsSpellable(dialect, key) || IsReserved(dialect, ToLower(key), value)) return true;
  const auto after = [&](std::string_view prefix) {
    const std::string lower = ToLower(key);
    if (!lower.starts_with(prefix)) return std::string();
    return HexDecode(std::string_view(lower).substr(prefix.size())).value_or("");
  };
  if (!after(XattrPrefix(dialect)).empty() && XattrValue(value)) return true;
  const std::string escaped = after(KeyPrefix(dialect));
  if (!escaped.empty() && NeedsEscape(dialect, escaped, value)) return true;
  Reader reader(NodeKind::kFile, {{key, value}});
  if (IsAzure(dialect)) {
    reader.ReadAzure();
  } else {
    reader.ReadOci();
  }
  return std::move(reader).Take().attributes.foreign.empty();
}

// Extended attributes, and foreign keys that the dialect could not spell.
void Reader::ReadEscaped(MetadataDialect dialect) {
  const std::string_view xattr_prefix = XattrPrefix(dialect);
  const std::string_view key_prefix = KeyPrefix(dialect);
  const auto keys = by_lower_key_;
  for (const auto& [lower_key, key] : keys) {
    const bool is_xattr = lower_key.starts_with(xattr_prefix);
    if (!is_xattr && !lower_key.starts_with(key_prefix)) continue;
    const std::string value = result_.attributes.foreign.at(key);
    const Result<std::string> name = HexDecode(
        std::string_view(lower_key).substr(is_xattr ? xattr_prefix.size() : key_prefix.size()));
    if (!name || name->empty()) continue;
    // A name that needs no escape is not ours: written again it might be one that has a meaning.
    const bool needed = names_.contains(ToLower(*name)) || NeedsEscape(dialect, *name, value);
    if (!is_xattr && !needed) continue;
    if (is_xattr) {
      const std::optional<std::string> bytes = XattrValue(value);
      if (!bytes) continue;
      result_.attributes.xattrs.emplace(*name, *bytes);
    }
    Remove(lower_key);
    if (!is_xattr) result_.attributes.foreign.emplace(*name, value);
  }
}

Status AddForeign(MetadataDialect dialect, const Attributes& attributes, MetadataMap& out) {
  for (const auto& [key, value] : attributes.foreign) {
    if (key.empty() || !IsHeaderValue(value)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("metadata '{}' cannot be kept in a header", key));
    }
    // Our own values stand above what another tool left under the same name, whatever its case.
    const bool taken = out.contains(ToLower(key));
    const std::string name = taken || NeedsEscape(dialect, key, value)
                                 ? std::string(KeyPrefix(dialect)) + HexEncode(AsBytes(key))
                                 : key;
    out.emplace(name, value);
  }
  return {};
}

}  // namespace

std::size_t MaxMetadataBytes(MetadataDialect dialect) { return IsAzure(dialect) ? 8192 : 2000; }

Result<MetadataMap> EncodePosixMetadata(MetadataDialect dialect, NodeKind kind,
                                        const Attributes& attributes) {
  MetadataMap out;
  if (IsAzure(dialect)) {
    EncodeAzure(dialect, kind, attributes, out);
  } else {
    EncodeOci(kind, attributes, out);
  }
  for (const auto& [name, value] : attributes.xattrs) {
    const std::string key = std::string(XattrPrefix(dialect)) + HexEncode(AsBytes(name));
    out[key] = value.empty() ? std::string(kEmptyValue) : Base64Encode(AsBytes(value));
  }
  TRY_VOID(AddForeign(dialect, attributes, out));
  std::size_t total_bytes = 0;
  for (const auto& [key, value] : out) total_bytes += key.size() + value.size();
  if (total_bytes > MaxMetadataBytes(dialect)) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("{} bytes of metadata; the service keeps {} for one object",
                            total_bytes, MaxMetadataBytes(dialect)));
  }
  return out;
}

PosixMetadata DecodePosixMetadata(MetadataDialect dialect, NodeKind known_kind,
                                  const MetadataMap& metadata) {
  Reader reader(known_kind, metadata);
  if (IsAzure(dialect)) {
    reader.ReadAzure();
  } else {
    reader.ReadOci();
  }
  reader.ReadEscaped(dialect);
  return std::move(reader).Take();
}

}  // namespace skybridge
