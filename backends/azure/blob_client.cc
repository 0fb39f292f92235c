#include "backends/azure/blob_client.h"

#include <algorithm>

#include <fmt/format.h>

#include "backends/after_acting.h"
#include "backends/azure/dfs_requests.h"
#include "backends/azure/path_list.h"
#include "backends/file_length.h"
#include "backends/known_version.h"
#include "backends/listing_scope.h"
#include "backends/recorded_digest.h"
#include "core/digest.h"
#include "core/encoding.h"
#include "core/parse_number.h"

namespace skybridge::azure {
namespace {

struct ContentRange {
  std::uint64_t first_byte = 0;
  std::uint64_t total_bytes = 0;
};

// "bytes 0-4/11"
std::optional<ContentRange> ParseContentRange(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos) return std::nullopt;
  const auto first = ParseNumber<std::uint64_t>(text.substr(0, dash));
  const auto total = ParseNumber<std::uint64_t>(text.substr(slash + 1));
  if (!first || !total) return std::nullopt;
  return ContentRange{*first, *total};
}

// What the headers of a 200 or 206 say the body is. Nothing if it is not what was asked for.
std::optional<ContentRange> ReceivedRange(const HttpResponse& response) {
  if (response.status == 206) return ParseContentRange(response.headers.Get("Content-Range"));
  const auto length = ParseNumber<std::uint64_t>(response.headers.Get("Content-Length"));
  return ContentRange{0, length.value_or(response.bytes_received)};
}

// The received bytes against the service's digest of the range; nothing to check where it told
// none.
Status CheckRangeDigest(const GetRequest& request, const HttpResponse& response, ByteSpan received,
                        Checksum checksum) {
  if (request.range.length_bytes > kMaxRangeDigestBytes) return {};
  const bool md5 = checksum == Checksum::kMd5;
  const std::string_view sent = response.headers.Get(md5 ? "Content-MD5" : "x-ms-content-crc64");
  if (sent.empty()) return {};
  const std::string got = md5 ? Base64Encode(Md5(received)) : EncodeCrc64(Crc64Nvme(received));
  if (got == sent) return {};
  return Fail(Error{
      .code = ErrorCode::kCorrupt,
      .message = fmt::format("get '{}': {} bytes from {} came with {} {}, the service sent {}",
                             request.key.path, received.size(), request.range.offset_bytes,
                             md5 ? "MD5" : "CRC-64", got, sent),
      .retryable = true});
}

bool IsAboutConditions(ErrorCode code) {
  return code == ErrorCode::kAlreadyExists || code == ErrorCode::kPreconditionFailed;
}

}  // namespace

Error AsWriteError(Error error, const Conditions& conditions) {
  const std::string& code = error.remote.service_code;
  if (code == "SourceConditionNotMet" || code == "SourcePathNotFound" ||
      code == "RenameDestinationParentPathNotFound") {
    return error;
  }
  if (conditions.if_match && error.code == ErrorCode::kNotFound)
    error.code = ErrorCode::kPreconditionFailed;
  if (conditions.must_not_exist && error.code == ErrorCode::kPreconditionFailed) {
    error.code = ErrorCode::kAlreadyExists;
  }
  return error;
}

BlobClient::BlobClient(const Options& options, MetadataDialect dialect, HttpTransport& transport,
                       const Clock& clock)
    : dialect_(dialect),
      checksum_(options.checksum),
      dfs_only_(options.blob_endpoint.empty()),
      tell_access_((options.tell_access || options.account_ids) &&
                   dialect == MetadataDialect::kAzureHierarchical),
      account_ids_(options.account_ids),
      names_(options),
      channel_(options, transport, clock) {}

Result<ProbeReply> BlobClient::Probe(std::string detail, const CallContext& context) const {
  const HttpResponse response = TRY(SendList({.directory = {}, .max_results = 1}, context));
  TRY_VOID(ParseList(response));
  return ProbeReply{.server_time = ParseTime(response.headers.Get("Date")),
                    .detail = std::move(detail)};
}

