#include "backends/oci/oci_store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "backends/oci/description.h"
#include "backends/oci/oci_store_impl.h"
#include "core/url.h"

namespace skybridge::oci {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint32_t kMaxListEntries = 1000;

// Objects and folded prefixes of one page in one order: that of full paths, directories as "path/".
struct PageBuilder {
  const ObjectNames& names;
  const Capabilities& capabilities;
  ListPage page = {};
  std::vector<std::pair<std::string, ObjectInfo>> rows = {};

  void Add(std::string_view name, bool is_directory, ObjectInfo info) {
    auto key = names.Key(is_directory ? name.substr(0, name.size() - 1) : name, capabilities);
    if (!key) {
      page.Hide(name);
      return;
    }
    info.key = *std::move(key);
    info.kind = is_directory ? NodeKind::kDirectory : NodeKind::kFile;
    rows.emplace_back(name, std::move(info));
  }

  ListPage Finish() {
    std::sort(rows.begin(), rows.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    page.entries.reserve(rows.size());
    for (auto& row : rows) page.entries.push_back(std::move(row.second));
    return std::move(page);
  }
};

// Where the next page starts. After a folded prefix "p/" everything below it would only be folded
// into it again, and nextStartWith may well lie inside: '0' is the byte after '/', so "p0" is the
// first name behind that subtree.
std::string NextStart(const Listing& listing) {
  if (listing.next_start_with.empty() || listing.prefixes.empty()) return listing.next_start_with;
  const std::string& last = listing.prefixes.back();
  if (!listing.next_start_with.starts_with(last)) return listing.next_start_with;
  return last.substr(0, last.size() - 1) + '0';
}

Status CheckEndpoint(const std::string& endpoint) {
  const auto url = ParseUrl(endpoint);
  const bool good = url && !url->has_user && !url->has_fragment && url->path == "/" &&
                    url->query.empty() && endpoint.find_first_of("?#", 0) == std::string::npos &&
                    !endpoint.ends_with('/');
  if (good) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("OCI endpoint '{}': allowed is https://HOST[:PORT] (or http) without a path",
                  endpoint));
}

}  // namespace

// Limits from "Object Storage Limits" (Oracle documentation); 10 MiB is the least part it has ever
// asked for.
Capabilities MakeCapabilities(const ObjectNames& names, bool is_pre_authenticated) {
  return {.name = "oci",
          .list_is_sorted = true,
          .set_attributes_rewrites = true,
          .can_rename = !is_pre_authenticated,
          .can_delete = !is_pre_authenticated,
          .tiers = {"Cool", "Archive"},
          .max_put_bytes = 50 * kGiB,
          .min_part_bytes = std::uint64_t{10} << 20,
          .max_part_bytes = 50 * kGiB,
          .max_parts = 10'000,
          .any_key_parts = true,
          .max_key_bytes = names.max_key_bytes(),
          .max_name_bytes = names.max_key_bytes()};
}

Error KeyError(ErrorCode code, std::string_view operation, const ObjectKey& key) {
  return Error{.code = code, .message = fmt::format("{} '{}'", operation, key.path)};
}

Error NotThrough(std::string_view operation, const ObjectKey& key) {
  Error error = KeyError(ErrorCode::kNotSupported, operation, key);
  error.message += ": a pre-authenticated request cannot do this";
  return error;
}

Result<ProbeReply> OciStoreImpl::Probe(const CallContext& context) {
  ProbeReply reply;
  const auto listing = bucket_.List({.prefix = names_.Directory(ObjectKey()), .limit = 1}, context,
                                    &reply.server_time);
  const bool may_read = !listing && bucket_.is_pre_authenticated() &&
                        listing.error().code == ErrorCode::kPermissionDenied;
  if (may_read) return ProbeWithoutListing(context);
  if (!listing) return Fail(listing.error());
  const std::string name_space = TRY(bucket_.NameSpace(context));
  reply.detail = fmt::format("bucket '{}' in namespace '{}'", bucket_.name(), name_space);
  return reply;
}

