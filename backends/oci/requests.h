// The requests of OCI Object Storage's native API as pure functions: method, percent-encoded URL,
// headers, JSON body. Source: "Object Storage Service API" (Oracle documentation) and the request
// builders of the official SDKs.
//
// An object name is one path segment: '/' is sent as %2F, which keeps "a//b" and a leading '/'
// apart from what proxies would make of them. ETags are sent without quotes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/http_transport.h"
#include "backends/object_store.h"
#include "backends/oci/signer.h"

namespace skybridge::oci {

using Metadata = std::map<std::string, std::string>;  // names without "opc-meta-"

// A request with what the signer must know. `json` is the body where there is one of ours; it is
// owned here and bound to `http.body` just before sending.
struct Call {
  HttpRequest http;
  SigningProfile signing = SigningProfile::kGeneric;
  std::string json = {};
};

struct BucketAddress {
  std::string endpoint;  // scheme://host[:port]
  std::string name_space;
  std::string bucket;
  std::string access = {};  // "/p/SECRET" of a pre-authenticated request: a secret; else empty
};

Call MakeGetNamespace(std::string_view endpoint);

struct ListParameters {
  std::string prefix;
  std::string start;                 // names from here on (inclusive); empty: from the beginning
  bool fold_subdirectories = false;  // delimiter=/
  std::uint32_t limit = 1000;
};
Call MakeListObjects(const BucketAddress& bucket, const ListParameters& parameters);

Call MakeHeadObject(const BucketAddress& bucket, std::string_view name,
                    const std::optional<ETag>& if_match);
// `range` must not be empty.
Call MakeGetObject(const BucketAddress& bucket, std::string_view name, ByteRange range,
                   const std::optional<ETag>& if_match);

// What a PUT stores beside the bytes and the metadata, by lower-case header: content-type,
// content-encoding, content-language, content-disposition, cache-control, storage-tier.
using StoredHeaders = std::map<std::string, std::string>;
StoredHeaders StoredHeadersOf(const HttpHeaders& reply);

struct PutParameters {
  std::string_view name;
  ByteSpan body;
  std::uint32_t crc32c = 0;  // of the body
  Metadata metadata;
  StoredHeaders stored_headers;  // empty: application/octet-stream
  Conditions conditions;
};
Call MakePutObject(const BucketAddress& bucket, const PutParameters& parameters);

Call MakeDeleteObject(const BucketAddress& bucket, std::string_view name,
                      const std::optional<ETag>& if_match);

struct NamedVersion {
  std::string name;
  std::optional<ETag> if_match;
};
inline constexpr std::size_t kMaxBatchDelete = 1000;
Call MakeBatchDelete(const BucketAddress& bucket, std::span<const NamedVersion> objects);

struct RenameParameters {
  std::string source;
  std::string destination;
  std::optional<ETag> source_if_match;
  Conditions destination_conditions;
};
Call MakeRenameObject(const BucketAddress& bucket, const RenameParameters& parameters);

// Copies an object onto itself with other metadata: the service's only way to change the metadata
// of a large object.
struct RewriteParameters {
  std::string name;
  std::string region;
  ETag etag;
  Metadata metadata;
  std::string storage_tier = {};  // empty: stays
};
Call MakeRewriteMetadata(const BucketAddress& bucket, const RewriteParameters& parameters);
Call MakeGetWorkRequest(std::string_view endpoint, std::string_view id);
Call MakeGetWorkErrors(std::string_view endpoint, std::string_view id);

// An upload has an id; one that was started through a pre-authenticated request has a path instead,
// with a secret of its own ("/p/SECRET/n/NAMESPACE/b/BUCKET/u/OBJECT/id/ID/"), and is committed
// with every part that was sent. Where an `upload_id` is asked for, either may stand.
struct CreateUploadParameters {
  std::string name;
  Metadata metadata;
  StoredHeaders stored_headers = {};  // empty: application/octet-stream
  Conditions conditions;
};
Call MakeCreateUpload(const BucketAddress& bucket, const CreateUploadParameters& parameters);

struct PartParameters {
  std::string_view name;
  std::string_view upload_id;
  std::uint32_t part_number = 1;
  ByteSpan body;
  std::uint32_t crc32c = 0;
};
Call MakeUploadPart(const BucketAddress& bucket, const PartParameters& parameters);

struct CommitParameters {
  std::string_view name;
  std::string_view upload_id;
  std::span<const PartReceipt> parts;
  Conditions conditions;
};
Call MakeCommitUpload(const BucketAddress& bucket, const CommitParameters& parameters);
Call MakeAbortUpload(const BucketAddress& bucket, std::string_view name,
                     std::string_view upload_id);

}  // namespace skybridge::oci
