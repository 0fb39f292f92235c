#include "tests/localcloud/azure_record.h"

#include <nlohmann/json.hpp>

#include "core/encoding.h"

namespace skybridge::localcloud::azure {
namespace {

using Json = nlohmann::json;

std::int64_t Nanoseconds(WallTime time) { return time.time_since_epoch().count(); }
WallTime TimeAt(const Json& nanoseconds) {
  return WallTime(std::chrono::nanoseconds(nanoseconds.get<std::int64_t>()));
}

// Metadata values may be any bytes.
Json MetadataToJson(const Metadata& metadata) {
  Json json = Json::object();
  for (const auto& [key, value] : metadata) json[key] = HexEncode(AsBytes(value));
  return json;
}

Metadata MetadataFromJson(const Json& json) {
  Metadata metadata;
  for (const auto& item : json.items())
    metadata[item.key()] = HexDecode(item.value().get<std::string>()).value_or("");
  return metadata;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

LoadedNode ReadNode(const Json& json) {
  LoadedNode loaded{.node = std::make_shared<Node>(),
                    .container = json.at("container").get<std::string>(),
                    .parent_id = json.at("parent").get<std::uint64_t>()};
  Node& node = *loaded.node;
  node.id = json.at("id").get<std::uint64_t>();
  node.name = json.at("name").get<std::string>();
  node.directory = json.at("directory").get<bool>();
  node.origin = json.at("dfs_born").get<bool>() ? Origin::kDfs : Origin::kBlob;
  node.etag_ticks = json.at("etag").get<std::uint64_t>();
  node.last_modified = TimeAt(json.at("modified"));
  node.created = TimeAt(json.at("created"));
  node.expires = TimeAt(json.at("expires"));
  node.owner = json.at("owner").get<std::string>();
  node.group = json.at("group").get<std::string>();
  node.acl.Set(json.at("acl").get<std::string>(), /*is_directory=*/true);
  if (json.at("sticky").get<bool>()) node.acl.SetMode(node.acl.mode() | 01000);
  node.metadata = MetadataFromJson(json.at("metadata"));
  node.lease = Lease::FromRecord(json.at("lease").get<std::string>());
  node.tier = json.at("tier").get<std::string>();
  node.kind = json.value("append", false) ? BlobKind::kAppend : BlobKind::kBlock;
  node.sealed = json.value("sealed", false);
  node.snapshot = json.value("snapshot", "");
  node.snapshot_of = json.value("snapshot_of", std::uint64_t{0});
  const auto settings = json.at("settings").get<std::vector<std::string>>();
  node.settings = {.type = settings.at(0),
                   .encoding = settings.at(1),
                   .language = settings.at(2),
                   .disposition = settings.at(3),
                   .cache_control = settings.at(4),
                   .md5 = settings.at(5)};
  node.copy = {.id = json.at("copy").at(0),
               .source = json.at("copy").at(1),
               .completed = TimeAt(json.at("copy").at(2))};
  for (const Json& block : json.at("blocks")) {
    node.blocks.push_back(
        {.id = block.at(0).get<std::string>(), .size = block.at(1).get<std::uint64_t>()});
  }
  return loaded;
}

}  // namespace

std::string NodeToRecord(const Node& node, std::string_view container, Storage& storage) {
  Json parts = Json::array();
  for (const Slice& part : node.content.parts()) parts.push_back(storage.NameOf(part));
  Json blocks = Json::array();
  for (const Block& block : node.blocks) blocks.push_back({block.id, block.size});
  const ContentSettings& settings = node.settings;
  const Json json{
      {"container", container},
      {"parent", node.parent == nullptr ? 0 : node.parent->id},
      {"id", node.id},
      {"name", node.name},
      {"directory", node.directory},
      {"dfs_born", node.origin == Origin::kDfs},
      {"etag", node.etag_ticks},
      {"modified", Nanoseconds(node.last_modified)},
      {"created", Nanoseconds(node.created)},
      {"expires", Nanoseconds(node.expires)},
      {"owner", node.owner},
      {"group", node.group},
      {"acl", node.acl.Text()},
      {"sticky", (node.acl.mode() & 01000) != 0},
      {"metadata", MetadataToJson(node.metadata)},
      {"lease", node.lease.ToRecord()},
      {"tier", node.tier},
      {"append", node.kind == BlobKind::kAppend},
      {"sealed", node.sealed},
      {"snapshot", node.snapshot},
      {"snapshot_of", node.snapshot_of},
      {"settings",
       {settings.type, settings.encoding, settings.language, settings.disposition,
        settings.cache_control, settings.md5}},
      {"copy", {node.copy.id, node.copy.source, Nanoseconds(node.copy.completed)}},
      {"blocks", std::move(blocks)},
      {"parts", std::move(parts)},
  };
  return Dump(json);
}

Result<LoadedNode> NodeFromRecord(std::string_view record, Storage& storage) {
  try {
    const Json json = Json::parse(record);
    LoadedNode loaded = ReadNode(json);
    for (const Json& part : json.at("parts")) {
      Slice slice = TRY(storage.Find(part.get<std::string>()));
      loaded.node->content.Append(std::move(slice));
    }
    return loaded;
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, std::string("node record: ") + error.what());
  }
}

std::string ContainerToRecord(const Container& container) {
  return Dump({{"etag", container.etag_ticks},
               {"modified", Nanoseconds(container.last_modified)},
               {"metadata", MetadataToJson(container.metadata)},
               {"lease", container.lease.ToRecord()},
               {"root", container.root == nullptr ? 0 : container.root->id}});
}

Result<LoadedContainer> ContainerFromRecord(std::string_view name, std::string_view record) {
  try {
    const Json json = Json::parse(record);
    LoadedContainer loaded{.container = std::make_unique<Container>(),
                           .root_id = json.at("root").get<std::uint64_t>()};
    Container& container = *loaded.container;
    container.name = name;
    container.etag_ticks = json.at("etag").get<std::uint64_t>();
    container.last_modified = TimeAt(json.at("modified"));
    container.metadata = MetadataFromJson(json.at("metadata"));
    container.lease = Lease::FromRecord(json.at("lease").get<std::string>());
    return loaded;
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, std::string("container record: ") + error.what());
  }
}

}  // namespace skybridge::localcloud::azure
