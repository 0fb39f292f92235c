#include "backends/oci/bucket.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "backends/after_acting.h"
#include "backends/file_length.h"
#include "backends/listing_scope.h"
#include "backends/oci/error.h"
#include "core/digest.h"
#include "core/time_text.h"

namespace skybridge::oci {
namespace {

constexpr int kPartialContent = 206;
constexpr int kRangeNotSatisfiable = 416;
// Between two looks at a work request when the service names no time of its own; doubled up to the
// longest wait.
constexpr std::chrono::milliseconds kFirstPoll{200};
constexpr std::chrono::milliseconds kLongestPoll{5'000};

std::string What(std::string_view operation, std::string_view name) {
  return fmt::format("{} '{}'", operation, name);
}

Error Corrupt(std::string_view what, std::string_view reason, bool retryable) {
  return Error{.code = ErrorCode::kCorrupt,
               .message = fmt::format("{}: {}", what, reason),
               .retryable = retryable};
}

// What the service says it stored is what we sent. MD5 is computed only when it says nothing
// better.
Status CheckStored(std::string_view what, const StoreDigests& stored, ByteSpan body,
                   std::uint32_t crc32c) {
  const bool equal =
      stored.crc32c ? *stored.crc32c == crc32c : !stored.md5 || *stored.md5 == Md5(body);
  if (equal) return {};
  return Fail(Corrupt(what, "the service stored other bytes than were sent", true));
}

// The service tells digests of whole objects only: they can be checked when all of it came. MD5 is
// computed only when there is nothing better.
Result<StoreDigests> CheckReceived(std::string_view what, const StoreDigests& sent, ByteSpan body) {
  const auto mismatch = [&](std::string_view kind, const std::string& got,
                            const std::string& expected) {
    return Corrupt(what,
                   fmt::format("{} bytes came with {} {}, the service sent {}", body.size(), kind,
                               got, expected),
                   true);
  };
  if (sent.crc32c) {
    const std::uint32_t crc32c = Crc32c(body);
    if (crc32c == *sent.crc32c) return StoreDigests{.crc32c = crc32c};
    return Fail(mismatch("CRC32C", EncodeCrc32c(crc32c), EncodeCrc32c(*sent.crc32c)));
  }
  if (!sent.md5) return StoreDigests{};
  const Md5Digest md5 = Md5(body);
  if (md5 == *sent.md5) return StoreDigests{.md5 = md5};
  return Fail(mismatch("MD5", Base64Encode(md5), Base64Encode(*sent.md5)));
}

// Every name is one that was asked for: whoever cuts the prefix off may rely on that.
Status CheckScope(const Listing& listing, const ListParameters& parameters) {
  const ListingScope scope{.prefix = parameters.prefix,
                           .one_level = parameters.fold_subdirectories};
  const bool in_scope =
      std::all_of(listing.objects.begin(), listing.objects.end(),
                  [&](const ListedObject& object) { return IsInListing(object.name, scope); }) &&
      std::all_of(listing.prefixes.begin(), listing.prefixes.end(), [&](const std::string& name) {
        return IsInListing(name, scope) && name.ends_with('/');
      });
  if (in_scope) return {};
  return Fail(Corrupt(What("list", parameters.prefix), "the answer holds other names", true));
}

// The page begins where it was asked to, and the next one behind its objects: whoever walks the
// pages gets on. A folded prefix may reach over either end.
Status CheckProgress(const Listing& listing, const ListParameters& parameters) {
  const std::string& next = listing.next_start_with;
  const auto begins_there = [&](const std::string& name) { return name >= parameters.start; };
  const bool advances =
      (next.empty() || next > parameters.start) &&
      std::all_of(listing.objects.begin(), listing.objects.end(),
                  [&](const ListedObject& object) {
                    return begins_there(object.name) && (next.empty() || object.name < next);
                  }) &&
      std::all_of(listing.prefixes.begin(), listing.prefixes.end(), [&](const std::string& name) {
        return begins_there(name) || parameters.start.starts_with(name);
      });
  if (advances) return {};
  return Fail(Corrupt(What("list", parameters.prefix),
                      "the pages do not follow each other, they would never end", true));
}

std::uint32_t CombinedCrc32c(std::span<const PartReceipt> parts) {
  std::uint32_t crc = 0;
  for (const PartReceipt& part : parts) crc = CombineCrc32c(crc, part.crc32c, part.size_bytes);
  return crc;
}

}  // namespace

Bucket::Bucket(BucketOptions options, HttpTransport& transport,
               std::unique_ptr<IdentityProvider> identities, Clock& clock)
    : options_(std::move(options)),
      client_(transport, std::move(identities), clock),
      name_space_(options_.name_space) {}

Result<std::string> Bucket::NameSpace(const CallContext& context) {
  {
    MutexLock lock(mutex_);
    if (!name_space_.empty()) return name_space_;
  }
  // It never changes: two threads that ask at the same time get the same answer.
  const HttpResponse response =
      TRY(client_.Send(MakeGetNamespace(options_.endpoint), "get namespace", context));
  std::string found = TRY(ParseNamespace(response.body));
  MutexLock lock(mutex_);
  name_space_ = found;
  return found;
}

Result<BucketAddress> Bucket::Address(const CallContext& context) {
  std::string name_space = TRY(NameSpace(context));
  return BucketAddress{.endpoint = options_.endpoint,
                       .name_space = std::move(name_space),
                       .bucket = options_.bucket,
                       .access = std::string(options_.access.Reveal())};
}

Result<HttpResponse> Bucket::Send(Call call, std::string_view what, const CallContext& context) {
  Result<HttpResponse> response = client_.Send(std::move(call), what, context);
  if (response) {
    seen_ = true;
  } else if (is_pre_authenticated()) {
    ExplainRefusal(response.error());
  } else if (response.error().code == ErrorCode::kContainerNotFound && seen_) {
    response.error().retryable = true;
  }
  return response;
}

Result<HttpResponse> Bucket::SendStep(Call call, std::string_view what, std::string_view upload_id,
                                      const CallContext& context) {
  Result<HttpResponse> response = Send(std::move(call), what, context);
  const bool has_own_secret = upload_id.starts_with('/');
  if (!response && has_own_secret && response.error().code == ErrorCode::kUnauthenticated) {
    return Fail(ErrorCode::kNotFound, fmt::format("{}: there is no such upload", what));
  }
  return response;
}

// What it was not made for is answered as if nothing were there, without saying what.
void Bucket::ExplainRefusal(Error& error) {
  if (error.code == ErrorCode::kContainerNotFound) {
    error.code = ErrorCode::kPermissionDenied;
    error.Advise("the pre-authenticated request does not allow this, or the bucket is gone");
  } else if (error.code == ErrorCode::kUnauthenticated) {
    error.Advise("the pre-authenticated request is over or was deleted: ask for a new one");
  }
}

Result<Listing> Bucket::List(const ListParameters& parameters, const CallContext& context,
                             WallTime* server_time) {
  const BucketAddress address = TRY(Address(context));
  const HttpResponse response =
      TRY(Send(MakeListObjects(address, parameters), What("list", parameters.prefix), context));
  if (server_time != nullptr)
    *server_time = ParseHttpDate(response.headers.Get("date")).value_or(WallTime{});
  Listing listing = TRY(ParseListing(response.body));
  TRY_VOID(CheckScope(listing, parameters));
  TRY_VOID(CheckProgress(listing, parameters));
  return listing;
}

Result<ObjectHead> Bucket::Head(std::string_view name, const std::optional<ETag>& if_match,
                                const CallContext& context) {
  const BucketAddress address = TRY(Address(context));
  const std::string what = What("head", name);
  const HttpResponse response = TRY(Send(MakeHeadObject(address, name, if_match), what, context));
  const auto size = ParseFileLength(response.headers.Get("content-length"));
  if (!size) return Fail(Corrupt(what, "the answer has no Content-Length", true));
  return ObjectHead{ParseObjectFacts(response.headers), *size, StoredHeadersOf(response.headers)};
}

Result<GetReply> Bucket::Get(std::string_view name, ByteRange range,
                             const std::optional<ETag>& if_match, std::span<std::byte> into,
                             const CallContext& context) {
  if (range.length_bytes > into.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                What("get", name) + ": the buffer is shorter than the range");
  }
  if (range.empty()) return PastEnd(name, range, if_match, context);
  Result<Received> received = Receive(name, range, if_match, into, context);
  if (received) return std::move(received->reply);
  if (received.error().remote.http_status == kRangeNotSatisfiable)
    return PastEnd(name, range, if_match, context);
  return Fail(std::move(received).error());
}

Result<ObjectHead> Bucket::GetWhole(std::string_view name, const ETag& if_match,
                                    std::span<std::byte> into, const CallContext& context) {
  const auto checked = [&](ObjectHead head) -> Result<ObjectHead> {
    if (head.size_bytes == into.size()) return head;
    return Fail(ErrorCode::kPreconditionFailed,
                What("get", name) + ": the object has another size than was said");
  };
  if (into.empty()) {
    ObjectHead head = TRY(Head(name, if_match, context));
    return checked(std::move(head));
  }
  Received received = TRY(Receive(name, {0, into.size()}, if_match, into, context));
  return checked({std::move(received.facts), received.reply.object_size_bytes,
                  std::move(received.stored_headers)});
}

Result<Bucket::Received> Bucket::Receive(std::string_view name, ByteRange range,
                                         const std::optional<ETag>& if_match,
                                         std::span<std::byte> into, const CallContext& context) {
  const BucketAddress address = TRY(Address(context));
  const std::string what = What("get", name);
  Call call = MakeGetObject(address, name, range, if_match);
  call.http.receive_into = into.first(range.length_bytes);
  const HttpResponse response = TRY(Send(std::move(call), what, context));
  const std::string_view content_range = response.headers.Get("content-range");
  const bool whole = response.status != kPartialContent;
  const std::uint64_t start =
      whole ? 0 : StartOfContentRange(content_range).value_or(range.end_bytes());
  if (start != range.offset_bytes)
    return Fail(Corrupt(what, "the service sent another range than was asked", true));
  const std::optional<std::uint64_t> total =
      whole ? std::optional<std::uint64_t>(response.bytes_received)
            : TotalOfContentRange(content_range);
  if (!total) return Fail(Corrupt(what, "the answer does not tell the object's size", true));
  if (response.bytes_received != Intersect(range, {0, *total}).length_bytes) {
    return Fail(Corrupt(what, "the service sent fewer bytes than it has", true));
  }
  ObjectFacts facts = ParseObjectFacts(response.headers);
  // A cache on the way may not know If-Match.
  if (if_match && !facts.etag.empty() && facts.etag != if_match->value)
    return Fail(ErrorCode::kPreconditionFailed, what + ": the answer is of another version");
  GetReply reply{response.bytes_received, *total, ETag(facts.etag)};
  if (reply.bytes_received == *total)
    reply.checked = TRY(CheckReceived(what, facts.digests, into.first(*total)));
  return Received{std::move(reply), std::move(facts), StoredHeadersOf(response.headers)};
}

// Nothing to read there; size and version come from HEAD, since a 416 names neither for certain.
Result<GetReply> Bucket::PastEnd(std::string_view name, ByteRange range,
                                 const std::optional<ETag>& if_match, const CallContext& context) {
  const ObjectHead head = TRY(Head(name, if_match, context));
  if (!range.empty() && head.size_bytes > range.offset_bytes) {
    return Fail(Error{.code = ErrorCode::kConflict,
                      .message = What("get", name) + ": the object grew while it was read",
                      .retryable = true});
  }
  return GetReply{0, head.size_bytes, ETag(head.facts.etag)};
}

Result<ObjectFacts> Bucket::Put(PutParameters parameters, const CallContext& context) {
  const BucketAddress address = TRY(Address(context));
  const std::string what = What("put", parameters.name);
  parameters.crc32c = Crc32c(parameters.body);
  const HttpResponse response = TRY(Send(MakePutObject(address, parameters), what, context));
  ObjectFacts facts = ParseObjectFacts(response.headers);
  TRY_VOID(CheckStored(what, facts.digests, parameters.body, parameters.crc32c));
  facts.digests.crc32c = parameters.crc32c;
  return facts;
}

Status Bucket::Delete(std::string_view name, const std::optional<ETag>& if_match,
                      const CallContext& context) {
  const BucketAddress address = TRY(Address(context));
  TRY(Send(MakeDeleteObject(address, name, if_match), What("delete", name), context));
  return {};
}

Result<std::vector<FailedDelete>> Bucket::BatchDelete(std::span<const NamedVersion> objects,
                                                      const CallContext& context) {
  const BucketAddress address = TRY(Address(context));
  Result<HttpResponse> response = Send(MakeBatchDelete(address, objects), "delete many", context);
  if (!response) {
    Error error = std::move(response).error();
    // Older realms do not know the action and answer 404 without meaning the bucket.
    if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kNotSupported;
    return Fail(std::move(error));
  }
  return ParseFailedDeletes(response->body);
}

Result<ObjectFacts> Bucket::Rename(const RenameParameters& parameters, const CallContext& context) {
  const BucketAddress address = TRY(Address(context));
  const HttpResponse response =
      TRY(Send(MakeRenameObject(address, parameters), What("rename", parameters.source), context));
  return ParseObjectFacts(response.headers);
}

Result<std::string> Bucket::CreateUpload(const CreateUploadParameters& parameters,
                                         const CallContext& context) {
  const BucketAddress address = TRY(Address(context));
  const HttpResponse response = TRY(
      Send(MakeCreateUpload(address, parameters), What("start upload", parameters.name), context));
  return is_pre_authenticated() ? ParseAccessUri(response.body) : ParseUploadId(response.body);
}

Result<UploadedPart> Bucket::UploadPart(PartParameters parameters, const CallContext& context) {
  const BucketAddress address = TRY(Address(context));
  const std::string what =
      fmt::format("upload part {} of '{}'", parameters.part_number, parameters.name);
  parameters.crc32c = Crc32c(parameters.body);
  if (is_pre_authenticated()) NotePart(parameters.upload_id, parameters.part_number);
  const HttpResponse response =
      TRY(SendStep(MakeUploadPart(address, parameters), what, parameters.upload_id, context));
  const ObjectFacts facts = ParseObjectFacts(response.headers);
  TRY_VOID(CheckStored(what, facts.digests, parameters.body, parameters.crc32c));
  if (facts.etag.empty()) return Fail(Corrupt(what, "the answer has no etag", true));
  return UploadedPart{facts.etag, parameters.crc32c};
}

Result<ObjectFacts> Bucket::CommitUpload(const CommitParameters& parameters,
                                         const CallContext& context) {
  const BucketAddress address = TRY(Address(context));
  const std::string what = What("commit upload of", parameters.name);
  const std::uint32_t last = parameters.parts.empty() ? 0 : parameters.parts.back().part_number;
  if (LastPart(parameters.upload_id) > last) {
    return Fail(ErrorCode::kNotSupported,
                what + ": through a pre-authenticated request no part can be left out");
  }
  const HttpResponse response =
      TRY(SendStep(MakeCommitUpload(address, parameters), what, parameters.upload_id, context));
  ForgetParts(parameters.upload_id);
  ObjectFacts facts = ParseObjectFacts(response.headers);
  const std::uint32_t expected = CombinedCrc32c(parameters.parts);
  if (facts.digests.crc32c && *facts.digests.crc32c != expected) {
    return Fail(Corrupt(what, "the whole object's CRC32C is not that of its parts", false));
  }
  return facts;
}

Status Bucket::AbortUpload(std::string_view name, std::string_view upload_id,
                           const CallContext& context) {
  const BucketAddress address = TRY(Address(context));
  ForgetParts(upload_id);
  TRY(SendStep(MakeAbortUpload(address, name, upload_id), What("abort upload of", name), upload_id,
               context));
  return {};
}

void Bucket::NotePart(std::string_view upload_id, std::uint32_t part_number) {
  const MutexLock lock(mutex_);
  std::uint32_t& last = last_parts_[std::string(upload_id)];
  last = std::max(last, part_number);
}

std::uint32_t Bucket::LastPart(std::string_view upload_id) const {
  const MutexLock lock(mutex_);
  const auto found = last_parts_.find(upload_id);
  return found == last_parts_.end() ? 0 : found->second;
}

void Bucket::ForgetParts(std::string_view upload_id) {
  const MutexLock lock(mutex_);
  if (const auto found = last_parts_.find(upload_id); found != last_parts_.end())
    last_parts_.erase(found);
}

Status Bucket::RewriteMetadata(std::string_view name, const ETag& etag, const Metadata& metadata,
                               const std::string& storage_tier, const CallContext& context) {
  const std::string what = What("rewrite metadata of", name);
  if (options_.region.empty()) {
    return Fail(ErrorCode::kInvalidArgument, what + ": the bucket's region must be configured");
  }
  const BucketAddress address = TRY(Address(context));
  const RewriteParameters parameters{std::string(name), options_.region, etag, metadata,
                                     storage_tier};
  const HttpResponse response = TRY(Send(MakeRewriteMetadata(address, parameters), what, context));
  const std::string work_id(response.headers.Get("opc-work-request-id"));
  if (work_id.empty()) return Fail(Corrupt(what, "the answer has no work request", true));
  return AfterActing(AwaitWork(what, work_id, context));
}

Status Bucket::AwaitWork(std::string_view what, const std::string& work_id,
                         const CallContext& context) {
  std::chrono::milliseconds pause = kFirstPoll;
  for (;;) {
    const HttpResponse response =
        TRY(client_.Send(MakeGetWorkRequest(options_.endpoint, work_id), what, context));
    const WorkState state = TRY(ParseWorkState(response.body));
    if (state == WorkState::kCompleted) return {};
    if (state == WorkState::kFailed) return Fail(WorkError(what, work_id, context));
    const MonotonicTime wake = clock().Now() + pause;
    if (wake >= context.deadline) {
      return Fail(Error{.code = ErrorCode::kTimedOut,
                        .message = fmt::format("{}: the service is still at work", what),
                        .retryable = true});
    }
    if (!clock().SleepUntil(wake, context.stop)) {
      return Fail(ErrorCode::kCancelled,
                  fmt::format("{}: stopped while the service was at work", what));
    }
    pause = std::min(pause * 2, kLongestPoll);
  }
}

Error Bucket::WorkError(std::string_view what, const std::string& work_id,
                        const CallContext& context) {
  Error error{.code = ErrorCode::kConflict,
              .message = fmt::format("{}: the service could not do it", what)};
  const auto response = client_.Send(MakeGetWorkErrors(options_.endpoint, work_id), what, context);
  if (!response) return error;
  const ServiceError said = ParseWorkErrors(response->body);
  error.message = fmt::format("{}: {}", what,
                              said.message.empty() ? "the service could not do it" : said.message);
  error.remote.service_code = said.code;
  if (said.code == "IfMatchFailed" || said.code == "NoEtagMatch")
    error.code = ErrorCode::kPreconditionFailed;
  if (said.code == "ObjectNotFound") error.code = ErrorCode::kNotFound;
  if (said.code == "InsufficientServicePermissions") error.code = ErrorCode::kPermissionDenied;
  return error;
}

}  // namespace skybridge::oci
