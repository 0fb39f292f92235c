#include "tests/localcloud/azure_sas.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::uint32_t kLoopbackAddress = 0x7F000001;
constexpr std::string_view kFirstVersionWithEncryptionScope = "2020-12-06";
constexpr std::string_view kFirstVersionWithDelegatedUser = "2025-07-05";
// Seen in what Microsoft's clients sign (2026-11-29, sv 2026-10-06); that it begins with this
// version is what the JavaScript client's source says.
constexpr std::string_view kFirstVersionWithSignedRequest = "2026-04-06";

// What an operation needs of a SAS: any one of the letters, on this kind of resource.
struct Need {
  char resource = 'o';  // 's'ervice, 'c'ontainer, 'o'bject: srt of an account SAS
  std::string_view letters;
};

Need NeedOf(Operation operation) {
  switch (operation) {
    case Operation::kListFilesystems:
    case Operation::kListContainers:
      return {'s', "l"};
    case Operation::kAccountProperties:
    case Operation::kServiceProperties:
      return {'s', "r"};
    case Operation::kUserDelegationKey:
      return {'s', ""};
    case Operation::kBatch:
      return {'c', "d"};
    case Operation::kCreateFilesystem:
    case Operation::kCreateContainer:
      return {'c', "cw"};
    case Operation::kSetFilesystem:
    case Operation::kSetContainerMetadata:
    case Operation::kLeaseContainer:
      return {'c', "w"};
    case Operation::kGetFilesystem:
    case Operation::kGetContainer:
    case Operation::kGetContainerAcl:
      return {'c', "r"};
    case Operation::kDeleteFilesystem:
    case Operation::kDeleteContainer:
      return {'c', "d"};
    case Operation::kListPaths:
    case Operation::kListBlobs:
      return {'c', "l"};
    case Operation::kRead:
    case Operation::kHead:
    case Operation::kGetBlockList:
    case Operation::kGetMetadata:
      return {'o', "r"};
    case Operation::kGetStatus:
    case Operation::kCheckAccess:
    case Operation::kGetAccessControl:
      return {'o', "re"};
    case Operation::kCreateFile:
    case Operation::kCreateDirectory:
    case Operation::kPutBlob:
    case Operation::kCopyBlob:
    case Operation::kSnapshot:
      return {'o', "cw"};
    case Operation::kAppend:
    case Operation::kAppendBlock:
    case Operation::kAppendBlockFromUrl:
      return {'o', "aw"};
    case Operation::kRename:
      return {'o', "mw"};
    case Operation::kFlush:
    case Operation::kPutBlock:
    case Operation::kPutBlockFromUrl:
    case Operation::kPutBlockList:
    case Operation::kSetProperties:
    case Operation::kSetMetadata:
    case Operation::kSetBlobProperties:
    case Operation::kSetTier:
    case Operation::kSeal:
    case Operation::kSetExpiry:
    case Operation::kLeasePath:
    case Operation::kLeaseBlob:
      return {'o', "w"};
    case Operation::kSetAccessControl:
    case Operation::kSetAccessControlRecursive:
      return {'o', "po"};
    case Operation::kDeletePath:
    case Operation::kDeleteBlob:
      return {'o', "d"};
    case Operation::kListQueues:
      return {'s', "l"};
    case Operation::kCreateQueue:
      return {'c', "cw"};
    case Operation::kSetQueueMetadata:
      return {'c', "w"};
    case Operation::kGetQueueMetadata:
      return {'c', "r"};
    case Operation::kDeleteQueue:
      return {'c', "d"};
    case Operation::kPutMessage:
      return {'o', "a"};
    case Operation::kGetMessages:
    case Operation::kDeleteMessage:
      return {'o', "p"};
    case Operation::kPeekMessages:
      return {'o', "r"};
    case Operation::kClearMessages:
      return {'o', "d"};
    case Operation::kUpdateMessage:
      return {'o', "u"};
    case Operation::kUnknown:
    case Operation::kOauthToken:
    case Operation::kImdsToken:
    case Operation::kOpenIdConfiguration:
      break;
  }
  return {'o', ""};
}

// "YYYY-MM-DDTHH:MM:SSZ", and the forms without seconds and without a time.
std::optional<WallTime> ParseSasTime(std::string text) {
  if (text.size() == 10) text += "T00:00:00Z";
  if (text.size() == 17 && text.back() == 'Z') text.insert(16, ":00");
  const auto time = ParseRfc3339(text);
  if (!time) return std::nullopt;
  return *time;
}

[[noreturn]] void RefuseSas(const std::string& detail) {
  throw Refusal{.status = 403,
                .code = "AuthenticationFailed",
                .message =
                    "Server failed to authenticate the request. Make sure the value of "
                    "Authorization header is "
                    "formed correctly including the signature.",
                .details = {{"AuthenticationErrorDetail", detail}}};
}

