#include "cache/inode_codec.h"

#include "core/binary_codec.h"

namespace skybridge::cache {
namespace {

constexpr std::uint8_t kVersion = 2;
enum Flag : std::uint8_t {
  kAttributesKnown = 1,
  kHasMtime = 2,
  kHasMode = 4,
  kHasUid = 8,
  kHasGid = 16,
  kHasContent = 32,
  kHasTier = 64,
  kHasAccess = 128
};

std::uint8_t FlagsOf(const InodeRecord& inode) {
  return static_cast<std::uint8_t>(
      (inode.attributes_known ? kAttributesKnown : 0) | (inode.mtime ? kHasMtime : 0) |
      (inode.mode ? kHasMode : 0) | (inode.uid ? kHasUid : 0) | (inode.gid ? kHasGid : 0) |
      (inode.content.empty() ? 0 : kHasContent) | (inode.tier.empty() ? 0 : kHasTier) |
      (inode.access ? kHasAccess : 0));
}

std::string BigEndian(char prefix, std::uint64_t number) {
  std::string key(9, prefix);
  for (std::size_t i = 0; i < 8; ++i) key[1 + i] = static_cast<char>(number >> (56 - 8 * i));
  return key;
}

std::uint64_t FromBigEndian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
  return number;
}

void WriteInode(BinaryWriter& out, const InodeRecord& inode) {
  out.Fixed(ToInteger(inode.ino));
  out.Fixed(static_cast<std::uint8_t>(inode.kind));
  out.Fixed(FlagsOf(inode));
  out.Fixed(inode.size_bytes);
  out.Time(inode.last_modified);
  out.Time(inode.learned_at);
  out.Time(inode.ctime);
  if (inode.mtime) out.Time(*inode.mtime);
  if (inode.mode) out.Fixed(*inode.mode);
  if (inode.uid) out.Fixed(*inode.uid);
  if (inode.gid) out.Fixed(*inode.gid);
  out.Text(inode.remote_name);
  out.Text(inode.etag);
  out.Text(inode.symlink_target);
  out.Map(inode.xattrs);
  out.Map(inode.foreign);
  if (!inode.content.empty()) {
    out.Text(inode.content.type);
    out.Text(inode.content.encoding);
    out.Text(inode.content.language);
    out.Text(inode.content.disposition);
    out.Text(inode.content.cache_control);
  }
  if (!inode.tier.empty()) out.Text(inode.tier);
  if (inode.access) {
    out.Text(inode.access->owner);
    out.Text(inode.access->group);
    out.Text(inode.access->acl);
  }
}

void ReadInode(BinaryReader& in, InodeRecord& inode) {
  inode.ino = static_cast<InodeNumber>(in.Fixed<std::uint64_t>());
  inode.kind = static_cast<InodeKind>(in.Fixed<std::uint8_t>());
  const auto flags = in.Fixed<std::uint8_t>();
  inode.attributes_known = (flags & kAttributesKnown) != 0;
  inode.size_bytes = in.Fixed<std::uint64_t>();
  inode.last_modified = in.Time();
  inode.learned_at = in.Time();
  inode.ctime = in.Time();
  if ((flags & kHasMtime) != 0) inode.mtime = in.Time();
  if ((flags & kHasMode) != 0) inode.mode = in.Fixed<std::uint32_t>();
  if ((flags & kHasUid) != 0) inode.uid = in.Fixed<std::uint32_t>();
  if ((flags & kHasGid) != 0) inode.gid = in.Fixed<std::uint32_t>();
  inode.remote_name = in.Text();
  inode.etag = in.Text();
  inode.symlink_target = in.Text();
  inode.xattrs = in.Map();
  inode.foreign = in.Map();
  if ((flags & kHasContent) != 0) {
    inode.content = {.type = in.Text(),
                     .encoding = in.Text(),
                     .language = in.Text(),
                     .disposition = in.Text(),
                     .cache_control = in.Text()};
  }
  if ((flags & kHasTier) != 0) inode.tier = in.Text();
  if ((flags & kHasAccess) != 0)
    inode.access = AccessControl{.owner = in.Text(), .group = in.Text(), .acl = in.Text()};
  // A value that is said to be there is not empty: each record has one spelling.
  if (FlagsOf(inode) != flags) in.Refuse();
}

}  // namespace

std::string EntryKey(InodeNumber parent, std::string_view name) {
  std::string key = BigEndian('d', ToInteger(parent));
  key.append(name);
  return key;
}
std::string InodeKey(InodeNumber ino) { return BigEndian('i', ToInteger(ino)); }
std::string StateKey(InodeNumber directory) { return BigEndian('s', ToInteger(directory)); }
std::string GarbageKey(InodeNumber directory) { return BigEndian('g', ToInteger(directory)); }
std::string AboutKey(std::string_view what) { return "m" + std::string(what); }
std::string_view NameOfEntryKey(std::string_view key) { return key.substr(9); }
InodeNumber InodeOfKey(std::string_view key) {
  return static_cast<InodeNumber>(FromBigEndian(key.substr(1)));
}

std::string EncodeEntry(const DirectoryEntry& entry) {
  BinaryWriter out;
  out.Fixed(kVersion);
  out.Fixed(static_cast<std::uint8_t>(entry.present));
  out.Fixed(entry.generation);
  if (entry.present) {
    WriteInode(out, entry.inode);
  } else {
    out.Time(entry.learned_at);
  }
  return out.Take();
}

std::optional<DirectoryEntry> DecodeEntry(std::string_view value, InodeNumber parent,
                                          std::string_view name) {
  BinaryReader in(value);
  DirectoryEntry entry;
  if (in.Fixed<std::uint8_t>() != kVersion) return std::nullopt;
  entry.present = in.Flag();
  entry.generation = in.Fixed<std::uint64_t>();
  if (entry.present) {
    entry.inode.parent = parent;
    entry.inode.name = name;
    ReadInode(in, entry.inode);
  } else {
    entry.learned_at = in.Time();
  }
  if (!in.good_to_the_end() || entry.inode.kind > InodeKind::kSymlink) return std::nullopt;
  return entry;
}

std::string EncodePlace(const EntryPlace& place) {
  std::string value = BigEndian('p', ToInteger(place.parent)).substr(1);
  value.append(place.name);
  return value;
}

std::optional<EntryPlace> DecodePlace(std::string_view value) {
  if (value.size() < 8) return std::nullopt;
  return EntryPlace{static_cast<InodeNumber>(FromBigEndian(value)), std::string(value.substr(8))};
}

std::string EncodeState(const ListingState& state) {
  BinaryWriter out;
  out.Fixed(kVersion);
  out.Fixed(static_cast<std::uint8_t>(state.complete));
  out.Time(state.listed_at);
  out.Fixed(state.stale_before);
  return out.Take();
}

std::optional<ListingState> DecodeState(std::string_view value) {
  BinaryReader in(value);
  ListingState state;
  if (in.Fixed<std::uint8_t>() != kVersion) return std::nullopt;
  state.complete = in.Flag();
  state.listed_at = in.Time();
  state.stale_before = in.Fixed<std::uint64_t>();
  if (!in.good_to_the_end()) return std::nullopt;
  return state;
}

}  // namespace skybridge::cache
