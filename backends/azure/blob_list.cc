#include "backends/azure/blob_list.h"

#include <pugixml.hpp>

#include "backends/azure/replies.h"
#include "backends/file_length.h"
#include "core/encoding.h"

namespace skybridge::azure {
namespace {

// A name may be one single space.
constexpr unsigned kParseOptions = pugi::parse_default | pugi::parse_ws_pcdata_single;

// Names that XML cannot hold come percent-encoded, marked by an attribute.
Result<std::string> NameOf(const pugi::xml_node& entry) {
  const pugi::xml_node name = entry.child("Name");
  std::string text = name.child_value();
  if (text.empty()) return Fail(ErrorCode::kCorrupt, "a listing has an entry without a name");
  if (!name.attribute("Encoded").as_bool()) return text;
  return PercentDecode(text);
}

MetadataMap MetadataOf(const pugi::xml_node& metadata) {
  MetadataMap map;
  for (const pugi::xml_node& field : metadata.children())
    map.emplace(field.name(), field.child_value());
  return map;
}

ContentHeaders ContentOf(const pugi::xml_node& properties) {
  return WithoutDefaultType({.type = properties.child_value("Content-Type"),
                             .encoding = properties.child_value("Content-Encoding"),
                             .language = properties.child_value("Content-Language"),
                             .disposition = properties.child_value("Content-Disposition"),
                             .cache_control = properties.child_value("Cache-Control")});
}

std::string TierOf(const pugi::xml_node& properties) {
  const bool inferred = properties.child("AccessTierInferred").text().as_bool();
  return inferred ? std::string() : properties.child_value("AccessTier");
}

std::optional<AccessControl> AccessOf(const pugi::xml_node& properties) {
  const std::string acl = properties.child_value("Acl");
  if (acl.empty()) return std::nullopt;
  return AccessControl{.owner = properties.child_value("Owner"),
                       .group = properties.child_value("Group"),
                       .acl = acl};
}

Result<ListedBlob> ParseEntry(const pugi::xml_node& entry, bool is_prefix) {
  const pugi::xml_node properties = entry.child("Properties");
  const auto size = ParseFileLength(properties.child_value("Content-Length"));
  // What does not tell its length would pass for empty.
  if (!size && !is_prefix)
    return Fail(ErrorCode::kCorrupt, "the listing does not tell the length of a blob");
  const pugi::xml_node metadata = entry.child("Metadata");
  ListedBlob blob{
      .name = TRY(NameOf(entry)),
      .is_prefix = is_prefix,
      .is_directory = std::string_view(properties.child_value("ResourceType")) == "directory",
      .size_bytes = size.value_or(0),
      .etag = StripETag(properties.child_value("Etag")),
      .last_modified = ParseTime(properties.child_value("Last-Modified")),
      .md5 = DecodeMd5(properties.child_value("Content-MD5")),
      .content = ContentOf(properties),
      .tier = TierOf(properties),
      .access = AccessOf(properties)};
  if (!is_prefix || metadata) blob.metadata = MetadataOf(metadata);
  return blob;
}

// Whether a character reference ("&#0;", "&#x000;") means NUL to the parser, which counts in 32
// bits.
bool IsNul(std::string_view reference) {
  const bool hex = reference.starts_with('x');
  if (hex) reference.remove_prefix(1);
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const char c = reference[i];
    if (c == ';') return i > 0 && value == 0;
    const char lower = static_cast<char>(c | 0x20);
    const bool letter = hex && lower >= 'a' && lower <= 'f';
    if (!letter && (c < '0' || c > '9')) return false;
    const auto digit = static_cast<std::uint32_t>(letter ? lower - 'a' + 10 : c - '0');
    value = value * (hex ? 16 : 10) + digit;
  }
  return false;
}

// XML has no NUL, also not as a reference (XML 1.0, section 4.1, "Legal Character"), but the parser
// takes it, and what follows it would be cut off: a name would become another one.
bool HoldsNul(std::string_view xml) {
  if (xml.find('\0') != std::string_view::npos) return true;
  constexpr std::string_view kReference = "&#";
  for (auto at = xml.find(kReference); at != std::string_view::npos;
       at = xml.find(kReference, at + 1)) {
    if (IsNul(xml.substr(at + kReference.size()))) return true;
  }
  return false;
}

}  // namespace

Result<BlobListPage> ParseBlobList(std::string_view xml) {
  pugi::xml_document document;
  const auto parsed = document.load_buffer(xml.data(), xml.size(), kParseOptions);
  const pugi::xml_node results = document.child("EnumerationResults");
  if (!parsed || !results || HoldsNul(xml))
    return Fail(ErrorCode::kCorrupt, "the service's answer is not the XML of a listing");
  BlobListPage page{.entries = {}, .next_marker = results.child_value("NextMarker")};
  for (const pugi::xml_node& entry : results.child("Blobs").children()) {
    const std::string_view kind = entry.name();
    if (kind != "Blob" && kind != "BlobPrefix") continue;
    page.entries.push_back(TRY(ParseEntry(entry, kind == "BlobPrefix")));
  }
  return page;
}

}  // namespace skybridge::azure
