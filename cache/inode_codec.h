// How directory entries lie in the metadata cache: keys and values. The only owner of that format.
//
// Keys (numbers big-endian, so that they sort):
//   'd' PARENT(8) NAME     a directory entry: the whole inode record, or "no such name"
//   'i' INO(8)             where the inode's entry is: PARENT(8) NAME. The root's is ('d', 0, "").
//   's' INO(8)             state of a directory's listing
//   'g' INO(8)             a removed directory whose descendants are still to be removed
//   'm' NAME               about the cache itself: "identity", "format"
//
// Values (numbers little-endian; "text" is a varint length and bytes; times are int64 ns since
// 1970):
//   entry:  version(1)=2  what(1): 0 absent, 1 present  generation(8)
//     absent:  learned_at(8)
//     present: ino(8) kind(1) flags(1) size(8) last_modified(8) learned_at(8) ctime(8)
//              [mtime(8)] [mode(4)] [uid(4)] [gid(4)]  text remote_name
//              text etag  text symlink_target
//              varint count, text pairs: xattrs        varint count, text pairs: foreign
//              [text type, encoding, language, disposition, cache_control]  [text tier]
//              [text owner, group, acl]
//     flags: 1 attributes_known, 2 mtime, 4 mode, 8 uid, 16 gid, 32 content headers, 64 tier,
//            128 access are there
//   state:  version(1)=2  complete(1)  listed_at(8)  stale_before(8)
//
// `generation` orders what was learned: it is the newest number the inode counter had given out. An
// entry below its directory's `stale_before` was invalidated; an entry below a listing's own number
// was not seen by that listing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cache/metadata_cache.h"
#include "core/ids.h"

namespace skybridge::cache {

inline constexpr std::string_view kMetadataFormat = "2";

struct DirectoryEntry {
  bool present = false;
  std::uint64_t generation = 0;
  InodeRecord inode;      // when present
  WallTime learned_at{};  // when absent
};

struct EntryPlace {
  InodeNumber parent = InodeNumber::kNone;
  std::string name;

  bool operator==(const EntryPlace&) const = default;
};

struct ListingState {
  bool complete = false;
  WallTime listed_at{};
  std::uint64_t stale_before = 0;
};

std::string EntryKey(InodeNumber parent, std::string_view name);
std::string InodeKey(InodeNumber ino);
std::string StateKey(InodeNumber directory);
std::string GarbageKey(InodeNumber directory);
std::string AboutKey(std::string_view what);
// The name in an entry's key; the number in any other key that has one.
std::string_view NameOfEntryKey(std::string_view key);
InodeNumber InodeOfKey(std::string_view key);

// Decoders give nothing for bytes that no encoder made.
std::string EncodeEntry(const DirectoryEntry& entry);
std::optional<DirectoryEntry> DecodeEntry(std::string_view value, InodeNumber parent,
                                          std::string_view name);
std::string EncodePlace(const EntryPlace& place);
std::optional<EntryPlace> DecodePlace(std::string_view value);
std::string EncodeState(const ListingState& state);
std::optional<ListingState> DecodeState(std::string_view value);

}  // namespace skybridge::cache