void CheckTimeFrame(const std::string& start, const std::string& expiry, WallTime now) {
  const auto begin = start.empty() ? std::optional<WallTime>(WallTime::min()) : ParseSasTime(start);
  const auto end = ParseSasTime(expiry);
  if (!begin || !end) RefuseSas("A time of the signature is not well formed.");
  if (now < *begin || now >= *end) {
    RefuseSas("Signature not valid in the specified time frame: Start [" + start + "] - Expiry [" +
              expiry + "] - Current [" + FormatHttpDate(now) + "]");
  }
}

void CheckProtocol(const Query& sas, bool secure) {
  const std::string protocol = sas.Get("spr");
  if (!secure && !protocol.empty() && protocol != "https,http") {
    Refuse(403, "AuthorizationProtocolMismatch",
           "This request is not authorized to perform this operation using this protocol.");
  }
}

std::optional<std::uint32_t> ParseAddress(std::string_view text) {
  const std::vector<std::string_view> parts = Split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  std::uint32_t address = 0;
  for (const std::string_view part : parts) {
    const auto number = ParseNumber(part);
    if (!number || *number > 255) return std::nullopt;
    address = (address << 8) | static_cast<std::uint32_t>(*number);
  }
  return address;
}

// Whoever asks here does so over loopback.
void CheckAddress(const Query& sas) {
  const std::string range = sas.Get("sip");
  if (range.empty()) return;
  const std::size_t dash = range.find('-');
  const auto first = ParseAddress(std::string_view(range).substr(0, dash));
  const auto last =
      dash == std::string::npos ? first : ParseAddress(std::string_view(range).substr(dash + 1));
  if (first && last && *first <= kLoopbackAddress && kLoopbackAddress <= *last) return;
  Refuse(403, "AuthorizationSourceIPMismatch",
         "This request is not authorized to perform this operation using this source IP.");
}

void CheckPermission(const Query& sas, Operation operation) {
  const std::string allowed = sas.Get("sp");
  if (allowed.find_first_of(NeedOf(operation).letters) == std::string::npos) {
    Refuse(403, "AuthorizationPermissionMismatch",
           "This request is not authorized to perform this operation using this permission.");
  }
}

void CheckSignature(std::string_view key, const std::string& text, const std::string& signature) {
  if (Base64Encode(HmacSha256(AsBytes(key), AsBytes(text))) != signature) {
    RefuseSas("Signature did not match. String to sign used was " + text);
  }
}

std::string JoinLines(std::initializer_list<std::string_view> lines) {
  std::string text;
  bool first = true;
  for (const std::string_view line : lines) {
    if (!first) text += '\n';
    text += line;
    first = false;
  }
  return text;
}

void AuthorizeAccountSas(const AuthRequest& asked) {
  const Query& sas = asked.target.query;
  const auto field = [&](std::string_view name) { return sas.Get(name); };
  const bool scoped = field("sv") >= kFirstVersionWithEncryptionScope;
  std::string text = JoinLines({asked.credentials.account, field("sp"), field("ss"), field("srt"),
                                field("st"), field("se"), field("sip"), field("spr"), field("sv")});
  text += '\n';
  if (scoped) text += field("ses") + '\n';
  CheckSignature(asked.credentials.key, text, field("sig"));
  CheckTimeFrame(field("st"), field("se"), asked.now);
  CheckProtocol(sas, asked.request.secure);
  CheckAddress(sas);
  if (field("ss").find(IsQueue(asked.operation) ? 'q' : 'b') == std::string::npos) {
    Refuse(403, "AuthorizationServiceMismatch",
           "This request is not authorized to perform this operation using this service.");
  }
  // It is allowed on every resource, with any permission (rclone and azcopy ask a container or blob
  // for it; seen 2026-11-29).
  if (asked.operation == Operation::kAccountProperties) return;
  if (field("srt").find(NeedOf(asked.operation).resource) == std::string::npos) {
    Refuse(403, "AuthorizationResourceTypeMismatch",
           "This request is not authorized to perform this operation using this resource type.");
  }
  CheckPermission(sas, asked.operation);
}

// The first `depth` segments of `path`.
std::string FirstSegments(std::string_view path, std::size_t depth) {
  std::string prefix;
  std::size_t taken = 0;
  for (const std::string_view segment : Split(path, '/')) {
    if (taken++ == depth) break;
    if (!prefix.empty()) prefix += '/';
    prefix += segment;
  }
  return prefix;
}

// The resource that a service SAS for this request would have been made for.
std::string CanonicalResource(const AuthRequest& asked) {
  const Target& target = asked.target;
  const std::string resource = target.query.Get("sr");
  std::string text = "/blob/" + std::string(asked.credentials.account) + '/' + target.container;
  if (resource == "b" || resource == "bs") text += '/' + target.path;
  if (resource == "d") {
    const std::string path = target.path.empty() ? target.query.Get("directory") : target.path;
    const std::string top = FirstSegments(path, ParseNumber(target.query.Get("sdd")).value_or(0));
    if (!top.empty()) text += '/' + top;
  }
  return text;
}