Result<BlobListPage> BlobClient::List(const BlobListQuery& query,
                                      const CallContext& context) const {
  const HttpResponse response = TRY(SendList(query, context));
  BlobListPage page = TRY(ParseList(response));
  const WallTime told_at = ParseTime(response.headers.Get("Date"));
  for (ListedBlob& blob : page.entries) blob.told_at = told_at;
  page.server_time = ParseTime(response.headers.Get("Date"));
  const std::string prefix = names_.ChildPrefix(query.directory);
  const ListingScope scope{.prefix = prefix, .one_level = query.one_level};
  const auto may_be_there = [&](const ListedBlob& blob) {
    // A file that is listed over DFS as if it were a directory; the store knows what to say.
    return IsInListing(blob.name, scope) || (dfs_only_ && blob.name + '/' == prefix);
  };
  if (std::all_of(page.entries.begin(), page.entries.end(), may_be_there)) return page;
  return Fail(ErrorCode::kCorrupt,
              fmt::format("list '{}': the answer holds other names", query.directory.path));
}

Result<HttpResponse> BlobClient::SendList(const BlobListQuery& query,
                                          const CallContext& context) const {
  std::string prefix = names_.ChildPrefix(query.directory);
  if (!dfs_only_) {
    return channel_.Send(MakeListBlobsRequest({.container_url = names_.container_blob_url(),
                                               .prefix = std::move(prefix),
                                               .one_level = query.one_level,
                                               .marker = query.marker,
                                               .max_results = query.max_results,
                                               .permissions = tell_access_}),
                         query.directory, context);
  }
  if (prefix.ends_with('/')) prefix.pop_back();
  return channel_.Send(MakeListPathsRequest({.container_url = names_.container_dfs_url(),
                                             .directory = std::move(prefix),
                                             .one_level = query.one_level,
                                             .continuation = query.marker,
                                             .max_results = query.max_results}),
                       query.directory, context);
}

Result<BlobListPage> BlobClient::ParseList(const HttpResponse& response) const {
  if (!dfs_only_) return ParseBlobList(response.body);
  return ParsePathList(response.body, std::string(response.headers.Get("x-ms-continuation")));
}

Result<Sighting> BlobClient::Head(const ObjectKey& key, const std::string& blob_name,
                                  const CallContext& context) const {
  const HttpResponse response =
      TRY(channel_.Send(MakeHeadBlobRequest(FileUrl(blob_name)), key, context));
  Sighting sighting = SightingFromHeaders(key, response.headers);
  // Not every proxy keeps the length where no body follows; a file would pass for empty.
  if (sighting.is_directory || ParseFileLength(response.headers.Get("Content-Length")))
    return sighting;
  return Fail(Error{.code = ErrorCode::kCorrupt,
                    .message = fmt::format("head '{}': the answer has no length", key.path),
                    .retryable = true});
}

Result<GetReply> BlobClient::Get(const GetRequest& request, std::span<std::byte> into,
                                 const CallContext& context) const {
  if (request.range.length_bytes > into.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("get '{}': the buffer is too small", request.key.path));
  }
  if (request.range.empty()) return AnswerEmpty(request, context);
  HttpRequest http = MakeGetBlobRequest({.url = FileUrl(names_.BlobName(request.key)),
                                         .range = request.range,
                                         .if_match = request.if_match,
                                         .checksum = range_checksum()});
  http.receive_into = into.first(request.range.length_bytes);
  const auto response = channel_.Send(http, request.key, context);
  // 416: the range begins at or past the end.
  if (!response && response.error().remote.http_status == 416) return AnswerEmpty(request, context);
  if (!response) return Fail(response.error());
  if (SightingFromHeaders(request.key, response->headers).is_directory) {
    return Fail(ErrorCode::kIsDirectory,
                fmt::format("get '{}': it is a directory", request.key.path));
  }
  const auto range = ReceivedRange(*response);
  const bool asked_for =
      range && range->first_byte == request.range.offset_bytes &&
      response->bytes_received == Intersect(request.range, {0, range->total_bytes}).length_bytes;
  if (!asked_for) {
    return Fail(
        Error{.code = ErrorCode::kCorrupt,
              .message = fmt::format("get '{}': the answer is of another range", request.key.path),
              .retryable = true});
  }
  // A cache on the way may not know If-Match.
  const ETag etag = StripETag(response->headers.Get("ETag"));
  if (request.if_match && !etag.empty() && etag != *request.if_match) {
    return Fail(ErrorCode::kPreconditionFailed,
                fmt::format("get '{}': the answer is of another version", request.key.path));
  }
  TRY_VOID(
      CheckRangeDigest(request, *response, into.first(response->bytes_received), range_checksum()));
  return GetReply{.bytes_received = response->bytes_received,
                  .object_size_bytes = range->total_bytes,
                  .etag = etag};
}