// Who may read is told that an object is not there; who may not is told nothing. (Not by HEAD,
// whose answers are both without a body.)
Result<ProbeReply> OciStoreImpl::ProbeWithoutListing(const CallContext& context) {
  std::byte byte{};
  const std::string name = names_.File(ObjectKey(".skybridge-probe"));
  const auto read = bucket_.Get(name, {0, 1}, std::nullopt, std::span(&byte, 1), context);
  if (!read && read.error().code != ErrorCode::kNotFound) return Fail(read.error());
  return ProbeReply{
      .detail = fmt::format("bucket '{}'; what is in it can be read but not listed (the "
                            "pre-authenticated request lacks bucketListingAction ListObjects)",
                            bucket_.name())};
}

Result<ListPage> OciStoreImpl::List(const ListRequest& request, const CallContext& context) {
  if (!request.directory.is_root()) TRY_VOID(CheckObjectKey(request.directory, capabilities_));
  const std::string prefix = names_.Directory(request.directory);
  const std::uint32_t limit =
      request.max_entries == 0 ? kMaxListEntries : std::min(request.max_entries, kMaxListEntries);
  WallTime told_at{};
  const Listing listing = TRY(bucket_.List({.prefix = prefix,
                                            .start = request.continuation,
                                            .fold_subdirectories = !request.recursive,
                                            .limit = limit},
                                           context, &told_at));
  PageBuilder builder{names_, capabilities_};
  for (const ListedObject& object : listing.objects) {
    const bool is_marker = IsMarker(object);
    if (is_marker && object.name == prefix) continue;  // the directory's own
    const bool is_deeper =
        !request.recursive && !is_marker && object.name.ends_with('/') && object.name != prefix;
    if (is_deeper) {  // content of a directory below, which the service should have folded
      builder.Add(object.name, true, {});
      continue;
    }
    // A listing tells milliseconds, HEAD only seconds: both must tell the same.
    builder.Add(object.name, is_marker,
                {.size_bytes = is_marker ? 0 : object.size_bytes,
                 .etag = ETag(object.etag),
                 .last_modified = std::chrono::floor<std::chrono::seconds>(object.time_modified),
                 .told_at = told_at,
                 .digests = {.md5 = is_marker ? std::nullopt : object.md5}});
  }
  for (const std::string& folded : listing.prefixes) builder.Add(folded, true, {});
  ListPage page = builder.Finish();
  page.continuation = NextStart(listing);
  return page;
}

Result<ObjectInfo> OciStoreImpl::HeadFile(const ObjectKey& key, const CallContext& context) {
  if (names_.File(key).empty()) return Fail(KeyError(ErrorCode::kNotFound, "head", key));
  const ObjectHead head = TRY(bucket_.Head(names_.File(key), std::nullopt, context));
  // What is empty under such a name is the marker of another directory.
  if (head.size_bytes == 0 && key.name().empty())
    return Fail(KeyError(ErrorCode::kNotFound, "head", key));
  return DescribeObject(key, NodeKind::kFile, head);
}

Status OciStoreImpl::CheckFileKey(const ObjectKey& key) const {
  TRY_VOID(CheckObjectKey(key, capabilities_));
  if (!names_.File(key).empty()) return {};
  return Fail(ErrorCode::kInvalidName, "an object without a name");
}

Result<ObjectInfo> OciStoreImpl::FindDirectory(const ObjectKey& key, const CallContext& context) {
  const std::string marker = names_.Directory(key);
  const Listing listing = TRY(bucket_.List({.prefix = marker, .limit = 1}, context));
  const bool is_there = !listing.objects.empty() || key.is_root();
  if (!is_there) return Fail(KeyError(ErrorCode::kNotFound, "head", key));
  const bool is_marked = !listing.objects.empty() && listing.objects.front().name == marker &&
                         IsMarker(listing.objects.front());
  if (!is_marked) return DescribePrefix(key);
  return DescribeObject(key, NodeKind::kDirectory,
                        TRY(bucket_.Head(marker, std::nullopt, context)));
}

