#include "tests/localcloud/azure_call.h"

#include <algorithm>
#include <cctype>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_sas.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::size_t kMaxMetadataBytes = 8192;
constexpr std::size_t kMaxPage = 5000;

bool IsReading(Operation operation) {
  switch (operation) {
    case Operation::kRead:
    case Operation::kHead:
    case Operation::kGetStatus:
    case Operation::kGetAccessControl:
    case Operation::kCheckAccess:
    case Operation::kGetMetadata:
    case Operation::kGetBlockList:
    case Operation::kGetContainer:
    case Operation::kGetFilesystem:
      return true;
    default:
      return false;
  }
}

bool IsCreating(Operation operation) {
  switch (operation) {
    case Operation::kCreateFile:
    case Operation::kCreateDirectory:
    case Operation::kRename:
    case Operation::kPutBlob:
    case Operation::kCopyBlob:
    case Operation::kPutBlockList:
      return true;
    default:
      return false;
  }
}

// What conditions compare against.
struct Version {
  std::string etag;  // without quotes
  WallTime last_modified{};
};

bool SameEtag(std::string_view wanted, std::string_view etag) {
  if (wanted.size() >= 2 && wanted.front() == '"' && wanted.back() == '"')
    wanted = wanted.substr(1, wanted.size() - 2);
  return wanted == etag;
}

WallTime ParseConditionDate(std::string_view name, std::string_view text) {
  const auto date = ParseHttpDate(text);
  if (!date) RefuseHeader(std::string(name), std::string(text));
  return *date;
}

// Last-Modified has a resolution of one second on the wire.
bool ModifiedAfter(const Version& version, WallTime date) {
  return std::chrono::floor<std::chrono::seconds>(version.last_modified) >
         std::chrono::floor<std::chrono::seconds>(date);
}

[[noreturn]] void RefuseNotModified() {
  throw Refusal{.status = 304,
                .code = "ConditionNotMet",
                .message = "The condition specified using HTTP conditional header(s) is not met."};
}

enum class Unmet { kNone, kPrecondition, kNotModified, kExists };

// Which of the four conditions, whose names begin with `prefix`, fails first.
Unmet FirstUnmet(const HttpHeaders& headers, const std::string& prefix, const Version* version) {
  const std::string_view match = headers.Get(prefix + "If-Match");
  if (!match.empty() && (version == nullptr || (match != "*" && !SameEtag(match, version->etag)))) {
    return Unmet::kPrecondition;
  }
  if (version == nullptr) return Unmet::kNone;
  const std::string_view none_match = headers.Get(prefix + "If-None-Match");
  if (none_match == "*") return Unmet::kExists;
  if (!none_match.empty() && SameEtag(none_match, version->etag)) return Unmet::kNotModified;
  const std::string_view unmodified = headers.Get(prefix + "If-Unmodified-Since");
  if (!unmodified.empty() &&
      ModifiedAfter(*version, ParseConditionDate(prefix + "If-Unmodified-Since", unmodified))) {
    return Unmet::kPrecondition;
  }
  const std::string_view modified = headers.Get(prefix + "If-Modified-Since");
  if (!modified.empty() &&
      !ModifiedAfter(*version, ParseConditionDate(prefix + "If-Modified-Since", modified))) {
    return Unmet::kNotModified;
  }
  return Unmet::kNone;
}

void Check(const Call& call, const Version* version, bool directory) {
  switch (FirstUnmet(call.request.headers, "", version)) {
    case Unmet::kNone:
      return;
    case Unmet::kPrecondition:
      RefuseCondition();
    case Unmet::kNotModified:
      if (IsReading(call.operation)) RefuseNotModified();
      RefuseCondition();
    case Unmet::kExists:
      if (IsReading(call.operation)) {
        Refuse(400, "UnsatisfiableCondition",
               "The request includes an unsatisfiable condition for this operation.");
      }
      if (IsCreating(call.operation)) RefuseExisting(call.dfs, directory);
      RefuseCondition();
  }
}

bool IsMetadataName(std::string_view name) {
  const auto letter = [](unsigned char c) { return std::isalpha(c) != 0 || c == '_'; };
  return !name.empty() && letter(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(),
                     [&](unsigned char c) { return letter(c) || std::isdigit(c) != 0; });
}

