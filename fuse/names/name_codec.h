// NameCodec: how the names of objects become names of files, and back. Owner of the escape rule
// (SEMANTICS.md, "names").
//
// Bytes are bytes: nearly every name is shown as it is. What a directory entry cannot hold is shown
// as "%!" followed by its percent-encoding:
//     ""  -> "%!"       "."  -> "%!."      ".." -> "%!.."     "a\0b" -> "%!a%00b"     "%!x" ->
//     "%!%25%21x"
// On flat stores one name may be both a file and a directory. The directory has the name; the file
// is "%!NAME!file". Names longer than 255 bytes, also after escaping, cannot be shown: they are
// hidden, and counted in `status`.
//
// The rule is reversible: of all spellings only the one that ToLocal would give is accepted, so two
// local names never stand for one object. No local name can leave its directory. Pure; safe from
// many threads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "fuse/vocabulary.h"

namespace skybridge::fuse {

// The local name for one part of a key; nothing if there cannot be one.
std::optional<std::string> LocalName(std::string_view remote_name);
// The local name of a file whose name a directory has; nothing if there cannot be one.
std::optional<std::string> ShadowedFileName(std::string_view remote_name);
// True for what ShadowedFileName makes.
bool IsShadowedFileName(std::string_view local_name);

// The part of a key that a local name stands for.
// Errors: kNameTooLong; kInvalidName for a spelling that no remote name has ("%!plain").
Result<std::string> RemoteName(std::string_view local_name);

}  // namespace skybridge::fuse
