#include "fuse/write/write_path.h"

#include <utility>

#include "core/digest.h"
#include "fuse/write/staged_writer.h"
#include "fuse/write/write_crew.h"

namespace skybridge::fuse {
namespace {

class StagedWritePath final : public WritePath {
 public:
  StagedWritePath(ObjectStore& store, ReadPath& reads, cache::BlockCache* block_cache,
                  cache::Staging& staging, Clock& clock, std::string remote_name,
                  const Options& options)
      : crew_(store, reads, block_cache, staging, clock, std::move(remote_name), options) {}

  Result<std::unique_ptr<FileWriter>> Open(const OpenWriterRequest& request) override {
    std::unique_ptr<cache::StagingFile> staging = TRY(crew_.staging.Create());
    return std::make_unique<StagedWriter>(crew_, request, std::move(staging));
  }
  Result<std::optional<ObjectInfo>> PutAgain(const ObjectInfo& version,
                                             const Attributes& attributes,
                                             const CallContext& context) override;
  std::uint64_t max_put_bytes() const override { return crew_.max_put_bytes(); }
  std::uint64_t dirty_bytes() const override { return crew_.dirty_bytes(); }

 private:
  WriteCrew crew_;
};

Result<std::optional<ObjectInfo>> StagedWritePath::PutAgain(const ObjectInfo& version,
                                                            const Attributes& attributes,
                                                            const CallContext& context) {
  const std::optional<ObjectInfo> not_here;
  const std::uint64_t size = version.size_bytes;
  if (crew_.cache == nullptr || size > crew_.max_put_bytes()) return not_here;
  const PartBuffers::Lease buffer = TRY(crew_.buffers.Take(size, context));
  const cache::BlockId block = crew_.BlockOf(version.key, version.etag);
  if (size > 0 && !crew_.cache->Read(block, 0, buffer.span())) return not_here;
  const ByteSpan body = buffer.span();
  if (version.digests.crc32c && *version.digests.crc32c != Crc32c(body)) return not_here;
  ObjectInfo info = TRY(crew_.store.Put({.key = version.key,
                                         .body = body,
                                         .attributes = attributes,
                                         .conditions = {.if_match = version.etag}},
                                        crew_.Limited(context)));
  if (size > 0) {
    crew_.cache->Write(crew_.BlockOf(version.key, info.etag), body);
    crew_.cache->Drop(block.object, block.etag);
  }
  return std::optional<ObjectInfo>(std::move(info));
}

}  // namespace

std::unique_ptr<WritePath> WritePath::Create(ObjectStore& store, ReadPath& reads,
                                             cache::BlockCache* block_cache,
                                             cache::Staging& staging, Clock& clock,
                                             std::string remote_name, const Options& options) {
  return std::make_unique<StagedWritePath>(store, reads, block_cache, staging, clock,
                                           std::move(remote_name), options);
}

}  // namespace skybridge::fuse
