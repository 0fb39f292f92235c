#include "backends/azure/path_list.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "backends/azure/replies.h"

namespace skybridge::azure {
namespace {

using Json = nlohmann::json;

tl::unexpected<Error> NotAListing() {
  return Fail(ErrorCode::kCorrupt, "the service's answer is not the JSON of a listing");
}

// Members are texts, numbers and truth values alike: "true", "5".
std::string Text(const Json& entry, const char* name) {
  const auto found = entry.find(name);
  if (found == entry.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace

Result<BlobListPage> ParsePathList(std::string_view json, std::string continuation) {
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return NotAListing();
  const auto paths = parsed.find("paths");
  if (paths == parsed.end() || !paths->is_array()) return NotAListing();
  BlobListPage page{.entries = {}, .next_marker = std::move(continuation)};
  for (const Json& entry : *paths) {
    std::string name = entry.is_object() ? Text(entry, "name") : std::string();
    if (name.empty()) return NotAListing();
    page.entries.push_back({.name = std::move(name),
                            .is_directory = Text(entry, "isDirectory") == "true",
                            .size_bytes = ParseDecimal(Text(entry, "contentLength")).value_or(0),
                            .etag = StripETag(Text(entry, "etag")),
                            .last_modified = ParseTime(Text(entry, "lastModified"))});
  }
  return page;
}

}  // namespace skybridge::azure
