#include "backends/azure/path_list.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "backends/azure/replies.h"
#include "backends/file_length.h"

namespace skybridge::azure {
namespace {

using Json = nlohmann::json;

tl::unexpected<Error> NotAListing() {
  return Fail(ErrorCode::kCorrupt, "the service's answer is not the JSON of a listing");
}

// Members are texts, numbers and truth values alike: "true", "5". Nothing else is written out: that
// recurses, and how deep a list nests is the sender's choice.
Result<std::string> Text(const Json& entry, const char* name) {
  const auto found = entry.find(name);
  if (found == entry.end() || found->is_null()) return std::string();
  if (found->is_structured()) return NotAListing();
  return found->is_string() ? found->get<std::string>() : found->dump();
}

Result<ListedBlob> ParseEntry(const Json& entry) {
  if (!entry.is_object()) return NotAListing();
  ListedBlob blob;
  blob.name = TRY(Text(entry, "name"));
  if (blob.name.empty()) return NotAListing();
  const std::string is_directory = TRY(Text(entry, "isDirectory"));
  const std::string content_length = TRY(Text(entry, "contentLength"));
  const std::string etag = TRY(Text(entry, "etag"));
  const std::string last_modified = TRY(Text(entry, "lastModified"));
  blob.is_directory = is_directory == "true";
  const auto size = ParseFileLength(content_length);
  // What does not tell its length would pass for empty.
  if (!size && !blob.is_directory) return NotAListing();
  blob.size_bytes = size.value_or(0);
  blob.etag = StripETag(etag);
  blob.last_modified = ParseTime(last_modified);
  return blob;
}

}  // namespace

Result<BlobListPage> ParsePathList(std::string_view json, std::string continuation) {
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return NotAListing();
  const auto paths = parsed.find("paths");
  if (paths == parsed.end() || !paths->is_array()) return NotAListing();
  BlobListPage page{.entries = {}, .next_marker = std::move(continuation)};
  page.entries.reserve(paths->size());
  for (const Json& entry : *paths) {
    ListedBlob blob = TRY(ParseEntry(entry));
    page.entries.push_back(std::move(blob));
  }
  return page;
}

}  // namespace skybridge::azure
