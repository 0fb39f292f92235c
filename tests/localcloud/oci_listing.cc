#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/oci_handlers.h"

namespace skybridge::localcloud::oci {
namespace {

constexpr std::int64_t kMaxNamesPerPage = 1000;
constexpr char kDelimiter = '/';

using ObjectMap = std::map<std::string, ObjectRef, std::less<>>;

struct ListRequest {
  std::string prefix;
  std::string first;         // smallest name wanted
  bool after_first = false;  // ... and `first` itself is not
  std::string end;           // names from here on are not wanted; "" if there is no such bound
  std::size_t limit = 0;
  bool has_delimiter = false;
  std::vector<std::string> fields;  // lower case; "name" is always given
};

struct ListPage {
  std::vector<ObjectRef> objects;
  std::vector<std::string> prefixes;
  std::string next;  // the first name of the next page; "" at the end
};

// Member names in the order in which they are written, and what asks for them.
constexpr std::array<std::string_view, 8> kFields = {
    "name", "size", "timeCreated", "timeModified", "etag", "storageTier", "archivalState", "md5"};

Outcome<std::vector<std::string>> ParseFields(std::string_view text) {
  std::vector<std::string> fields;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    fields.push_back(LowerCase(text.substr(0, comma)));
    const bool known = std::any_of(kFields.begin(), kFields.end(), [&](std::string_view field) {
      return LowerCase(field) == fields.back();
    });
    if (!known)
      return Refuse(400, "InvalidParameter",
                    fmt::format("The field '{}' is not known", fields.back()));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return fields;
}

Outcome<ListRequest> ParseRequest(const OciQuery& query) {
  ListRequest request{.prefix = std::string(query.Get("prefix")),
                      .end = std::string(query.Get("end"))};
  request.limit = static_cast<std::size_t>(OCI_TRY(
      NumberParameter(query, "limit", 1, kMaxNamesPerPage, kMaxNamesPerPage, "InvalidLimit")));
  request.fields = OCI_TRY(ParseFields(query.Get("fields")));
  if (const std::string* delimiter = query.Find("delimiter")) {
    if (*delimiter != std::string_view(&kDelimiter, 1)) {
      return Refuse(400, "InvalidObjectName",
                    fmt::format("delimiter parameter '{}' is not supported", *delimiter));
    }
    request.has_delimiter = true;
  }
  if (query.Find("start") != nullptr && query.Find("startAfter") != nullptr) {
    return Refuse(400, "InvalidParameter", "start and startAfter exclude each other");
  }
  const std::string* after = query.Find("startAfter");
  const std::string_view start = after != nullptr ? *after : query.Get("start");
  request.after_first = after != nullptr && *after >= request.prefix;
  request.first = std::max<std::string_view>(start, request.prefix);
  return request;
}

// The smallest text that no name beginning with `prefix` reaches; `prefix` ends with the delimiter.
std::string AfterPrefix(std::string prefix) {
  prefix.back() = kDelimiter + 1;
  return prefix;
}

// Walks names in byte order and jumps over what a prefix hides. A page that ends with a prefix is
// continued at the second name inside it, so that clients meet the same prefix again on the next
// page, as they do with the service.
ListPage Collect(const ObjectMap& objects, const ListRequest& request) {
  ListPage page;
  auto at =
      request.after_first ? objects.upper_bound(request.first) : objects.lower_bound(request.first);
  const auto wanted = [&] {
    return at != objects.end() &&
           at->first.compare(0, request.prefix.size(), request.prefix) == 0 &&
           (request.end.empty() || at->first < request.end);
  };
  while (wanted() && page.objects.size() + page.prefixes.size() < request.limit) {
    const std::size_t slash = request.has_delimiter
                                  ? at->first.find(kDelimiter, request.prefix.size())
                                  : std::string::npos;
    if (slash == std::string::npos) {
      page.objects.push_back(at->second);
      ++at;
      continue;
    }
    page.prefixes.push_back(at->first.substr(0, slash + 1));
    const bool is_full = page.objects.size() + page.prefixes.size() == request.limit;
    at = is_full ? std::next(at) : objects.lower_bound(AfterPrefix(page.prefixes.back()));
  }
  if (wanted()) page.next = at->first;
  return page;
}

// Of an object that was put whole; one of several parts has no MD5 of its bytes (recorded).
std::string Md5Of(const Object& object) {
  const auto single = object.digests.find("content-md5");
  return single != object.digests.end() ? JsonString(single->second) : std::string();
}

// The value of a member as JSON; "" leaves it out.
std::string FieldValue(const Object& object, std::string_view field) {
  if (field == "name") return JsonString(object.name);
  if (field == "size") return std::to_string(object.size_bytes);
  if (field == "timeCreated") return fmt::format("\"{}\"", FormatRfc3339(object.created, 3));
  if (field == "timeModified") return fmt::format("\"{}\"", FormatRfc3339(object.modified, 3));
  if (field == "etag") return JsonString(object.etag);
  if (field == "storageTier") return JsonString(object.properties.storage_tier);
  if (field == "md5") return Md5Of(object);
  if (object.properties.storage_tier != "Archive") return {};
  return object.restored_until ? "\"Restored\"" : "\"Archived\"";
}

// The members that `fields` asks for, in the order of kFields.
std::vector<std::string_view> ChosenFields(const std::vector<std::string>& fields) {
  std::vector<std::string_view> chosen = {"name"};
  for (const std::string_view field : kFields) {
    if (field != "name" &&
        std::find(fields.begin(), fields.end(), LowerCase(field)) != fields.end()) {
      chosen.push_back(field);
    }
  }
  return chosen;
}

void AppendObject(const Object& object, const std::vector<std::string_view>& fields,
                  std::string& json) {
  char separator = '{';
  for (const std::string_view field : fields) {
    const std::string value = FieldValue(object, field);
    if (value.empty()) continue;
    fmt::format_to(std::back_inserter(json), "{}\"{}\":{}", separator, field, value);
    separator = ',';
  }
  json += '}';
}

void AppendPrefixes(const ListPage& page, std::string& json) {
  json += ",\"prefixes\":[";
  for (const std::string& prefix : page.prefixes) {
    if (json.back() != '[') json += ',';
    json += JsonString(prefix);
  }
  json += ']';
}

Outcome<ListPage> ReadPage(OciState& state, const OciCall& call, const ListRequest& request) {
  const MutexLock lock(state.mutex);
  const Bucket* bucket = OCI_TRY(NeedBucket(state, call));
  return Collect(bucket->objects, request);
}

}  // namespace

Outcome<Response> ListObjects(OciState& state, const OciCall& call) {
  const ListRequest request = OCI_TRY(ParseRequest(call.query));
  const ListPage page = OCI_TRY(ReadPage(state, call, request));
  const std::vector<std::string_view> fields = ChosenFields(request.fields);
  std::string json = "{\"objects\":[";
  for (const ObjectRef& object : page.objects) {
    if (json.back() != '[') json += ',';
    AppendObject(*object, fields, json);
  }
  json += ']';
  // With a delimiter there is always an array, also an empty one: Oracle's HDFS connector relies on
  // it.
  if (request.has_delimiter) AppendPrefixes(page, json);
  if (!page.next.empty())
    fmt::format_to(std::back_inserter(json), ",\"nextStartWith\":{}", JsonString(page.next));
  json += '}';
  return JsonResponse(200, std::move(json));
}

Outcome<Response> ListObjectVersions(OciState& state, const OciCall& call) {
  ListRequest request = OCI_TRY(ParseRequest(call.query));
  if (const std::string* token = call.query.Find("page")) {
    const auto next = Base64Decode(*token);
    if (!next) return Refuse(400, "InvalidParameter", "page is not a token of this service");
    request.first = std::max(request.first, *next);
  }
  const ListPage page = OCI_TRY(ReadPage(state, call, request));
  std::vector<std::string_view> fields = ChosenFields(request.fields);
  if (std::find(fields.begin(), fields.end(), "timeModified") == fields.end())
    fields.push_back("timeModified");
  std::string json = "{\"items\":[";
  for (const ObjectRef& object : page.objects) {
    if (json.back() != '[') json += ',';
    AppendObject(*object, fields, json);
    json.pop_back();
    fmt::format_to(std::back_inserter(json), ",\"versionId\":\"{}\",\"isDeleteMarker\":false}}",
                   object->version_id);
  }
  json += ']';
  if (request.has_delimiter) AppendPrefixes(page, json);
  json += '}';
  Response response = JsonResponse(200, std::move(json));
  if (!page.next.empty()) response.headers.Add("opc-next-page", Base64Encode(AsBytes(page.next)));
  return response;
}

}  // namespace skybridge::localcloud::oci
