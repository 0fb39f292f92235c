// Blob operations on the account and on containers, and the listing of blobs.
#include <algorithm>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/azure_blob.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::chrono::hours kMaxDelegationKeyLife{7 * 24};

Response XmlReply(std::string body) {
  Response response{.status = 200, .body = std::move(body)};
  response.headers.Add("Content-Type", "application/xml");
  return response;
}

Response ReplyWith(int status, const Container& container) {
  Response response{.status = status};
  response.headers.Add("ETag", container.quoted_etag());
  response.headers.Add("Last-Modified", FormatHttpDate(container.last_modified));
  return response;
}

std::string ServiceEndpoint(const Call& call) {
  std::string endpoint(SchemeOf(call.request));
  endpoint += call.header("Host");
  endpoint += '/';
  if (call.target.endpoint == Endpoint::kEither) endpoint += call.account.name() + '/';
  return endpoint;
}

// Elements that are there only when the request had them.
void AppendGiven(std::string& xml, const Call& call, std::string_view element,
                 std::string_view parameter) {
  if (!call.target.query.Get(parameter).empty())
    AppendElement(xml, element, call.target.query.Get(parameter));
}

// U+FFFE and U+FFFF cannot stand in XML: such names are written percent-encoded, with a mark.
void AppendName(std::string& xml, std::string_view name) {
  if (name.find("\xEF\xBF\xBE") == std::string_view::npos &&
      name.find("\xEF\xBF\xBF") == std::string_view::npos) {
    return AppendElement(xml, "Name", name);
  }
  xml += "<Name Encoded=\"true\">" + PercentEncode(name) + "</Name>";
}

struct Includes {
  bool metadata = false;
  bool snapshots = false;
  bool permissions = false;
};

Includes IncludesOf(const Call& call) {
  Includes includes;
  const std::string text = call.target.query.Get("include");
  for (const std::string_view part : Split(text, ',')) {
    if (part == "metadata") includes.metadata = true;
    if (part == "snapshots") includes.snapshots = true;
    if (part == "permissions") includes.permissions = true;
    const bool known = part == "metadata" || part == "permissions" || part == "copy" ||
                       part == "tags" || part == "deleted" || part == "snapshots" ||
                       part == "versions" || part == "uncommittedblobs" ||
                       part == "immutabilitypolicy" || part == "legalhold" ||
                       part == "deletedwithversions";
    if (!known) RefuseQuery("include", text);
  }
  if (includes.permissions && !call.hierarchical()) RefuseQuery("include", text);
  return includes;
}

void AppendLeaseDuration(std::string& xml, const Lease& lease, WallTime now) {
  const std::string_view duration = lease.DurationName(now);
  if (!duration.empty()) AppendElement(xml, "LeaseDuration", duration);
}

void AppendProperties(std::string& xml, const Call& call, const Node& node,
                      const Includes& includes) {
  const bool directory = node.directory;
  xml += "<Properties>";
  AppendElement(xml, "Creation-Time", FormatHttpDate(node.created));
  AppendElement(xml, "Last-Modified", FormatHttpDate(node.last_modified));
  AppendElement(xml, "Etag", node.etag());
  if (call.hierarchical()) AppendElement(xml, "ResourceType", directory ? "directory" : "file");
  AppendElement(xml, "Content-Length", std::to_string(node.content.size()));
  AppendElement(
      xml, "Content-Type",
      node.settings.type.empty() && !directory ? "application/octet-stream" : node.settings.type);
  AppendElement(xml, "Content-Encoding", node.settings.encoding);
  AppendElement(xml, "Content-Language", node.settings.language);
  AppendElement(xml, "Content-CRC64", "");
  AppendElement(xml, "Content-MD5", node.settings.md5);
  AppendElement(xml, "Cache-Control", node.settings.cache_control);
  AppendElement(xml, "Content-Disposition", node.settings.disposition);
  // Directories have these, too; Microsoft's client for Python raises without a type (seen
  // 2026-11-29).
  AppendElement(xml, "BlobType", BlobTypeName(node.kind));
  if (node.kind == BlobKind::kBlock) {
    AppendElement(xml, "AccessTier", node.tier.empty() ? "Hot" : node.tier);
    if (node.tier.empty()) AppendElement(xml, "AccessTierInferred", "true");
  }
  if (node.snapshot.empty()) {
    AppendElement(xml, "LeaseStatus", node.lease.StatusName(call.now));
    AppendElement(xml, "LeaseState", node.lease.StateName(call.now));
    AppendLeaseDuration(xml, node.lease, call.now);
  }
  AppendElement(xml, "ServerEncrypted", "true");
  if (node.sealed) AppendElement(xml, "Sealed", "true");
  if (includes.permissions) {
    AppendElement(xml, "Owner", node.owner);
    AppendElement(xml, "Group", node.group);
    AppendElement(xml, "Permissions", node.acl.Permissions());
    AppendElement(xml, "Acl", node.acl.Text());
  }
  xml += "</Properties>";
}

