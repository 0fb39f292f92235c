#include "cli/object_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "core/time_text.h"
#include "core/units.h"

namespace skybridge::cli {
namespace {

using nlohmann::ordered_json;

std::string_view KindName(NodeKind kind) {
  switch (kind) {
    case NodeKind::kFile:
      return "file";
    case NodeKind::kDirectory:
      return "directory";
    case NodeKind::kSymlink:
      return "symlink";
  }
  return "";
}

std::string ModeText(const ObjectInfo& info) {
  std::string text = info.kind == NodeKind::kDirectory ? "d"
                     : info.kind == NodeKind::kSymlink ? "l"
                                                       : "-";
  if (info.kind == NodeKind::kSymlink) return text + "rwxrwxrwx";
  if (!info.attributes || !info.attributes->mode) return text + "?????????";
  constexpr std::string_view kLetters = "rwxrwxrwx";
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    text += (*info.attributes->mode >> (kLetters.size() - 1 - i) & 1u) != 0 ? kLetters[i] : '-';
  }
  const auto mark = [&](std::uint32_t bit, std::size_t at, char with_x, char without) {
    if ((*info.attributes->mode & bit) != 0) text[at] = text[at] == 'x' ? with_x : without;
  };
  mark(04000, 3, 's', 'S');
  mark(02000, 6, 's', 'S');
  mark(01000, 9, 't', 'T');
  return text;
}

// The recorded time, else the store's; a directory that exists only as a prefix has neither.
std::string TimeText(const ObjectInfo& info) {
  const WallTime time =
      info.attributes && info.attributes->mtime ? *info.attributes->mtime : info.last_modified;
  if (time == WallTime{}) return "-";
  std::string text = FormatRfc3339(time, 0);
  text[10] = ' ';
  text.pop_back();
  return text;
}

ordered_json Facts(const ObjectInfo& info, std::string_view name) {
  ordered_json facts;
  facts["path"] = name;
  facts["type"] = KindName(info.kind);
  facts["size"] = info.size_bytes;
  if (!info.etag.empty()) facts["etag"] = info.etag.value;
  if (info.last_modified != WallTime{})
    facts["last_modified"] = FormatRfc3339(info.last_modified, 0);
  if (info.attributes) {
    const Attributes& attributes = *info.attributes;
    if (attributes.mtime) facts["mtime"] = FormatRfc3339(*attributes.mtime);
    if (attributes.mode) facts["mode"] = fmt::format("{:04o}", *attributes.mode);
    if (attributes.uid) facts["uid"] = *attributes.uid;
    if (attributes.gid) facts["gid"] = *attributes.gid;
    if (!attributes.foreign.empty()) facts["metadata"] = attributes.foreign;
  }
  if (info.digests.md5) facts["md5"] = HexEncode(*info.digests.md5);
  if (info.digests.crc32c) facts["crc32c"] = fmt::format("{:08x}", *info.digests.crc32c);
  return facts;
}

// Names are bytes that need not be UTF-8, while JSON must be UTF-8.
std::string Dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::string DetailLine(const ObjectInfo& info, std::string_view name) {
  const std::string size = info.kind == NodeKind::kDirectory ? "-" : FormatBytes(info.size_bytes);
  return fmt::format("{} {:>11}  {:<19}  {}", ModeText(info), size, TimeText(info), name);
}

std::string JsonLine(const ObjectInfo& info, std::string_view name) {
  return Dump(Facts(info, name));
}

std::string FactLines(const ObjectInfo& info, std::string_view name) {
  const ordered_json facts = Facts(info, name);
  std::string lines;
  for (const auto& [key, value] : facts.items()) {
    lines +=
        fmt::format("{}: {}\n", key, value.is_string() ? value.get<std::string>() : Dump(value));
  }
  return lines;
}

}  // namespace skybridge::cli
