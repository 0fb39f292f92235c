#include "backends/oci/replies.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "backends/file_length.h"
#include "core/digest.h"
#include "core/parse_number.h"
#include "core/time_text.h"

namespace skybridge::oci {
namespace {

using Json = nlohmann::json;

// Never throws: what does not parse is a discarded value.
Json Parse(std::string_view body) { return Json::parse(body, nullptr, /*allow_exceptions=*/false); }

Error Unreadable(std::string_view what) {
  return Error{.code = ErrorCode::kCorrupt,
               .message = "the answer to " + std::string(what) + " is not understood",
               .retryable = true};
}

std::string Text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t Number(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

const Json* Array(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? &*found : nullptr;
}

// What does not tell its size would pass for empty.
bool TellsSize(const Json& entry) {
  const auto size = entry.find("size");
  return size != entry.end() && size->is_number_unsigned() &&
         size->get<std::uint64_t>() <= kMaxFileBytes;
}

ListedObject ListedFrom(const Json& entry) {
  ListedObject object;
  object.name = Text(entry, "name");
  object.size_bytes = Number(entry, "size");
  object.etag = Text(entry, "etag");
  // None for "4J5P1iZbNhFf49sy35RdhA==-2", which is of several parts.
  object.md5 = DecodeMd5(Text(entry, "md5"));
  // Before 1970 no object was made: such a time is as good as none.
  const auto time = ParseRfc3339(Text(entry, "timeModified"));
  if (time && *time > WallTime{}) object.time_modified = *time;
  return object;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::string_view WithoutQuotes(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    etag = etag.substr(1, etag.size() - 2);
  return etag;
}

}  // namespace

ServiceError ParseServiceError(std::string_view body) {
  const Json json = Parse(body);
  if (!json.is_object()) return {};
  return {Text(json, "code"), Text(json, "message")};
}

Result<std::string> ParseNamespace(std::string_view body) {
  const Json json = Parse(body);
  if (!json.is_string() || json.get_ref<const std::string&>().empty())
    return Fail(Unreadable("GetNamespace"));
  return json.get<std::string>();
}

Result<Listing> ParseListing(std::string_view body) {
  const Json json = Parse(body);
  if (!json.is_object()) return Fail(Unreadable("ListObjects"));
  const Json* objects = Array(json, "objects");
  // Without this a page of some other service would read as "the directory is empty".
  if (objects == nullptr) return Fail(Unreadable("ListObjects"));
  Listing listing;
  listing.objects.reserve(objects->size());
  for (const Json& entry : *objects) {
    if (!entry.is_object() || !TellsSize(entry)) return Fail(Unreadable("ListObjects"));
    listing.objects.push_back(ListedFrom(entry));
  }
  if (const Json* prefixes = Array(json, "prefixes")) {
    for (const Json& prefix : *prefixes) {
      if (prefix.is_string()) listing.prefixes.push_back(prefix.get<std::string>());
    }
  }
  listing.next_start_with = Text(json, "nextStartWith");
  return listing;
}

ObjectFacts ParseObjectFacts(const HttpHeaders& headers) {
  constexpr std::string_view kMetadataPrefix = "opc-meta-";
  ObjectFacts facts;
  facts.etag = WithoutQuotes(headers.Get("etag"));
  if (const auto time = ParseHttpDate(headers.Get("last-modified"))) facts.last_modified = *time;
  if (const auto date = ParseHttpDate(headers.Get("date"))) facts.told_at = *date;
  facts.digests.md5 = DecodeMd5(headers.Get("content-md5"));
  if (!facts.digests.md5) facts.digests.md5 = DecodeMd5(headers.Get("opc-content-md5"));
  facts.digests.crc32c = DecodeCrc32c(headers.Get("opc-content-crc32c"));
  for (const auto& [name, value] : headers) {
    std::string lower = LowerCase(name);
    if (lower.starts_with(kMetadataPrefix))
      facts.metadata[lower.substr(kMetadataPrefix.size())] = value;
  }
  return facts;
}

std::optional<std::uint64_t> TotalOfContentRange(std::string_view content_range) {
  const auto slash = content_range.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return ParseNumber<std::uint64_t>(content_range.substr(slash + 1));
}

std::optional<std::uint64_t> StartOfContentRange(std::string_view content_range) {
  constexpr std::string_view kUnit = "bytes ";
  const auto dash = content_range.find('-');
  if (!content_range.starts_with(kUnit) || dash == std::string_view::npos) return std::nullopt;
  return ParseNumber<std::uint64_t>(content_range.substr(kUnit.size(), dash - kUnit.size()));
}

Result<std::string> ParseUploadId(std::string_view body) {
  const Json json = Parse(body);
  std::string id = json.is_object() ? Text(json, "uploadId") : std::string();
  if (id.empty()) return Fail(Unreadable("CreateMultipartUpload"));
  return id;
}

Result<std::string> ParseAccessUri(std::string_view body) {
  const Json json = Parse(body);
  std::string path = json.is_object() ? Text(json, "accessUri") : std::string();
  const bool is_path = path.starts_with("/p/") && path.ends_with('/') &&
                       path.find_first_of(" \r\n?#") == std::string::npos;
  if (!is_path) return Fail(Unreadable("the upload through a pre-authenticated request"));
  return path;
}

Result<std::vector<FailedDelete>> ParseFailedDeletes(std::string_view body) {
  const Json json = Parse(body);
  if (!json.is_object()) return Fail(Unreadable("BatchDeleteObjects"));
  std::vector<FailedDelete> failed;
  if (const Json* entries = Array(json, "failed")) {
    for (const Json& entry : *entries) {
      if (!entry.is_object()) return Fail(Unreadable("BatchDeleteObjects"));
      failed.push_back({Text(entry, "objectName"), static_cast<int>(Number(entry, "statusCode")),
                        Text(entry, "errorMessage")});
    }
  }
  return failed;
}

Result<WorkState> ParseWorkState(std::string_view body) {
  const Json json = Parse(body);
  const std::string status = json.is_object() ? Text(json, "status") : std::string();
  if (status == "COMPLETED") return WorkState::kCompleted;
  if (status == "FAILED" || status == "CANCELED") return WorkState::kFailed;
  if (status == "ACCEPTED" || status == "IN_PROGRESS" || status == "CANCELING")
    return WorkState::kRunning;
  return Fail(Unreadable("GetWorkRequest"));
}

ServiceError ParseWorkErrors(std::string_view body) {
  const Json json = Parse(body);
  if (!json.is_array() || json.empty() || !json.front().is_object()) return {};
  return {Text(json.front(), "code"), Text(json.front(), "message")};
}

}  // namespace skybridge::oci