Result<ObjectInfo> OciStoreImpl::Head(const ObjectKey& key, const CallContext& context) {
  if (key.is_root()) {
    // The root of a whole bucket has no name and so no marker.
    if (names_.Directory(key).empty()) return DescribePrefix(key);
    return FindDirectory(key, context);
  }
  TRY_VOID(CheckObjectKey(key, capabilities_));
  Result<ObjectInfo> file = HeadFile(key, context);
  if (file || file.error().code != ErrorCode::kNotFound) return file;
  return FindDirectory(key, context);
}

Result<ObjectInfo> OciStoreImpl::HeadDirectory(const ObjectKey& key, const CallContext& context) {
  if (key.is_root()) return Head(key, context);
  TRY_VOID(CheckObjectKey(key, capabilities_));
  const auto marker = bucket_.Head(names_.Directory(key), std::nullopt, context);
  // With content it is a file in the directory.
  if (marker && marker->size_bytes > 0) return DescribePrefix(key);
  if (marker) return DescribeObject(key, NodeKind::kDirectory, *marker);
  if (marker.error().code != ErrorCode::kNotFound) return Fail(marker.error());
  if (TRY(HasAnythingBelow(key, context))) return DescribePrefix(key);
  return Fail(marker.error());
}

Result<bool> OciStoreImpl::HasAnythingBelow(const ObjectKey& directory,
                                            const CallContext& context) {
  const Listing listing =
      TRY(bucket_.List({.prefix = names_.Directory(directory), .limit = 1}, context));
  return !listing.objects.empty();
}

Error OciStoreImpl::MissingFile(const ObjectKey& key, Error otherwise, const CallContext& context) {
  const Result<bool> directory = HasAnythingBelow(key, context);
  if (!directory) return directory.error();
  if (*directory) otherwise.code = ErrorCode::kIsDirectory;
  return otherwise;
}

Result<GetReply> OciStoreImpl::Get(const GetRequest& request, std::span<std::byte> into,
                                   const CallContext& context) {
  TRY_VOID(CheckFileKey(request.key));
  Result<GetReply> reply =
      bucket_.Get(names_.File(request.key), request.range, request.if_match, into, context);
  if (reply || reply.error().code != ErrorCode::kNotFound) return reply;
  return Fail(MissingFile(request.key, std::move(reply).error(), context));
}

Result<std::unique_ptr<ObjectStore>> MakeOciStore(const OciStoreOptions& options,
                                                  HttpTransport& transport,
                                                  std::unique_ptr<IdentityProvider> identities,
                                                  Clock& clock) {
  if (options.bucket.empty()) return Fail(ErrorCode::kInvalidArgument, "OCI: no bucket is named");
  BucketOptions bucket{.endpoint = options.endpoint,
                       .region = options.region.empty()
                                     ? std::string()
                                     : RegionId(options.region, options.environment),
                       .name_space = options.name_space,
                       .bucket = options.bucket,
                       .access = options.access};
  if (bucket.endpoint.empty()) {
    if (bucket.region.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "OCI: neither a region nor an endpoint is configured");
    }
    bucket.endpoint =
        TRY(ObjectStorageEndpoint(bucket.region, bucket.name_space, options.environment));
  }
  while (bucket.endpoint.ends_with('/')) bucket.endpoint.pop_back();
  TRY_VOID(CheckEndpoint(bucket.endpoint));
  Capabilities for_root = MakeCapabilities(ObjectNames(ObjectKey()), false);
  for_root.any_key_parts = false;
  if (!options.root.is_root()) TRY_VOID(CheckObjectKey(options.root, for_root));
  // Room for at least one name of one byte below it.
  if (options.root.path.size() + 3 > kMaxNameBytes) {
    return Fail(ErrorCode::kNameTooLong, "OCI: the path below the bucket leaves no room for names");
  }
  return std::make_unique<OciStoreImpl>(std::move(bucket), options.root, transport,
                                        std::move(identities), clock);
}

}  // namespace skybridge::oci