void AppendMetadata(std::string& xml, const Metadata& metadata, bool is_folder) {
  if (metadata.empty() && !is_folder) {
    xml += "<Metadata />";
    return;
  }
  xml += "<Metadata>";
  for (const auto& [name, value] : metadata) AppendElement(xml, name, value);
  if (is_folder) AppendElement(xml, "hdi_isfolder", "true");
  xml += "</Metadata>";
}

void AppendBlob(std::string& xml, const Call& call, const std::string& name, const Node& node,
                const Includes& includes) {
  xml += "<Blob>";
  AppendName(xml, name);
  if (!node.snapshot.empty()) AppendElement(xml, "Snapshot", node.snapshot);
  AppendProperties(xml, call, node, includes);
  if (includes.metadata) AppendMetadata(xml, node.metadata, node.directory);
  xml += "<OrMetadata /></Blob>";  // as the service writes it
}

// A blob's snapshots stand before it, from the oldest on; they do not count for a page's size here.
void AppendEntry(std::string& xml, const Call& call, const ListEntry& entry,
                 const Includes& includes) {
  if (entry.prefix) {
    xml += "<BlobPrefix>";
    AppendName(xml, entry.name.ends_with('/') ? entry.name : entry.name + '/');
    if (entry.node != nullptr) AppendProperties(xml, call, *entry.node, includes);
    xml += "</BlobPrefix>";
    return;
  }
  if (includes.snapshots) {
    for (const auto& [time, snapshot] : entry.node->snapshots)
      AppendBlob(xml, call, entry.name, *snapshot, includes);
  }
  AppendBlob(xml, call, entry.name, *entry.node, includes);
}

void AppendContainer(std::string& xml, const Call& call, const Container& container,
                     bool with_metadata) {
  xml += "<Container>";
  AppendElement(xml, "Name", container.name);
  xml += "<Properties>";
  AppendElement(xml, "Last-Modified", FormatHttpDate(container.last_modified));
  AppendElement(xml, "Etag", container.quoted_etag());
  AppendElement(xml, "LeaseStatus", container.lease.StatusName(call.now));
  AppendElement(xml, "LeaseState", container.lease.StateName(call.now));
  AppendLeaseDuration(xml, container.lease, call.now);
  AppendElement(xml, "DefaultEncryptionScope", "$account-encryption-key");
  AppendElement(xml, "DenyEncryptionScopeOverride", "false");
  AppendElement(xml, "HasImmutabilityPolicy", "false");
  AppendElement(xml, "HasLegalHold", "false");
  xml += "</Properties>";
  if (with_metadata) AppendMetadata(xml, container.metadata, /*is_folder=*/false);
  xml += "</Container>";
}

}  // namespace

Response ListContainers(const Call& call) {
  const std::string prefix = call.target.query.Get("prefix");
  const std::string after = ReadContinuation(call.target.query.Get("marker"), "marker");
  const std::size_t max = PageSize(call, "maxresults");
  const bool with_metadata = call.target.query.Get("include").find("metadata") != std::string::npos;
  std::string xml(kXmlStart);
  xml += "<EnumerationResults ServiceEndpoint=\"" + EscapeXml(ServiceEndpoint(call)) + "\">";
  AppendGiven(xml, call, "Prefix", "prefix");
  AppendGiven(xml, call, "Marker", "marker");
  AppendGiven(xml, call, "MaxResults", "maxresults");
  xml += "<Containers>";
  std::size_t count = 0;
  std::string last;
  std::string next;
  const auto& containers = call.account.containers();
  for (auto at = after.empty() ? containers.begin() : containers.upper_bound(after);
       at != containers.end(); ++at) {
    if (!at->first.starts_with(prefix)) continue;
    if (count++ == max) {
      next = last;
      break;
    }
    last = at->first;
    AppendContainer(xml, call, *at->second, with_metadata);
  }
  xml += "</Containers>";
  AppendElement(xml, "NextMarker", MakeContinuation(next));
  return XmlReply(xml + "</EnumerationResults>");
}

Response AccountProperties(const Call& call) {
  Response response{.status = 200};
  response.headers.Add("x-ms-sku-name", "Standard_LRS");
  response.headers.Add("x-ms-account-kind", "StorageV2");
  response.headers.Add("x-ms-is-hns-enabled", call.hierarchical() ? "true" : "false");
  return response;
}

Response ServiceProperties(const Call&) {
  return XmlReply(
      std::string(kXmlStart) +
      "<StorageServiceProperties><Logging><Version>1.0</Version><Read>false</Read><Write>false</"
      "Write>"
      "<Delete>false</Delete><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></"
      "Logging><Cors />"
      "<DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy><StaticWebsite>"
      "<Enabled>false</Enabled></StaticWebsite></StorageServiceProperties>");
}