std::string ServiceSasText(const AuthRequest& asked) {
  const Query& sas = asked.target.query;
  const auto field = [&](std::string_view name) { return sas.Get(name); };
  std::string text =
      JoinLines({field("sp"), field("st"), field("se"), CanonicalResource(asked), field("si"),
                 field("sip"), field("spr"), field("sv"), field("sr"), field("snapshot")});
  if (field("sv") >= kFirstVersionWithEncryptionScope) text += '\n' + field("ses");
  return text + '\n' +
         JoinLines({field("rscc"), field("rscd"), field("rsce"), field("rscl"), field("rsct")});
}

std::string QueueSasText(const AuthRequest& asked) {
  const Query& sas = asked.target.query;
  const auto field = [&](std::string_view name) { return sas.Get(name); };
  const std::string resource =
      "/queue/" + std::string(asked.credentials.account) + '/' + asked.target.container;
  return JoinLines({field("sp"), field("st"), field("se"), resource, field("si"), field("sip"),
                    field("spr"), field("sv")});
}

// The headers and parameters that a request must have, with the values that it has: `srh` and `srq`
// name them, their values are in the signature only.
std::string SignedRequestText(const AuthRequest& asked) {
  const Query& query = asked.target.query;
  std::string text;
  const std::string headers = query.Get("srh");
  for (const std::string_view name : Split(headers, ',')) {
    text += std::string(name) + ':' + std::string(asked.request.headers.Get(name)) + '\n';
  }
  text += '\n';
  const std::string parameters = query.Get("srq");
  for (const std::string_view name : Split(parameters, ','))
    text += '\n' + std::string(name) + ':' + query.Get(name);
  return text;
}

std::string DelegationSasText(const AuthRequest& asked) {
  const Query& sas = asked.target.query;
  const auto field = [&](std::string_view name) { return sas.Get(name); };
  std::string text =
      JoinLines({field("sp"), field("st"), field("se"), CanonicalResource(asked), field("skoid"),
                 field("sktid"), field("skt"), field("ske"), field("sks"), field("skv"),
                 field("saoid"), field("suoid"), field("scid")});
  if (field("sv") >= kFirstVersionWithDelegatedUser)
    text += '\n' + field("skdutid") + '\n' + field("sduoid");
  text +=
      '\n' + JoinLines({field("sip"), field("spr"), field("sv"), field("sr"), field("snapshot")});
  if (field("sv") >= kFirstVersionWithEncryptionScope) text += '\n' + field("ses");
  if (field("sv") >= kFirstVersionWithSignedRequest) text += '\n' + SignedRequestText(asked);
  return text + '\n' +
         JoinLines({field("rscc"), field("rscd"), field("rsce"), field("rscl"), field("rsct")});
}

// A service SAS speaks of one container and what is in it, never of the account or the container
// itself.
void CheckServiceScope(const AuthRequest& asked) {
  const std::string resource = asked.target.query.Get("sr");
  const Need need = NeedOf(asked.operation);
  if (asked.operation == Operation::kGetQueueMetadata) return;
  const bool lists = need.letters == "l" && need.resource == 'c';
  const bool batch = asked.operation == Operation::kBatch;
  if (need.resource == 'o' || (lists && resource != "b") || (batch && resource == "c")) return;
  Refuse(403, "AuthorizationFailure", "This request is not authorized to perform this operation.");
}

}  // namespace

std::string DelegationFields(const Query& sas) {
  return JoinLines({sas.Get("skoid"), sas.Get("sktid"), sas.Get("skt"), sas.Get("ske"),
                    sas.Get("sks"), sas.Get("skv")});
}

std::string AuthorizeSas(const AuthRequest& asked, const TokenIssuer& issuer) {
  const Query& sas = asked.target.query;
  if (sas.Has("ss") && sas.Has("srt")) {
    AuthorizeAccountSas(asked);
    return "$superuser";
  }
  const bool delegated = sas.Has("skoid");
  if (delegated) {
    const auto key = Base64Decode(issuer.DelegationKey(DelegationFields(sas)));
    CheckSignature(key.value_or(""), DelegationSasText(asked), sas.Get("sig"));
    CheckTimeFrame(sas.Get("skt"), sas.Get("ske"), asked.now);
  } else {
    const bool queue = IsQueue(asked.operation);
    CheckSignature(asked.credentials.key, queue ? QueueSasText(asked) : ServiceSasText(asked),
                   sas.Get("sig"));
  }
  CheckTimeFrame(sas.Get("st"), sas.Get("se"), asked.now);
  CheckProtocol(sas, asked.request.secure);
  CheckAddress(sas);
  CheckServiceScope(asked);
  CheckPermission(sas, asked.operation);
  return delegated ? sas.Get("skoid") : "$superuser";
}

}  // namespace skybridge::localcloud::azure
