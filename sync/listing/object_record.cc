#include "sync/listing/object_record.h"

#include "core/binary_codec.h"

namespace skybridge {
namespace {

NodeKind ReadKind(BinaryReader& in) {
  const auto number = in.Fixed<std::uint8_t>();
  if (number > static_cast<std::uint8_t>(NodeKind::kSymlink)) in.Refuse();
  return static_cast<NodeKind>(number);
}

}  // namespace

std::string EncodeObjectRecord(const ObjectInfo& info) {
  BinaryWriter out;
  out.Text(info.key.path);
  out.Fixed(static_cast<std::uint8_t>(info.kind));
  out.Fixed(info.size_bytes);
  out.Text(info.etag.value);
  out.Time(info.last_modified);
  out.Time(info.told_at);
  out.Optional(info.digests.md5);
  out.Optional(info.digests.crc32c);
  out.Flag(info.attributes.has_value());
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
    out.Flag(access.has_value());
    if (access) {
      for (const std::string& text : {access->owner, access->group, access->acl}) out.Text(text);
    }
  }
  return out.Take();
}

Result<ObjectInfo> DecodeObjectRecord(std::string_view record) {
  BinaryReader in(record);
  ObjectInfo info;
  info.key.path = in.Text();
  info.kind = ReadKind(in);
  info.size_bytes = in.Fixed<std::uint64_t>();
  info.etag.value = in.Text();
  info.last_modified = in.Time();
  info.told_at = in.Time();
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
  if (!in.good_to_the_end())
    return Fail(ErrorCode::kCorrupt, "a record of a temporary file is damaged");
  return info;
}

}  // namespace skybridge