// No byte is wanted, or none is there: size and version still are.
Result<GetReply> BlobClient::AnswerEmpty(const GetRequest& request,
                                         const CallContext& context) const {
  const Sighting sighting = TRY(Head(request.key, names_.BlobName(request.key), context));
  if (sighting.is_directory) {
    return Fail(ErrorCode::kIsDirectory,
                fmt::format("get '{}': it is a directory", request.key.path));
  }
  if (request.if_match && *request.if_match != sighting.etag) {
    return Fail(ErrorCode::kPreconditionFailed,
                fmt::format("get '{}': it has changed", request.key.path));
  }
  if (!request.range.empty() && request.range.offset_bytes < sighting.size_bytes) {
    return Fail(Error{.code = ErrorCode::kConflict,
                      .message = fmt::format("get '{}': it grew meanwhile", request.key.path),
                      .retryable = true});
  }
  return GetReply{
      .bytes_received = 0, .object_size_bytes = sighting.size_bytes, .etag = sighting.etag};
}

Result<ObjectInfo> BlobClient::Put(const PutRequest& request, const std::string& blob_name,
                                   const CallContext& context) const {
  MetadataMap metadata = TRY(Encode(request.kind, request.attributes));
  const auto response = channel_.Send(MakePutBlobRequest({.url = names_.BlobUrl(blob_name),
                                                          .body = request.body,
                                                          .metadata = metadata,
                                                          .content = request.attributes.content,
                                                          .tier = request.attributes.tier,
                                                          .conditions = request.conditions,
                                                          .checksum = checksum_}),
                                      request.key, context);
  Sighting written{.key = request.key,
                   .is_directory = request.kind == NodeKind::kDirectory,
                   .size_bytes = request.body.size(),
                   .metadata = std::move(metadata),
                   .content = request.attributes.content,
                   .tier = request.attributes.tier};
  if (response) {
    written.etag = StripETag(response->headers.Get("ETag"));
    written.last_modified = ParseTime(response->headers.Get("Last-Modified"));
    written.md5 = DecodeMd5(response->headers.Get("Content-MD5"));
    return Describe(std::move(written));
  }
  return FindOwnPut(request, blob_name, AsWriteError(response.error(), request.conditions),
                    context);
}

Result<ObjectInfo> BlobClient::FindOwnPut(const PutRequest& request, const std::string& blob_name,
                                          Error error, const CallContext& context) const {
  if (!context.retried || !IsAboutConditions(error.code)) return Fail(std::move(error));
  const auto there = Head(request.key, blob_name, context);
  if (IsOpen(there)) return Fail(there.error());
  if (!there || there->size_bytes != request.body.size()) return Fail(std::move(error));
  const ObjectInfo found = Describe(*there);
  const bool same_content =
      there->md5 ? *there->md5 == Md5(request.body) : found.digests.crc32c == Crc32c(request.body);
  MetadataMap metadata = TRY(Encode(request.kind, request.attributes));
  const ObjectInfo sent = Describe(Sighting{.key = request.key,
                                            .is_directory = request.kind == NodeKind::kDirectory,
                                            .metadata = std::move(metadata),
                                            .content = request.attributes.content,
                                            .tier = request.attributes.tier});
  if (!same_content || !SameRecorded(found, sent)) return Fail(std::move(error));
  return found;
}

