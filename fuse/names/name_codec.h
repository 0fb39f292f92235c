// NameCodec: how the parts of object keys become names of files, and back. Owner of the escape rule
// (SEMANTICS.md, "Names cannot hurt").
//
// Bytes are bytes: nearly every part is shown as it is. A part that no directory entry can hold is
// shown in an escaped form, which begins with "%!":
//
// clang-format off
//     ""         "%!"                       percent-encoding of the part; also of "\0"
//     ".", ".."  "%!.", "%!.."
//     "%!x"      "%!%25%21x"
//     over 255   "%!START!DIGEST!long"      the part's first bytes and its SHA-256, in hex
//     a file whose name a directory has:    "%!NAME!file"
// clang-format on
//
// The rule is reversible: of all spellings only the one that LocalName or ShadowedFileName would
// give is accepted, so two local names never stand for one object, and no local name leaves its
// directory. The part behind a digest is found in a listing of the directory, and proved by the
// digest. A program cannot make an escaped form: it exists only where the store has such a key.
// Pure; safe from many threads.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "fuse/vocabulary.h"

namespace skybridge::fuse {

// The local name for one part of a key.
std::string LocalName(std::string_view part);
// The local name of a file whose name a directory has.
std::string ShadowedFileName(std::string_view part);

// True for all that begins as an escaped form does; RemoteName tells whether it is one.
bool IsEscapedForm(std::string_view local_name);
// True for what ShadowedFileName makes.
bool IsShadowedFileName(std::string_view local_name);
// True for names with a digest: only a listing tells which part they stand for.
bool IsDigestName(std::string_view local_name);
// Whether a part is what a name with a digest stands for.
bool IsPartOfDigestName(std::string_view part, std::string_view local_name);

// The part of a key that a local name stands for.
// Errors: kNameTooLong; kInvalidName for a spelling that no part has ("%!plain"), and for names
// with a digest.
Result<std::string> RemoteName(std::string_view local_name);

// What a program wants to make. Errors: kNameTooLong; kInvalidName for escaped forms.
Status CheckNewName(std::string_view local_name);

}  // namespace skybridge::fuse