void CheckMetadata(const Metadata& metadata, const std::string& code) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : metadata) {
    bytes += name.size() + value.size();
    if (!IsMetadataName(name)) Refuse(400, code, "The metadata name '" + name + "' is not valid.");
  }
  if (bytes > kMaxMetadataBytes)
    Refuse(400, "MetadataTooLarge", "The metadata is over the permitted size.");
}

// Stands for "from the beginning" where a continuation must not be empty; no name can be this.
constexpr char kBeginning[] = "\x01";

constexpr std::string_view kContinuationHead = "\xFB\xEF\xBE";  // "++++" in base64

}  // namespace

Container& Call::container() const {
  Container* found = account.FindContainer(target.container);
  if (found == nullptr) RefuseContainer(dfs);
  return *found;
}

NodePtr Call::Find() const {
  NodePtr node = container().tree->Find(target.path);
  const bool expired = node != nullptr && node->expires != WallTime() && now >= node->expires;
  if (expired) {
    account.Remove(container(), target.path);
    return nullptr;
  }
  const std::string* time = target.query.Find("snapshot");
  if (node == nullptr || time == nullptr) return node;
  const auto snapshot = node->snapshots.find(*time);
  return snapshot == node->snapshots.end() ? nullptr : snapshot->second;
}

NodePtr Call::Need() const {
  NodePtr node = Find();
  if (node == nullptr) RefuseMissing(dfs);
  return node;
}

bool Call::IsDirectory(const Node& node) const {
  if (node.directory || hierarchical()) return node.directory;
  // With bytes it is a file, whatever the mark says: blobfuse2 and Hadoop's driver read it so (seen
  // 2026-11-29).
  return SaysFolder(node.metadata) && node.content.size() == 0;
}

bool SaysFolder(const Metadata& metadata) {
  const auto mark = metadata.find(kFolderMark);
  return mark != metadata.end() && EqualsIgnoringCase(mark->second, "true");
}

void CheckFolderMark(const Call& call, Metadata& metadata, bool directory) {
  if (!call.hierarchical() || !metadata.contains(kFolderMark)) return;
  if (!directory || !SaysFolder(metadata)) {
    Refuse(400, "InvalidMetadata",
           "hdi_isfolder says what a path is in an account with a hierarchical namespace, and "
           "cannot be changed.");
  }
  metadata.erase(std::string(kFolderMark));  // directories are shown with it anyway
}

void CheckConditions(const Call& call, const Node* node) {
  if (node == nullptr) return Check(call, nullptr, false);
  const Version version{.etag = node->etag(), .last_modified = node->last_modified};
  Check(call, &version, node->directory);
}

void CheckConditions(const Call& call, const Container& container) {
  const std::string quoted = container.quoted_etag();
  const Version version{.etag = quoted.substr(1, quoted.size() - 2),
                        .last_modified = container.last_modified};
  Check(call, &version, false);
}

void CheckSourceConditions(const Call& call, const Node& source) {
  const Version version{.etag = source.etag(), .last_modified = source.last_modified};
  if (FirstUnmet(call.request.headers, "x-ms-source-", &version) == Unmet::kNone) return;
  Refuse(412, "SourceConditionNotMet",
         "The source condition specified using HTTP conditional header(s) is not met.");
}

Metadata MetadataOf(const Call& call) {
  constexpr std::string_view kPrefix = "x-ms-meta-";
  Metadata metadata;
  for (const auto& [name, value] : call.request.headers) {
    if (name.size() >= kPrefix.size() &&
        EqualsIgnoringCase(std::string_view(name).substr(0, kPrefix.size()), kPrefix)) {
      metadata[name.substr(kPrefix.size())] = value;
    }
  }
  CheckMetadata(metadata, "InvalidMetadata");
  return metadata;
}

