// Nodes and containers as JSON texts, the form in which a durable storage keeps them.
#pragma once

#include <string>
#include <string_view>

#include "tests/localcloud/azure_account.h"

namespace skybridge::localcloud::azure {

std::string NodeToRecord(const Node& node, std::string_view container, Storage& storage);
struct LoadedNode {
  NodePtr node;
  std::string container;
  std::uint64_t parent_id = 0;  // 0: none
};
// kCorrupt when the record or data it names is not whole.
Result<LoadedNode> NodeFromRecord(std::string_view record, Storage& storage);

std::string ContainerToRecord(const Container& container);
struct LoadedContainer {
  std::unique_ptr<Container> container;
  std::uint64_t root_id = 0;
};
Result<LoadedContainer> ContainerFromRecord(std::string_view name, std::string_view record);

}  // namespace skybridge::localcloud::azure
