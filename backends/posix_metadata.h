// How POSIX attributes are spelt in an object's user metadata, so that other tools of the same
// cloud read them and we read theirs. You need it in every store that keeps attributes in metadata.
// Pure; safe from many threads.
//
// Azure, as rclone and AzCopy (--preserve-posix-properties) write it:
//   mtime, modtime            RFC 3339 with 9 decimals; Unix nanoseconds
//   permissions               st_mode in decimal, type bits included
//   posix_owner, posix_group  decimal
//   is_symlink = true         a link, also to blobfuse2
//   hdi_isfolder = true       a directory, on flat accounts only, also to blobfuse2
//   xattr_<hex of name>       base64 of the value
//
// OCI, as rclone (--metadata) writes it:
//   mtime                     Unix seconds, decimal fraction
//   mode                      st_mode in octal, type bits included: "0100644", a link "0120777"
//   uid, gid                  decimal
//   xattr-<hex of name>       base64 of the value
//
// Read besides, and written again in the standard spelling: Azure Managed Lustre's owner, group,
// octal permissions ("0644") and modtime ("2026-01-05 10:20:30 +0000"); mtime in the other cloud's
// form; on Azure mode, uid and gid as rclone --metadata writes them there. A link has no
// permission bits of its own: none are kept for it. An empty xattr value is "-", since empty header
// values do not survive everywhere.
//
// All other keys are `Attributes::foreign`. A foreign key that the dialect cannot spell, or that
// would mean something to it (both came from another cloud), is kept as key_<hex of key> (OCI:
// key-<hex>) and comes back under its own name. A key of ours with a value that we cannot read is foreign too, until we write our own value
// over it.
// Sources: rclone "Azure Blob" and "Oracle Object Storage" pages; AzCopy common/unixStatAdapter.go.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "backends/object_store.h"

namespace skybridge {

enum class MetadataDialect {
  kAzureFlat,          // blob metadata; directories are marked
  kAzureHierarchical,  // path properties; directories are real and must not be marked
  kOci,
};

// User metadata without the service's header prefix ("x-ms-meta-", "opc-meta-").
using MetadataMap = std::map<std::string, std::string>;

// Names plus values. Azure: 8 KiB (Set Blob Metadata). OCI publishes no figure; objects above this
// have been refused.
std::size_t MaxMetadataBytes(MetadataDialect dialect);

// Errors: kTooLarge over MaxMetadataBytes; kInvalidArgument for a foreign value that no header can
// carry (only printable ASCII can) or an empty foreign key.
Result<MetadataMap> EncodePosixMetadata(MetadataDialect dialect, NodeKind kind,
                                        const Attributes& attributes);

struct PosixMetadata {
  NodeKind kind = NodeKind::kFile;
  Attributes attributes;
};

// `known_kind`: what the store knows without metadata (kDirectory for a marker, a prefix or a real
// directory). Keys compare without case: services and proxies change it.
PosixMetadata DecodePosixMetadata(MetadataDialect dialect, NodeKind known_kind,
                                  const MetadataMap& metadata);

}  // namespace skybridge
