// ObjectStore: a remote tree of whole objects (an Azure file system or container, an OCI bucket, a
// directory), bound to one container and its credentials. You need it to read, write or list
// anything that is not on the local cache disk.
//
// A store shows a *tree*: files, symbolic links and directories. Where the service knows only flat
// keys, the store itself makes directories from prefixes and zero-byte markers; what it cannot do,
// `capabilities()` says.
//
// Every method: safe from many threads; blocks until reply, deadline or stop; makes exactly one
// attempt. Retrying is a decorator's work (backends/retrying_store.h), which repeats a call with
// `context.retried` set; a store then recognises its own earlier attempt where the service answers
// "already done" (it alone knows the protocol's facts).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/access_control.h"
#include "core/byte_range.h"
#include "core/call_context.h"
#include "core/content_headers.h"
#include "core/digest.h"
#include "core/ids.h"
#include "core/result.h"

namespace skybridge {

enum class NodeKind { kFile, kDirectory, kSymlink };

// What a POSIX program sets on a node and finds again on another machine: kept with the object, in
// the spelling that other tools of that cloud read (backends/posix_metadata.h). A field without
// value is not recorded with the object.
struct Attributes {
  std::optional<WallTime> mtime;
  std::optional<std::uint32_t> mode;  // permission bits only, 07777
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::map<std::string, std::string> xattrs;  // full names ("user.colour"), binary values
  // Metadata of other tools: kept as it is, never interpreted.
  std::map<std::string, std::string> foreign;
  // Of files and links; a directory has none of the next two.
  ContentHeaders content;
  // The storage tier, in one vocabulary for all stores: "Hot", "Cool", "Cold", "Archive", or another
  // word that the service has. Empty: the container's own default.
  std::string tier;
  // Nothing: not told, or when written: a new object gets what its service gives to new objects, and
  // a version that replaces another one keeps that one's (Capabilities::keeps_access).
  std::optional<AccessControl> access;

  bool operator==(const Attributes&) const = default;
};

// Digests of the whole content that the service computed or checked; or, of an object in parts,
// each of them checked by the service, the digest that was recorded with the object when it was
// made (backends/recorded_digest.h). Absent where there is none.
struct StoreDigests {
  std::optional<Md5Digest> md5;
  std::optional<std::uint32_t> crc32c;