Metadata PropertiesOf(const Call& call) {
  Metadata metadata;
  for (std::string_view field : Split(call.header("x-ms-properties"), ',')) {
    field = Trim(field);
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) RefuseHeader("x-ms-properties", std::string(field));
    auto value = Base64Decode(field.substr(equals + 1));
    if (!value) RefuseHeader("x-ms-properties", std::string(field));
    metadata[std::string(field.substr(0, equals))] = *std::move(value);
  }
  CheckMetadata(metadata, "InvalidPropertyName");
  if (call.hierarchical() && metadata.contains(kFolderMark)) {
    Refuse(400, "InvalidPropertyName",
           "hdi_isfolder is the service's own in an account with a hierarchical namespace.");
  }
  return metadata;
}

std::string PropertiesText(const Metadata& metadata) {
  std::string text;
  for (const auto& [name, value] : metadata) {
    if (!text.empty()) text += ',';
    text += name + '=' + Base64Encode(AsBytes(value));
  }
  return text;
}

namespace {

struct SettingName {
  std::string_view dfs;
  std::string_view blob;
  std::string ContentSettings::*field;
};

constexpr SettingName kSettingNames[] = {
    {"x-ms-content-type", "x-ms-blob-content-type", &ContentSettings::type},
    {"x-ms-content-encoding", "x-ms-blob-content-encoding", &ContentSettings::encoding},
    {"x-ms-content-language", "x-ms-blob-content-language", &ContentSettings::language},
    {"x-ms-content-disposition", "x-ms-blob-content-disposition", &ContentSettings::disposition},
    {"x-ms-cache-control", "x-ms-blob-cache-control", &ContentSettings::cache_control},
    {"x-ms-content-md5", "x-ms-blob-content-md5", &ContentSettings::md5},
};

}  // namespace

void TakeSettings(const Call& call, ContentSettings& settings) {
  for (const SettingName& name : kSettingNames) {
    const std::string* value = call.request.headers.Find(call.dfs ? name.dfs : name.blob);
    if (value == nullptr) continue;
    // An empty digest is none: blobfuse2 sends the header with each upload (seen 2026-11-29).
    const bool digest = name.field == &ContentSettings::md5 && !value->empty();
    if (digest && Base64Decode(*value).value_or("").size() != 16) {
      RefuseHeader(std::string(call.dfs ? name.dfs : name.blob), *value);
    }
    settings.*name.field = *value;
  }
}

bool HasAnySetting(const Call& call) {
  return std::any_of(std::begin(kSettingNames), std::end(kSettingNames),
                     [&](const SettingName& name) {
                       return call.request.headers.Find(call.dfs ? name.dfs : name.blob) != nullptr;
                     });
}

void CheckSnapshot(const Call& call) {
  const std::string* time = call.target.query.Find("snapshot");
  if (time == nullptr) return;
  switch (call.operation) {
    case Operation::kRead:
    case Operation::kHead:
    case Operation::kGetMetadata:
    case Operation::kGetBlockList:
    case Operation::kSetTier:
    case Operation::kDeleteBlob:
      return;
    default:
      RefuseQuery("snapshot", *time);
  }
}

Response ReplyWith(int status) { return {.status = status}; }

Response ReplyWith(int status, const Node& node) {
  Response response{.status = status};
  response.headers.Add("ETag", node.quoted_etag());
  response.headers.Add("Last-Modified", FormatHttpDate(node.last_modified));
  return response;
}

Response Encrypted(Response response) {
  response.headers.Add("x-ms-request-server-encrypted", "true");
  return response;
}

void AddBodyDigest(const Call& call, const std::string& crc64, Response& response) {
  const std::string_view md5 = call.header("Content-MD5");
  if (md5.empty()) {
    response.headers.Add("x-ms-content-crc64", crc64);
  } else {
    response.headers.Add("Content-MD5", std::string(md5));
  }
}

