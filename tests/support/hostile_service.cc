#include "tests/support/hostile_service.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "core/encoding.h"

namespace skybridge::testing {
namespace {

// A parameter of the URL's query, decoded; "" where there is none.
std::string Parameter(std::string_view url, std::string_view name) {
  std::string_view query = url.substr(std::min(url.find('?'), url.size()));
  while (!query.empty()) {
    query.remove_prefix(1);  // '?' or '&'
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(pair.size());
    const auto equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name && equals < pair.size())
      return PercentDecode(pair.substr(equals + 1)).value();
  }
  return {};
}

std::string JsonText(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool escaped = byte < 0x20 || c == '"' || c == '\\';
    quoted += escaped ? fmt::format("\\u{:04x}", byte) : std::string(1, c);
  }
  return quoted + '"';
}

}  // namespace

Result<HttpResponse> HostileService::Send(const HttpRequest& request,
                                          const CallContext& /*context*/) {
  ++requests_;
  const bool is_listing = request.operation == "azure.list_blobs" ||
                          request.operation == "azure.list_paths" ||
                          request.operation == "oci.list_objects";
  HttpResponse response = is_listing ? List(request.url) : Object(request);
  // By these both clouds' own answers are known.
  response.headers.Add("x-ms-request-id", "hostile");
  response.headers.Add("opc-request-id", "hostile");
  return response;
}

std::string HostileService::NextContinuation() {
  if (pages_ == Pages::kEnd) return {};
  // Behind all names, as OCI's is.
  if (pages_ == Pages::kRepeatTheirContinuation) return "~again";
  return fmt::format("~{:08}", ++continuations_);
}

HostileService::Scope HostileService::ScopeOf(std::string_view url) const {
  if (ignores_scope_) return {};
  if (dialect_ != Dialect::kAzureDfsOnly)
    return {.prefix = Parameter(url, "prefix"), .folds = !Parameter(url, "delimiter").empty()};
  Scope scope{.prefix = Parameter(url, "directory"),
              .folds = Parameter(url, "recursive") == "false"};
  if (!scope.prefix.empty()) scope.prefix += '/';
  return scope;
}

HttpResponse HostileService::List(std::string_view url) {
  const auto [prefix, folds] = ScopeOf(url);
  std::vector<std::string> listed;
  std::set<std::string> folded;
  for (const std::string& name : names_) {
    if (!name.starts_with(prefix) || pages_ == Pages::kAreEmpty) continue;
    const auto slash = folds ? name.find('/', prefix.size()) : std::string::npos;
    if (slash == std::string::npos) {
      listed.push_back(name);
    } else {
      folded.insert(name.substr(0, slash + 1));
    }
  }
  HttpResponse response{.status = 200};
  switch (dialect_) {
    case Dialect::kAzureFlat:
    case Dialect::kAzureHierarchical:
      response.body = ToXml(listed, folded);
      break;
    case Dialect::kAzureDfsOnly:
      response.body = ToPathsJson(listed, folded);
      response.headers.Add("x-ms-continuation", NextContinuation());
      break;
    case Dialect::kOci:
      response.body = ToJson(listed, folded);
      break;
  }
  return response;
}

std::string HostileService::XmlName(const std::string& name) const {
  if (nul_.empty()) return "<Name Encoded=\"true\">" + PercentEncode(name) + "</Name>";
  std::string text;
  for (const char c : name) text += c == '\0' ? nul_ : std::string(1, c);
  return "<Name>" + text + "</Name>";
}

std::string HostileService::ToXml(const std::vector<std::string>& names,
                                  const std::set<std::string>& folded) {
  std::string xml = "<EnumerationResults><Blobs>";
  for (const std::string& name : names) {
    xml += "<Blob>" + XmlName(name) +
           "<Properties><Content-Length>4</Content-Length><Etag>0x1</Etag></Properties>"
           "<Metadata/></Blob>";
  }
  for (const std::string& name : folded) {
    xml += "<BlobPrefix>" + XmlName(name) + "</BlobPrefix>";
  }
  return xml + "</Blobs><NextMarker>" + NextContinuation() + "</NextMarker></EnumerationResults>";
}

std::string HostileService::ToJson(const std::vector<std::string>& names,
                                   const std::set<std::string>& folded) {
  std::string objects;
  for (const std::string& name : names) {
    objects += (objects.empty() ? "" : ",") +
               std::string("{\"size\":4,\"etag\":\"0x1\",\"name\":") + JsonText(name) + "}";
  }
  std::string prefixes;
  for (const std::string& name : folded) prefixes += (prefixes.empty() ? "" : ",") + JsonText(name);
  std::string json = "{\"objects\":[" + objects + "],\"prefixes\":[" + prefixes + "]";
  const std::string next = NextContinuation();
  if (!next.empty()) json += ",\"nextStartWith\":" + JsonText(next);
  return json + "}";
}

// Directories stand among the files, without a '/' at their end; one whose own name is empty keeps
// it.
std::string HostileService::ToPathsJson(const std::vector<std::string>& names,
                                        const std::set<std::string>& folded) {
  std::string paths;
  const auto add = [&](std::string_view name, std::string_view is_directory) {
    paths += fmt::format(R"({}{{"contentLength":"4","etag":"0x1","isDirectory":"{}","name":{}}})",
                         paths.empty() ? "" : ",", is_directory, JsonText(name));
  };
  for (const std::string& name : names) add(name, "false");
  for (const std::string& name : folded) {
    const std::string_view bare = std::string_view(name).substr(0, name.size() - 1);
    add(bare.empty() || bare.ends_with('/') ? name : bare, "true");
  }
  return R"({"paths":[)" + paths + "]}";
}

bool HostileService::HasBelow(const std::string& directory) const {
  return std::any_of(names_.begin(), names_.end(),
                     [&](const std::string& name) { return name.starts_with(directory + "/"); });
}

HttpResponse HostileService::Object(const HttpRequest& request) const {
  const std::string_view mark = dialect_ == Dialect::kOci ? "/o/" : "/c/";
  const std::string_view path = std::string_view(request.url).substr(0, request.url.find('?'));
  const auto begin = path.find(mark);
  if (begin == std::string_view::npos) return {.status = 404};
  const std::string name = PercentDecode(path.substr(begin + mark.size())).value();
  if (request.method == "PUT" && request.headers.Get("x-ms-copy-source").empty()) {
    HttpResponse put{.status = 201};
    put.headers.Add("ETag", "\"0x1\"");
    return put;
  }
  const bool has_directories =
      dialect_ == Dialect::kAzureHierarchical || dialect_ == Dialect::kAzureDfsOnly;
  if (has_directories && HasBelow(name)) {
    HttpResponse directory{.status = 200};
    directory.headers.Add("x-ms-resource-type", "directory");
    return directory;
  }
  if (std::find(names_.begin(), names_.end(), name) == names_.end()) return {.status = 404};
  HttpResponse response{.status = 200};
  response.headers.Add("ETag", "\"0x1\"");
  response.headers.Add("Content-Length", std::to_string(kContent.size()));
  if (request.method != "GET") return response;
  const std::size_t size = std::min(kContent.size(), request.receive_into.size());
  std::memcpy(request.receive_into.data(), kContent.data(), size);
  response.status = 206;
  response.headers.Add("Content-Range",
                       fmt::format("bytes 0-{}/{}", kContent.size() - 1, kContent.size()));
  response.bytes_received = size;
  return response;
}

}  // namespace skybridge::testing