Response UserDelegationKey(const Call& call) {
  if (!call.header("Authorization").starts_with("Bearer ")) {
    Refuse(403, "AuthenticationFailed", "A user delegation key is for callers with a token.");
  }
  pugi::xml_document document;
  const std::string& body = call.request.body;
  if (!document.load_buffer(body.data(), body.size()))
    Refuse(400, "InvalidXmlDocument", "XML specified is not valid.");
  const std::string start = document.child("KeyInfo").child_value("Start");
  const std::string expiry = document.child("KeyInfo").child_value("Expiry");
  const auto begin = ParseRfc3339(start.empty() ? FormatRfc3339(call.now, 0) : start);
  const auto end = ParseRfc3339(expiry);
  if (!begin || !end || *end <= *begin || *end > call.now + kMaxDelegationKeyLife) {
    Refuse(400, "InvalidXmlNodeValue",
           "The value for one of the XML nodes is not in the correct format.");
  }
  const std::string start_text = FormatRfc3339(*begin, 0);
  const std::string expiry_text = FormatRfc3339(*end, 0);
  const std::string tenant = "00000000-0000-0000-0000-000000000000";
  const std::string version(call.header("x-ms-version"));
  const std::string fields = fmt::format("{}\n{}\n{}\n{}\nb\n{}", call.object_id, tenant,
                                         start_text, expiry_text, version);
  std::string xml(kXmlStart);
  xml += "<UserDelegationKey>";
  AppendElement(xml, "SignedOid", call.object_id);
  AppendElement(xml, "SignedTid", tenant);
  AppendElement(xml, "SignedStart", start_text);
  AppendElement(xml, "SignedExpiry", expiry_text);
  AppendElement(xml, "SignedService", "b");
  AppendElement(xml, "SignedVersion", version);
  AppendElement(xml, "Value", call.issuer.DelegationKey(fields));
  return XmlReply(xml + "</UserDelegationKey>");
}

Response CreateContainer(const Call& call) {
  CheckContainerName(call.target.container);
  if (call.account.FindContainer(call.target.container) != nullptr) {
    Refuse(409, "ContainerAlreadyExists", "The specified container already exists.");
  }
  return ReplyWith(201,
                   call.account.CreateContainer(call.target.container, MetadataOf(call), call.now));
}

Response GetContainer(const Call& call) {
  const Container& container = call.container();
  CheckConditions(call, container);
  container.lease.CheckRead(call.request.headers, call.now, Leased::kContainer);
  Response response = ReplyWith(200, container);
  for (const auto& [name, value] : container.metadata)
    response.headers.Add("x-ms-meta-" + name, value);
  container.lease.Describe(response.headers, call.now);
  response.headers.Add("x-ms-has-immutability-policy", "false");
  response.headers.Add("x-ms-has-legal-hold", "false");
  response.headers.Add("x-ms-default-encryption-scope", "$account-encryption-key");
  response.headers.Add("x-ms-deny-encryption-scope-override", "false");
  return response;
}

Response GetContainerAcl(const Call& call) {
  const Container& container = call.container();
  Response response = ReplyWith(200, container);
  response.body = std::string(kXmlStart) + "<SignedIdentifiers />";
  response.headers.Add("Content-Type", "application/xml");
  return response;
}

Response SetContainerMetadata(const Call& call) {
  Container& container = call.container();
  CheckConditions(call, container);
  container.lease.CheckRead(call.request.headers, call.now, Leased::kContainer);
  container.metadata = MetadataOf(call);
  call.account.Touch(container, call.now);
  call.account.SaveContainer(container);
  return ReplyWith(200, container);
}

Response LeaseContainer(const Call& call) {
  Container& container = call.container();
  CheckConditions(call, container);
  Response response = container.lease.Act(call.request.headers, call.now);
  response.headers.Add("ETag", container.quoted_etag());
  response.headers.Add("Last-Modified", FormatHttpDate(container.last_modified));
  call.account.SaveContainer(container);
  return response;
}

Response DeleteContainer(const Call& call) {
  CheckConditions(call, call.container());
  call.container().lease.CheckWrite(call.request.headers, call.now, Leased::kContainer);
  call.account.DeleteContainer(call.target.container);
  return ReplyWith(202);
}

Response ListBlobs(const Call& call) {
  const Container& container = call.container();
  const Includes includes = IncludesOf(call);
  const std::string delimiter = call.target.query.Get("delimiter");
  if (!delimiter.empty() && delimiter != "/") RefuseQuery("delimiter", delimiter);
  const ListPage page = ReadPage(call, {.prefix = call.target.query.Get("prefix"),
                                        .delimited = !delimiter.empty(),
                                        .token_parameter = "marker",
                                        .size_parameter = "maxresults"});
  std::string xml(kXmlStart);
  xml.reserve(page.entries.size() * 900 + 1000);
  xml += "<EnumerationResults ServiceEndpoint=\"" + EscapeXml(ServiceEndpoint(call)) +
         "\" ContainerName=\"" + EscapeXml(container.name) + "\">";
  AppendGiven(xml, call, "Prefix", "prefix");
  AppendGiven(xml, call, "Marker", "marker");
  AppendGiven(xml, call, "MaxResults", "maxresults");
  AppendGiven(xml, call, "Delimiter", "delimiter");
  xml += "<Blobs>";
  for (const ListEntry& entry : page.entries) AppendEntry(xml, call, entry, includes);
  xml += "</Blobs>";
  AppendElement(xml, "NextMarker", MakeContinuation(page.next));
  return XmlReply(xml + "</EnumerationResults>");
}

}  // namespace skybridge::localcloud::azure
