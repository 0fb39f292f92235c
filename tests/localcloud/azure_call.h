// One storage request on its way through a handler, and the small steps that many handlers share:
// conditions, metadata, content settings, reply headers. Source: Azure REST: Specifying conditional
// headers; Setting and retrieving properties and metadata.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/byte_range.h"
#include "tests/localcloud/azure_account.h"
#include "tests/localcloud/azure_auth.h"
#include "tests/localcloud/azure_limit_options.h"
#include "tests/localcloud/azure_listing_options.h"
#include "tests/localcloud/azure_operation.h"
#include "tests/localcloud/azure_target.h"

namespace skybridge::localcloud::azure {

// Made by AzureService; handlers run with its mutex held and throw Refusal.
struct Call {
  const Request& request;
  Target target;  // its path in the form the service keeps
  Operation operation = Operation::kUnknown;
  bool dfs = false;
  WallTime now{};
  std::string object_id;   // who asks
  std::string request_id;  // of the reply, and of events
  Account& account;
  Storage& storage;
  const TokenIssuer& issuer;
  ListingOptions listing;
  LimitOptions limits;
  std::function<Account*(std::string_view name)> find_account;
  Slice body;              // kept bytes of operations that carry data
  std::string body_md5;    // base64, for operations that store it
  std::string body_crc64;  // base64, for operations that answer with it

  std::string_view header(std::string_view name) const { return request.headers.Get(name); }
  Leased leased() const { return dfs ? Leased::kPath : Leased::kBlob; }
  bool hierarchical() const { return account.hierarchical(); }
  Container& container() const;  // throws 404
  // Of target.path, or the snapshot of it that the query names; null when missing (or expired).
  NodePtr Find() const;
  NodePtr Need() const;                      // throws 404 when missing
  bool IsDirectory(const Node& node) const;  // real, or a flat account's marker (hdi_isfolder)
  bool wants(std::string_view query_name) const { return target.query.Get(query_name) == "true"; }
};

// If-Match and its kind against `node` (null: nothing there). Throws 304, 400, 409 or 412.
void CheckConditions(const Call& call, const Node* node);
void CheckConditions(const Call& call, const Container& container);
void CheckSourceConditions(const Call& call, const Node& source);  // x-ms-source-if-...

Metadata MetadataOf(const Call& call);  // x-ms-meta-NAME headers; throws 400 InvalidMetadata
// The metadata by which the Blob protocol marks a directory.
inline constexpr std::string_view kFolderMark = "hdi_isfolder";
bool SaysFolder(const Metadata& metadata);
// In a hierarchical account the mark follows from what the path is: takes it out of `metadata` where
// it says just that. Throws 400 InvalidMetadata where it says something else.
void CheckFolderMark(const Call& call, Metadata& metadata, bool directory);
Metadata PropertiesOf(const Call& call);  // x-ms-properties; throws 400 InvalidPropertyName
std::string PropertiesText(const Metadata& metadata);
// Takes over the x-ms-content-* (Data Lake) or x-ms-blob-content-* headers that are there.
void TakeSettings(const Call& call, ContentSettings& settings);
bool HasAnySetting(const Call& call);

// 400 InvalidQueryParameterValue for a write to a snapshot (recorded).
void CheckSnapshot(const Call& call);

Response ReplyWith(int status);
Response ReplyWith(int status, const Node& node);  // with ETag and Last-Modified

Response Encrypted(Response response);  // says that the data was encrypted
// What tells a client that the body arrived as it was sent: the Content-MD5 that it gave, else
// `crc64` (recorded for Put Block, Append Block and Put Block List).
void AddBodyDigest(const Call& call, const std::string& crc64, Response& response);

// Throws 400 Md5Mismatch or Crc64Mismatch when the body is not what its headers say.
void CheckBodyDigests(const HttpHeaders& headers, std::string_view body);

// "2!" and a base64 text with '+' and '=' in it, so that a client that forgets to encode it is
// found out.
std::string MakeContinuation(const std::string& last);
std::string ReadContinuation(const std::string& token, const std::string& parameter);  // throws 400

std::uint64_t NeedNumber(const Call& call, const std::string& query_name);  // throws 400
// maxResults or maxresults: from 1 on, and never more than 5000, whatever is asked. Throws 400.
// Source: Azure REST: Path - List, List Blobs; Microsoft's own tests of Hadoop's driver, 2026-11-29.
std::size_t PageSize(const Call& call, const std::string& query_name);

// One page of names in the container; the words by which each protocol asks for it differ.
struct PageRequest {
  std::string prefix;
  bool delimited = false;
  std::string token_parameter;  // "continuation" or "marker"
  std::string size_parameter;   // "maxResults" or "maxresults"
};
ListPage ReadPage(const Call& call, const PageRequest& request);  // throws 400

// A copy's or rename's other end in the account `asked` for. Throws 403 when its SAS is missing or
// wrong.
void AuthorizeSource(const Call& call, const Account& account, const SourcePath& source,
                     Operation operation);

}  // namespace skybridge::localcloud::azure