void CheckBodyDigests(const HttpHeaders& headers, std::string_view body) {
  const std::string_view md5 = headers.Get("Content-MD5");
  const std::string_view crc = headers.Get("x-ms-content-crc64");
  if (!md5.empty() && !crc.empty()) {
    Refuse(400, "InvalidHeaderValue", "Both x-ms-content-crc64 and Content-MD5 are given.");
  }
  if (!md5.empty()) {
    if (Base64Decode(md5).value_or("").size() != 16)
      Refuse(400, "InvalidMd5", "The MD5 value specified is invalid.");
    const std::string actual = Base64Encode(Md5(AsBytes(body)));
    if (md5 != actual) {
      throw Refusal{
          .status = 400,
          .code = "Md5Mismatch",
          .message =
              "The MD5 value specified in the request did not match with the MD5 value calculated "
              "by "
              "the server.",
          .details = {{"UserSpecifiedMd5", std::string(md5)}, {"ServerCalculatedMd5", actual}}};
    }
  }
  if (!crc.empty()) {
    const std::string actual = EncodeCrc64(Crc64Nvme(AsBytes(body)));
    if (crc != actual) {
      throw Refusal{
          .status = 400,
          .code = "Crc64Mismatch",
          .message =
              "The CRC64 value specified in the request did not match with the CRC64 value "
              "calculated "
              "by the server.",
          .details = {{"UserSpecifiedCrc", std::string(crc)}, {"ServerCalculatedCrc", actual}}};
    }
  }
}

std::string MakeContinuation(const std::string& last) {
  if (last.empty()) return {};
  std::string text = std::string(kContinuationHead) + last;
  while (text.size() % 3 != 1) text += '\0';  // ends in "=="
  return "2!" + Base64Encode(AsBytes(text));
}

std::string ReadContinuation(const std::string& token, const std::string& parameter) {
  if (token.empty()) return {};
  auto text = Base64Decode(token.starts_with("2!") ? token.substr(2) : "?");
  if (!text || !text->starts_with(kContinuationHead)) RefuseQuery(parameter, token);
  text->erase(0, kContinuationHead.size());
  text->erase(text->find_last_not_of('\0') + 1);
  return *std::move(text);
}

std::uint64_t NeedNumber(const Call& call, const std::string& query_name) {
  const std::string* text = call.target.query.Find(query_name);
  if (text == nullptr) RefuseNoQuery(query_name);
  const auto number = ParseNumber(*text);
  if (!number) RefuseQuery(query_name, *text);
  return *number;
}

std::size_t PageSize(const Call& call, const std::string& query_name) {
  const std::string* text = call.target.query.Find(query_name);
  if (text == nullptr) return kMaxPage;
  const bool negative = text->starts_with('-') && ParseNumber(text->substr(1));
  const std::uint64_t wanted = negative ? 0 : NeedNumber(call, query_name);
  if (wanted == 0) {
    Refuse(400, "OutOfRangeQueryParameterValue",
           "One of the query parameters specified in the request URI is outside the permissible "
           "range.");
  }
  return std::min<std::size_t>(wanted, kMaxPage);
}

ListPage ReadPage(const Call& call, const PageRequest& request) {
  const Container& container = call.container();
  std::string after =
      ReadContinuation(call.target.query.Get(request.token_parameter), request.token_parameter);
  const std::size_t wanted = PageSize(call, request.size_parameter);
  if (after.empty() && call.listing.empty_first_page) return {.next = kBeginning};
  if (after == kBeginning) after.clear();
  return container.tree->List({.prefix = request.prefix,
                               .delimited = request.delimited,
                               .after = std::move(after),
                               .max = std::min(wanted, call.listing.largest_page)});
}

void AuthorizeSource(const Call& call, const Account& account, const SourcePath& source,
                     Operation operation) {
  const bool by_sas = call.header("Authorization").empty();
  if (!by_sas && &account == &call.account && source.raw_query.find("sig=") == std::string::npos)
    return;
  Request request = {.headers = call.request.headers};
  request.secure = call.request.secure;
  request.clock_skew = call.request.clock_skew;
  const Target target{.account = account.name(),
                      .container = source.container,
                      .path = source.path,
                      .query = Query(source.raw_query)};
  if (!target.query.Has("sig")) {
    Refuse(403, "CannotVerifyCopySource",
           "This request is not authorized to perform this operation on the source.");
  }
  AuthorizeSas({.request = request,
                .target = target,
                .operation = operation,
                .credentials = {.account = account.name(), .key = account.key()},
                .now = call.now},
               call.issuer);
}

}  // namespace skybridge::localcloud::azure
