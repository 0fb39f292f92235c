#include "sync/listing/object_record.h"

#include <cstring>
#include <type_traits>

namespace skybridge {
namespace {

class Writer {
 public:
  template <class T>
  void Number(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Text(std::string_view text) {
    Number(static_cast<std::uint32_t>(text.size()));
    text_ += text;
  }
  template <class T>
  void Optional(const std::optional<T>& value) {
    Number(value.has_value());
    if (value) Number(*value);
  }
  void Map(const std::map<std::string, std::string>& map) {
    Number(static_cast<std::uint32_t>(map.size()));
    for (const auto& [key, value] : map) {
      Text(key);
      Text(value);
    }
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

// What does not fit sticks as !ok().
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  template <class T>
  T Number() {
    T value{};
    if (text_.size() < sizeof value) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, text_.data(), sizeof value);
    text_.remove_prefix(sizeof value);
    return value;
  }
  std::string Text() {
    const auto size = Number<std::uint32_t>();
    if (size > text_.size()) {
      ok_ = false;
      return {};
    }
    std::string text(text_.substr(0, size));
    text_.remove_prefix(size);
    return text;
  }
  // Any other byte than those of false and true is no bool, and must not be read as one.
  bool Flag() {
    const auto byte = Number<std::uint8_t>();
    ok_ = ok_ && byte <= 1;
    return byte == 1;
  }
  NodeKind Kind() {
    const auto number = Number<std::underlying_type_t<NodeKind>>();
    ok_ = ok_ && number >= 0 && number <= static_cast<int>(NodeKind::kSymlink);
    return static_cast<NodeKind>(number);
  }
  template <class T>
  std::optional<T> Optional() {
    if (!Flag()) return std::nullopt;
    return Number<T>();
  }
  std::map<std::string, std::string> Map() {
    std::map<std::string, std::string> map;
    for (auto left = Number<std::uint32_t>(); left > 0 && ok_; --left) {
      std::string key = Text();
      map[std::move(key)] = Text();
    }
    return map;
  }
  bool ok() const { return ok_ && text_.empty(); }

 private:
  std::string_view text_;
  bool ok_ = true;
};

}  // namespace

std::string EncodeObjectRecord(const ObjectInfo& info) {
  Writer out;
  out.Text(info.key.path);
  out.Number(info.kind);
  out.Number(info.size_bytes);
  out.Text(info.etag.value);
  out.Number(info.last_modified);
  out.Optional(info.digests.md5);
  out.Optional(info.digests.crc32c);
  out.Number(info.attributes.has_value());
  if (info.attributes) {
    out.Optional(info.attributes->mtime);
    out.Optional(info.attributes->mode);
    out.Optional(info.attributes->uid);
    out.Optional(info.attributes->gid);
    out.Map(info.attributes->xattrs);
    out.Map(info.attributes->foreign);
    const ContentHeaders& content = info.attributes->content;
    for (const std::string& header : {content.type, content.encoding, content.language,
                                      content.disposition, content.cache_control})
      out.Text(header);
    out.Text(info.attributes->tier);
    const std::optional<AccessControl>& access = info.attributes->access;
    out.Number(access.has_value());
    if (access) {
      for (const std::string& text : {access->owner, access->group, access->acl}) out.Text(text);
    }
  }
  return out.Take();
}

Result<ObjectInfo> DecodeObjectRecord(std::string_view record) {
  Reader in(record);
  ObjectInfo info;
  info.key.path = in.Text();
  info.kind = in.Kind();
  info.size_bytes = in.Number<std::uint64_t>();
  info.etag.value = in.Text();
  info.last_modified = in.Number<WallTime>();
  info.digests.md5 = in.Optional<Md5Digest>();
  info.digests.crc32c = in.Optional<std::uint32_t>();
  if (in.Flag()) {
    Attributes& attributes = info.attributes.emplace();
    attributes.mtime = in.Optional<WallTime>();
    attributes.mode = in.Optional<std::uint32_t>();
    attributes.uid = in.Optional<std::uint32_t>();
    attributes.gid = in.Optional<std::uint32_t>();
    attributes.xattrs = in.Map();
    attributes.foreign = in.Map();
    attributes.content = {.type = in.Text(),
                          .encoding = in.Text(),
                          .language = in.Text(),
                          .disposition = in.Text(),
                          .cache_control = in.Text()};
    attributes.tier = in.Text();
    if (in.Flag())
      attributes.access = AccessControl{.owner = in.Text(), .group = in.Text(), .acl = in.Text()};
  }
  if (!in.ok()) return Fail(ErrorCode::kCorrupt, "a record of a temporary file is damaged");
  return info;
}

}  // namespace skybridge