HttpRequest BlobClient::MakeReplaceMetadata(const std::string& blob_name, MetadataMap metadata,
                                            const ContentHeaders& content,
                                            std::optional<ETag> if_match) const {
  if (dfs_only_) {
    return MakeSetPropertiesRequest({.url = names_.DfsUrl(blob_name),
                                     .properties = std::move(metadata),
                                     .content = content,
                                     .if_match = std::move(if_match)});
  }
  return MakeSetMetadataRequest({.url = names_.BlobUrl(blob_name),
                                 .metadata = std::move(metadata),
                                 .if_match = std::move(if_match)});
}

std::optional<std::string> BlobClient::RecordedNow(const ObjectInfo& info) const {
  if (!info.digests.crc32c || info.digests.md5) return std::nullopt;
  return FormatRecordedCrc32c(info.size_bytes, *info.digests.crc32c, channel_.ServerNow());
}

Result<MetadataMap> BlobClient::MetadataForCopy(const ObjectInfo& source) const {
  const auto recorded = RecordedNow(source);
  if (!recorded || !source.attributes) return MetadataMap();
  MetadataMap metadata = TRY(Encode(source.kind, *source.attributes));
  metadata[std::string(kRecordedCrc32cKey)] = *recorded;
  return metadata;
}

// What the metadata of a blob is replaced on.
Result<Sighting> BlobClient::LookBeforeSetting(const SetBlobMetadata& request,
                                               const CallContext& context) const {
  const ObjectInfo* const known = KnownVersion(request.info, request.if_match, context);
  if (known == nullptr) return Head(request.key, request.blob_name, context);
  Sighting there{.key = request.key,
                 .size_bytes = known->size_bytes,
                 .etag = known->etag,
                 .last_modified = known->last_modified,
                 .metadata = MetadataMap(),
                 .md5 = known->digests.md5,
                 .content = known->attributes->content,
                 .tier = known->attributes->tier};
  if (known->digests.crc32c && !known->digests.md5) {
    there.metadata->emplace(
        kRecordedCrc32cKey,
        FormatRecordedCrc32c(known->size_bytes, *known->digests.crc32c, known->last_modified));
  }
  return there;
}

Status BlobClient::SetTier(const ObjectKey& key, const std::string& blob_name,
                           const std::string& tier, const CallContext& context) const {
  if (dfs_only_) {
    return Fail(ErrorCode::kNotSupported,
                fmt::format("set the tier of '{}': only DFS can be reached", key.path));
  }
  TRY_VOID(channel_.Send(MakeSetTierRequest(names_.BlobUrl(blob_name), tier), key, context));
  return {};
}

// The version that has them, which is `there` where it has them already.
Result<ETag> BlobClient::SetContentHeaders(const SetBlobMetadata& request, const Sighting& there,
                                           const CallContext& context) const {
  const ContentHeaders& wanted = request.attributes.content;
  if (dfs_only_ || there.is_directory || there.content == wanted) return there.etag;
  const HttpResponse response =
      TRY(channel_.Send(MakeSetBlobPropertiesRequest({.url = names_.BlobUrl(request.blob_name),
                                                      .content = wanted,
                                                      .md5 = there.md5,
                                                      .if_match = there.etag}),
                        request.key, context));
  return StripETag(response.headers.Get("ETag"));
}