  bool operator==(const StoreDigests&) const = default;
};

struct ObjectInfo {
  ObjectKey key;
  NodeKind kind = NodeKind::kFile;
  std::uint64_t size_bytes = 0;  // of a symbolic link: the length of its target
  ETag etag;                     // empty for a directory that exists only as a prefix
  WallTime last_modified{};      // the store's time; epoch where it has none
  WallTime told_at{};            // the store's time when it said this; epoch: not told
  // Nothing: this reply cannot tell (an OCI listing); ask Head. `kind` may then be kFile for what
  // is a symbolic link.
  std::optional<Attributes> attributes;
  StoreDigests digests;
};

// Of a store whose nodes an ordinary user owns: whom they may belong to.
struct OwnerLimits {
  std::uint32_t uid = 0;
  std::vector<std::uint32_t> gids;
};

// What callers must adapt to. Constant for the life of a store.
struct Capabilities {
  std::string name;               // "azure-hns", "azure-flat", "oci", "file": for logs and reports
  bool real_directories = false;  // a directory exists without marker and children
  bool atomic_directory_rename = false;  // else: object by object, resumable by calling again
  bool list_has_attributes =
      false;  // a listing carries attributes and symlink kinds; else Head each object
  bool list_is_sorted =
      false;  // a recursive listing comes in bytewise order of full paths (directories as "path/")
  bool set_attributes_rewrites =
      false;               // SetAttributes writes the object anew on the server: as dear as a Put
  bool append = false;     // StartUpload accepts `append_to`
  bool can_rename = true;  // else Rename is kNotSupported
  bool can_delete = true;  // else Delete, DeleteMany and RemoveDirectory are kNotSupported
  bool keeps_xattrs = true;
  bool keeps_content_headers = true;
  // Paths have owner, group and access control list of their own (Attributes::access). Every write
  // that replaces a path keeps them, or fails before it is visible.
  bool keeps_access = false;
  // Of Attributes::tier: the words that the store keeps. Others become its default.
  std::vector<std::string> tiers = {};
  bool links_keep_attributes = true;   // else a symbolic link keeps times and owner only
  bool root_keeps_attributes = false;  // SetAttributes works on the root, too
  // A directory's mtime is set by the store whenever a child is made or removed.
  bool directory_times_move = false;
  std::optional<OwnerLimits> owner_limits = {};  // nothing: any owner and group can be kept
  // What was uploaded in parts has a CRC-32C of its whole content, which stays with it.
  bool keeps_digests = true;
  // Get proves ranges up to this length by a digest of their own; longer ones only if they are the
  // whole object. 0: no range.
  std::uint64_t max_checked_range_bytes = 0;
  std::uint64_t max_put_bytes = 0;   // largest body of Put
  std::uint64_t min_part_bytes = 0;  // of every part but the last
  std::uint64_t max_part_bytes = 0;
  std::uint32_t max_parts = 0;
  // Parts of a key may be empty, "." or "..": names are flat, and a path is only what we see in
  // them. An empty last part is that of an object "dir/" with content (without, it is a marker).
  bool any_key_parts = false;
  std::uint32_t max_key_bytes = 1024;  // of the whole path
  std::uint32_t max_name_bytes = 255;  // of one part of it
  std::chrono::nanoseconds mtime_granularity{1};
};

// Without either, a write replaces whatever is there.
struct Conditions {
  std::optional<ETag> if_match;  // the target is this version; else kPreconditionFailed
  bool must_not_exist = false;   // the target does not exist; else kAlreadyExists
};

struct ListRequest {
  ObjectKey directory;  // the root lists the container
  bool recursive =
      false;  // true: all objects below, and those directories that exist by themselves
  std::string continuation;       // from the page before; opaque
  std::uint32_t max_entries = 0;  // a hint; 0: as many as the service gives
};

// A directory below the listed one that could not be read: the listing has nothing of what is in it.
struct UnlistedDirectory {
  ObjectKey key;
  Error error;
};

// One page. The directory itself is not among its entries. A page may be empty and still have a
// continuation. On flat stores a directory may come twice (once on each of two pages): callers that
// count must remove repeats.
struct ListPage {
  std::vector<ObjectInfo> entries;
  std::string continuation;  // empty: the listing is complete
  // Names of the service on this page that no key can hold: not shown, but never silently
  // forgotten. Each is cut after kMaxHiddenNameBytes.
  static constexpr std::size_t kMaxHiddenNameBytes = 1024;
  std::vector<std::string> hidden_names;
  void Hide(std::string_view name) {
    hidden_names.emplace_back(name.substr(0, kMaxHiddenNameBytes));
  }
  // Of a recursive listing. Each is an entry of this page or of an earlier one.
  std::vector<UnlistedDirectory> unlisted;
};

struct GetRequest {
  ObjectKey key;
  ByteRange range;               // length_bytes <= into.size()
  std::optional<ETag> if_match;  // always set it when more than one request reads one file
};

struct GetReply {
  std::size_t bytes_received = 0;  // fewer than asked only at the end of the object
  std::uint64_t object_size_bytes = 0;
  ETag etag;
  // Where the range was the whole object: those of its digests that the bytes were found to have.
  StoreDigests checked;
};

struct PutRequest {
  ObjectKey key;
  NodeKind kind = NodeKind::kFile;  // kSymlink: `body` is the target
  ByteSpan body;                    // at most max_put_bytes
  Attributes attributes;
  Conditions conditions;
};

// Names an upload in progress. Opaque and durable: may be written down and used after a restart.
struct UploadId {
  std::string value;
};

struct AppendBase {
  ETag etag;
  std::uint64_t size_bytes = 0;
};

struct StartUploadRequest {
  ObjectKey key;
  Attributes attributes;  // as known now; CommitUpload has the last word
  Conditions conditions;  // checked early where the service can, and again at the commit
  std::optional<AppendBase>
      append_to;  // parts continue this version of the object; only with Capabilities::append
};

struct UploadPartRequest {
  UploadId upload;
  ObjectKey key;
  std::uint32_t part_number =
      1;  // from 1, at most max_parts; sending a number again replaces that part
  std::uint64_t offset_bytes = 0;  // where the part's first byte lies in the object
  ByteSpan body;                   // never empty
};

// What the store said of a part, needed to commit it.
struct PartReceipt {
  std::uint32_t part_number = 0;
  std::uint64_t offset_bytes = 0;
  std::uint64_t size_bytes = 0;
  std::string tag;  // the store's own name for this version of the part
  std::uint32_t crc32c =
      0;  // of the body as sent; the store has checked a digest of the same bytes
};

struct CommitUploadRequest {
  UploadId upload;
  ObjectKey key;                   // as in StartUpload
  std::vector<PartReceipt> parts;  // ascending, without gaps
  Attributes attributes;
  Conditions conditions;
};

struct AbortUploadRequest {
  UploadId upload;
  ObjectKey key;
};

struct SetAttributesRequest {
  ObjectKey key;
  NodeKind kind = NodeKind::kFile;
  Attributes attributes;         // the complete set: what is not in it is removed
  std::optional<ETag> if_match;  // empty ETags (prefix-only directories) are not sent
  // Of the file that `if_match` names, if known: a store that must write it anew then need not ask.
  std::optional<std::uint64_t> size_bytes;
  // All that Head would tell of that version, because the caller has written it: a store that must
  // carry some of it over then need not look first.
  std::optional<ObjectInfo> info;
  // Whether the tier is written, too. Else it stays as it is: rules of the account move objects
  // between tiers without a new version, and a change of other attributes must not undo that.
  bool set_tier = false;
};

struct MakeDirectoryRequest {
  ObjectKey key;
  Attributes attributes;
  // The caller has looked, and nothing has that name: a store that makes directories of markers
  // need not look itself. A directory that has a marker is found all the same.
  bool nothing_there = false;
};

struct RenameRequest {
  ObjectKey source;
  ObjectKey destination;
  NodeKind kind = NodeKind::kFile;
  std::optional<ETag> source_if_match;  // also lets a retried call recognise its own first attempt
  Conditions destination_conditions;    // none: an existing file, or empty directory, is replaced
  // Of a file: all that Head would tell of the version `source_if_match`, because the caller has
  // written it. A store whose rename answers nothing then need not look first.
  std::optional<ObjectInfo> source_info;
  // Of a file: the caller has looked, and no directory has the destination's name.
  bool no_directory_there = false;
};

struct DeleteRequest {
  ObjectKey key;
  std::optional<ETag> if_match;
};

struct ProbeReply {
  WallTime server_time{};  // from the reply's Date; the caller compares it with its own clock
  std::string detail;      // "hierarchical namespace", "bucket in namespace x": one line for doctor
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  virtual const Capabilities& capabilities() const = 0;

