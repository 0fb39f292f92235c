// BlobClient: what both Azure stores do alike, because files of either kind of account are blobs:
// read, describe, write whole, list and set metadata. Knows blobs by name; what a directory is, the
// stores know.
//
// Where the account's Blob endpoint cannot be reached (Options::blob_endpoint is empty) it speaks
// DFS instead, which cannot write whole and whose listings have no metadata.
#pragma once

#include <array>
#include <string>

#include "backends/azure/blob_list.h"
#include "backends/azure/blob_requests.h"
#include "backends/azure/channel.h"
#include "backends/azure/names.h"
#include "backends/azure/replies.h"
#include "backends/object_store.h"
#include "backends/posix_metadata.h"

namespace skybridge::azure {

// One page of blobs below a name prefix.
struct BlobListQuery {
  ObjectKey directory;
  bool one_level = true;
  std::string marker;
  std::uint32_t max_results = 0;
};

struct SetBlobMetadata {
  ObjectKey key;
  std::string blob_name;
  NodeKind kind = NodeKind::kFile;
  Attributes attributes;
  std::optional<ETag> if_match;
  std::optional<ObjectInfo> info;  // as in SetAttributesRequest
  bool set_tier = false;
};

// Limits of one blob since version 2019-12-12 (Azure REST: Put Blob, Put Block), the same for
// appends.
inline constexpr std::uint64_t kMaxPutBytes = std::uint64_t{5000} << 20;
inline constexpr std::uint64_t kMaxPartBytes = std::uint64_t{4000} << 20;
inline constexpr std::uint32_t kMaxParts = 50'000;

// Access tiers of block blobs, which are the words of Attributes::tier. Source: Azure REST: Set Blob
// Tier.
inline constexpr std::array<const char*, 4> kAzureTiers = {"Hot", "Cool", "Cold", "Archive"};

// A refused write in the store's words: a version that is gone is a failed precondition, and "must
// not exist" fails as kAlreadyExists however the service spells it.
Error AsWriteError(Error error, const Conditions& conditions);

// Safe from many threads. Transport and clock must outlive it.
class BlobClient {
 public:
  BlobClient(const Options& options, MetadataDialect dialect, HttpTransport& transport,
             const Clock& clock);

  const Names& names() const { return names_; }
  const Channel& channel() const { return channel_; }
  Checksum checksum() const { return checksum_; }
  bool dfs_only() const { return dfs_only_; }
  // Null: modes and owners are metadata.
  const AccountIds* account_ids() const { return account_ids_.get(); }

  // Proves container and credentials: lists one name.
  Result<ProbeReply> Probe(std::string detail, const CallContext& context) const;
  // kCorrupt also for names outside of what was asked for: every entry begins with the prefix.
  Result<BlobListPage> List(const BlobListQuery& query, const CallContext& context) const;
  Result<Sighting> Head(const ObjectKey& key, const std::string& blob_name,
                        const CallContext& context) const;
  // Errors besides those of ObjectStore::Get: none; a blob that marks a directory is kIsDirectory.
  Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                       const CallContext& context) const;
  // Recognises its own earlier attempt. Not over DFS.
  Result<ObjectInfo> Put(const PutRequest& request, const std::string& blob_name,
                         const CallContext& context) const;
  // After a repeated Put that was refused with `error`: what an earlier attempt wrote, told by
  // size, digest and attributes, else `error`.
  Result<ObjectInfo> FindOwnPut(const PutRequest& request, const std::string& blob_name,
                                Error error, const CallContext& context) const;
  // Recognises its own earlier attempt by the attributes. Content headers and tier, which are not
  // metadata, cost a request each where they change.
  Result<ObjectInfo> SetMetadata(const SetBlobMetadata& request, const CallContext& context) const;

  // Replaces all metadata of a blob. Over DFS the content headers go along.
  HttpRequest MakeReplaceMetadata(const std::string& blob_name, MetadataMap metadata,
                                  const ContentHeaders& content,
                                  std::optional<ETag> if_match) const;

  // The digest of a version, as it is written with its metadata now; nothing where none is recorded.
  std::optional<std::string> RecordedNow(const ObjectInfo& info) const;
  // The metadata that a copy of `source` must be given: all of it, where a digest is recorded, which
  // is bound to the time of the version. Empty: what the service takes along is right.
  Result<MetadataMap> MetadataForCopy(const ObjectInfo& source) const;

  // Errors besides those of the service: kNotSupported where only DFS can be reached.
  Status SetTier(const ObjectKey& key, const std::string& blob_name, const std::string& tier,
                 const CallContext& context) const;

  Result<MetadataMap> Encode(NodeKind kind, const Attributes& attributes) const {
    return EncodePosixMetadata(dialect_, kind, Recorded(attributes));
  }
  // Those that are metadata, content headers or tier: access is the account's own matter, and so are
  // mode, owner and group where account_ids() tells them.
  Attributes Recorded(Attributes attributes) const;
  // Whether what was found has what was sent, as far as it is recorded.
  bool SameRecorded(const ObjectInfo& found, const ObjectInfo& sent) const;
  ObjectInfo Describe(Sighting sighting) const;
  // Of a listing entry whose key is `key`.
  ObjectInfo Describe(ObjectKey key, const ListedBlob& blob, bool is_directory) const;

 private:
  Result<ETag> SetContentHeaders(const SetBlobMetadata& request, const Sighting& there,
                                 const CallContext& context) const;
  Result<HttpResponse> ReplaceMetadata(const SetBlobMetadata& request, const Sighting& there,
                                       MetadataMap metadata, bool carries_digest,
                                       const CallContext& context) const;
  Result<Sighting> LookBeforeSetting(const SetBlobMetadata& request,
                                     const CallContext& context) const;

  std::string FileUrl(const std::string& blob_name) const {
    return dfs_only_ ? names_.DfsUrl(blob_name) : names_.BlobUrl(blob_name);
  }
  // How the service proves the bytes of a range: over DFS it knows MD5 only.
  Checksum range_checksum() const { return dfs_only_ ? Checksum::kMd5 : checksum_; }
  Result<HttpResponse> SendList(const BlobListQuery& query, const CallContext& context) const;
  Result<BlobListPage> ParseList(const HttpResponse& response) const;
  Result<GetReply> AnswerEmpty(const GetRequest& request, const CallContext& context) const;

  const MetadataDialect dialect_;
  const Checksum checksum_;
  const bool dfs_only_;
  const bool tell_access_;
  const std::shared_ptr<const AccountIds> account_ids_;
  const Names names_;
  const Channel channel_;
};

}  // namespace skybridge::azure