// Content headers first, where they change; then the metadata, conditional on the version that these
// made, or where nothing is carried over, on the caller's.
Result<HttpResponse> BlobClient::ReplaceMetadata(const SetBlobMetadata& request,
                                                 const Sighting& there, MetadataMap metadata,
                                                 bool carries_digest,
                                                 const CallContext& context) const {
  const ETag etag = TRY(SetContentHeaders(request, there, context));
  const bool conditional = carries_digest || etag != there.etag;
  return channel_.Send(
      MakeReplaceMetadata(request.blob_name, std::move(metadata), request.attributes.content,
                          conditional ? std::optional(etag) : request.if_match),
      request.key, context);
}

// All metadata is replaced, and the digest of the whole is part of it: it is carried over, and then
// no other version may come between.
Result<ObjectInfo> BlobClient::SetMetadata(const SetBlobMetadata& request,
                                           const CallContext& context) const {
  MetadataMap metadata = TRY(Encode(request.kind, request.attributes));
  Sighting there = TRY(LookBeforeSetting(request, context));
  const StoreDigests digests = Describe(there).digests;
  Sighting changed = there;
  changed.metadata = metadata;
  changed.content = request.attributes.content;
  const bool set_tier =
      request.set_tier && !request.attributes.tier.empty() && request.attributes.tier != there.tier;
  if (set_tier) changed.tier = request.attributes.tier;
  ObjectInfo wanted = Describe(std::move(changed));
  wanted.digests = digests;
  if (const auto recorded = RecordedNow(wanted))
    metadata[std::string(kRecordedCrc32cKey)] = *recorded;
  if (request.if_match && *request.if_match != there.etag) {
    // Our own earlier attempt changed the ETag, or somebody else did.
    if (context.retried) {
      ObjectInfo found = Describe(std::move(there));
      if (SameRecorded(found, wanted)) return found;
    }
    return Fail(ErrorCode::kPreconditionFailed,
                fmt::format("set metadata of '{}': it has changed", request.key.path));
  }
  auto response =
      ReplaceMetadata(request, there, std::move(metadata), digests.crc32c.has_value(), context);
  if (response && set_tier)
    TRY_VOID(
        AfterActing(SetTier(request.key, request.blob_name, wanted.attributes->tier, context)));
  if (!response) {
    Error error = std::move(response).error();
    // A condition that nobody asked for is ours, and an earlier attempt of ours may have ended
    // late: look again.
    const bool look_again = !request.if_match || context.retried;
    if (error.code == ErrorCode::kPreconditionFailed && look_again) {
      error.code = ErrorCode::kConflict;
      error.retryable = true;
    }
    return Fail(std::move(error));
  }
  wanted.etag = StripETag(response->headers.Get("ETag"));
  wanted.last_modified = ParseTime(response->headers.Get("Last-Modified"));
  return wanted;
}

ObjectInfo BlobClient::Describe(Sighting sighting) const {
  if (!tell_access_) sighting.access.reset();
  ObjectInfo info = azure::Describe(dialect_, std::move(sighting));
  if (account_ids_ && info.attributes) ShowAccess(*account_ids_, info.kind, *info.attributes);
  return info;
}

Attributes BlobClient::Recorded(Attributes attributes) const {
  attributes.access.reset();
  if (!account_ids_) return attributes;
  attributes.mode.reset();
  attributes.uid.reset();
  attributes.gid.reset();
  return attributes;
}

bool BlobClient::SameRecorded(const ObjectInfo& found, const ObjectInfo& sent) const {
  const auto recorded = [&](const ObjectInfo& info) {
    return Recorded(info.attributes.value_or(Attributes{}));
  };
  return recorded(found) == recorded(sent);
}

ObjectInfo BlobClient::Describe(ObjectKey key, const ListedBlob& blob, bool is_directory) const {
  return Describe(Sighting{.key = std::move(key),
                           .is_directory = is_directory,
                           .size_bytes = blob.size_bytes,
                           .etag = blob.etag,
                           .last_modified = blob.last_modified,
                           .told_at = blob.told_at,
                           .metadata = blob.metadata,
                           .md5 = blob.md5,
                           .content = blob.content,
                           .tier = blob.tier,
                           .access = blob.access});
}

}  // namespace skybridge::azure