  // Proves that the container exists and these credentials may see it. One or two requests.
  // Errors: kContainerNotFound, kUnauthenticated, kPermissionDenied, kUnavailable, kTimedOut.
  virtual Result<ProbeReply> Probe(const CallContext& context) = 0;

  // Errors: kNotFound for a missing directory where directories are real (flat stores answer an
  // empty page).
  virtual Result<ListPage> List(const ListRequest& request, const CallContext& context) = 0;

  // Always has attributes. A directory that is only a prefix is found, with an empty ETag. Errors:
  // kNotFound.
  virtual Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) = 0;
  // The same of a name that a listing shows as a directory: fewer requests where a name alone does
  // not tell. Where a file has that name too, it is the directory. Errors: kNotFound.
  virtual Result<ObjectInfo> HeadDirectory(const ObjectKey& key, const CallContext& context) {
    return Head(key, context);
  }

  // Writes the bytes of `request.range` to `into`. A range at or past the end yields 0 bytes, not
  // an error. Where the service tells a digest of just these bytes, they are checked against it
  // (docs/integrity.md says where). Errors: kNotFound; kPreconditionFailed if `if_match` is set and
  // the version differs; kIsDirectory; kCorrupt (retryable) if other bytes came than were sent.
  virtual Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                               const CallContext& context) = 0;

  // Writes a whole object: readers see the old one or the new one. The body's digest is checked by
  // the store. Missing parent directories come into being. Errors: kPreconditionFailed,
  // kAlreadyExists, kIsDirectory, kTooLarge.
  virtual Result<ObjectInfo> Put(const PutRequest& request, const CallContext& context) = 0;

  // An upload in parts, sent in any order and in parallel; nothing is visible before CommitUpload,
  // then all at once.
  virtual Result<UploadId> StartUpload(const StartUploadRequest& request,
                                       const CallContext& context) = 0;
  virtual Result<PartReceipt> UploadPart(const UploadPartRequest& request,
                                         const CallContext& context) = 0;
  // Errors: kPreconditionFailed, kAlreadyExists (the upload stays; abort it), kNotFound if the
  // upload is gone.
  virtual Result<ObjectInfo> CommitUpload(const CommitUploadRequest& request,
                                          const CallContext& context) = 0;
  // Frees what was sent. An upload that is already gone is no error.
  virtual Status AbortUpload(const AbortUploadRequest& request, const CallContext& context) = 0;

  // Replaces the attributes; the content stays. The ETag changes. Turns a prefix-only directory
  // into one that exists by itself. Errors: kNotFound, kPreconditionFailed, kNotSupported (never a
  // silent success).
  virtual Result<ObjectInfo> SetAttributes(const SetAttributesRequest& request,
                                           const CallContext& context) = 0;

  // Makes one directory (parents come into being where the store needs them).
  // Errors: kAlreadyExists if anything has that name.
  virtual Result<ObjectInfo> MakeDirectory(const MakeDirectoryRequest& request,
                                           const CallContext& context) = 0;
  // Errors: kNotEmpty, kNotFound, kNotDirectory. Never deletes a child.
  virtual Status RemoveDirectory(const ObjectKey& key, const CallContext& context) = 0;

  // Moves a file, link or directory within the store, attributes and all; returns the destination.
  // Errors: kNotFound (source), kAlreadyExists, kNotEmpty, kPreconditionFailed, kInvalidArgument
  // (into itself).
  virtual Result<ObjectInfo> Rename(const RenameRequest& request, const CallContext& context) = 0;

  // Deletes a file or link. Errors: kNotFound, kPreconditionFailed, kIsDirectory.
  virtual Status Delete(const DeleteRequest& request, const CallContext& context) = 0;
  // Deletes many, in as few requests as the service allows; one status for each request, in order.
  virtual std::vector<Status> DeleteMany(std::span<const DeleteRequest> requests,
                                         const CallContext& context) = 0;
};

}  // namespace skybridge
