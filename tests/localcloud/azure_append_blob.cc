// Append blobs: each request adds one block at the end. Source: Azure REST: Append Block, Append Block
// From URL, Append Blob Seal; recorded exchanges.
#include <fmt/format.h>

#include "core/digest.h"
#include "core/encoding.h"
#include "tests/localcloud/azure_blob.h"
#include "tests/localcloud/azure_copy.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::size_t kMaxBlocks = 50000;

// x-ms-blob-condition-NAME as a number; nullopt when it is not given.
std::optional<std::uint64_t> NumberCondition(const Call& call, const std::string& name) {
  const std::string header = "x-ms-blob-condition-" + name;
  const std::string_view text = call.header(header);
  if (text.empty()) return std::nullopt;
  const auto number = ParseNumber(text);
  if (!number) RefuseHeader(header, std::string(text));
  return number;
}

void CheckPosition(const Call& call, const Node& node) {
  const auto position = NumberCondition(call, "appendpos");
  if (position && *position != node.content.size()) {
    Refuse(412, "AppendPositionConditionNotMet",
           "The append position condition specified was not met.");
  }
}

NodePtr NeedAppendBlob(const Call& call) {
  NodePtr node = NeedForWrite(call);
  RequireKind(*node, BlobKind::kAppend);
  CheckPosition(call, *node);
  return node;
}

}  // namespace

Response AppendBlock(const Call& call) {
  const bool from_url = call.operation == Operation::kAppendBlockFromUrl;
  const Slice block =
      from_url ? call.storage.Keep(SourceBytes(call, FindCopySource(call))) : call.body;
  if (block.bytes.empty()) RefuseHeader("Content-Length", "0");
  const NodePtr node = NeedAppendBlob(call);
  if (node->sealed) Refuse(409, "BlobIsSealed", "The specified blob is sealed.");
  const std::uint64_t offset = node->content.size();
  const auto most = NumberCondition(call, "maxsize");
  if (most && offset + block.bytes.size() > *most) {
    Refuse(412, "MaxBlobSizeConditionNotMet", "The max blob size condition specified was not met.");
  }
  if (node->content.parts().size() == kMaxBlocks) {
    Refuse(409, "BlockCountExceedsLimit",
           "The committed block count cannot exceed the maximum limit of 50,000 blocks.");
  }
  node->content.Append(block);
  call.account.Touch(*node, call.now);
  call.account.Save(call.container(), *node);
  Response response = Encrypted(ReplyWith(201, *node));
  response.headers.Add("x-ms-blob-append-offset", std::to_string(offset));
  response.headers.Add("x-ms-blob-committed-block-count",
                       std::to_string(node->content.parts().size()));
  if (from_url) {
    response.headers.Add("x-ms-content-crc64", EncodeCrc64(Crc64Nvme(AsBytes(block.bytes))));
  } else {
    AddBodyDigest(call, call.body_crc64, response);
  }
  return response;
}

Response Seal(const Call& call) {
  const NodePtr node = NeedAppendBlob(call);
  node->sealed = true;
  call.account.Touch(*node, call.now);
  call.account.Save(call.container(), *node);
  Response response = ReplyWith(200, *node);
  response.headers.Add("x-ms-blob-sealed", "true");
  return response;
}

}  // namespace skybridge::localcloud::azure
