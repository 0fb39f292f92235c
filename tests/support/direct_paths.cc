#include "tests/support/direct_paths.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/mutex.h"

namespace skybridge::testing {
namespace {

class DirectReader final : public fuse::FileReader {
 public:
  DirectReader(ObjectStore& store, ObjectKey key, ETag etag)
      : store_(store), key_(std::move(key)), etag_(std::move(etag)) {}

  Result<std::size_t> Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                           const CallContext& context) override {
    const GetReply reply = TRY(store_.Get(
        {.key = key_, .range = {offset_bytes, into.size()}, .if_match = etag_}, into, context));
    return reply.bytes_received;
  }

 private:
  ObjectStore& store_;
  const ObjectKey key_;
  const ETag etag_;
};

class DirectWriter final : public fuse::FileWriter {
 public:
  DirectWriter(ObjectStore& store, const fuse::OpenWriterRequest& request,
               const std::function<void()>& before_publish_returns)
      : store_(store),
        before_publish_returns_(before_publish_returns),
        base_(request.base),
        loaded_(!request.base || request.truncate),
        dirty_(loaded_) {}

  Status Write(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context) override {
    MutexLock lock(mutex_);
    TRY_VOID(Load(context));
    if (content_.size() < offset_bytes + bytes.size()) content_.resize(offset_bytes + bytes.size());
    std::copy(bytes.begin(), bytes.end(),
              std::as_writable_bytes(std::span(content_)).begin() +
                  static_cast<std::ptrdiff_t>(offset_bytes));
    dirty_ = true;
    return {};
  }
  Result<std::size_t> Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                           const CallContext& context) override {
    MutexLock lock(mutex_);
    TRY_VOID(Load(context));
    const ByteRange there = Intersect({offset_bytes, into.size()}, {0, content_.size()});
    const auto from =
        AsBytes(content_).begin() + static_cast<std::ptrdiff_t>(there.empty() ? 0 : offset_bytes);
    std::copy_n(from, there.length_bytes, into.begin());
    return static_cast<std::size_t>(there.length_bytes);
  }
  Status Truncate(std::uint64_t size_bytes, const CallContext& context) override {
    MutexLock lock(mutex_);
    TRY_VOID(Load(context));
    content_.resize(size_bytes);
    dirty_ = true;
    return {};
  }
  std::uint64_t size_bytes() const override {
    MutexLock lock(mutex_);
    return loaded_ ? content_.size() : base_->size_bytes;
  }
  bool dirty() const override {
    MutexLock lock(mutex_);
    return dirty_;
  }
  Result<ObjectInfo> Publish(const fuse::PublishRequest& request,
                             const CallContext& context) override {
    ObjectInfo info = TRY(PutContent(request, context));
    if (before_publish_returns_) before_publish_returns_();
    return info;
  }
  Result<ObjectInfo> PublishConflictCopy(const ObjectKey& key, const Attributes& attributes,
                                         const CallContext& context) override {
    MutexLock lock(mutex_);
    return Put(key, content_, attributes, {.must_not_exist = true}, context);
  }
  Result<ObjectInfo> PublishWrittenRanges(const ObjectKey&, std::string_view, const Attributes&,
                                          const CallContext&) override {
    return Fail(ErrorCode::kInternal, "the base is in memory: a conflict copy can be made");
  }
  Result<fuse::UnpublishedContent> Unpublished() override {
    return Fail(ErrorCode::kNotSupported, "content in memory is not kept over a restart");
  }
  void NoteAttributes(const Attributes&) override {}
  void RebaseTo(const ObjectInfo& base) override {
    MutexLock lock(mutex_);
    base_ = base;
  }

 private:
  Status Load(const CallContext& context) REQUIRES(mutex_) {
    if (loaded_) return {};
    content_.resize(base_->size_bytes);
    TRY(store_.Get({.key = base_->key, .range = {0, content_.size()}, .if_match = base_->etag},
                   std::as_writable_bytes(std::span(content_)), context));
    loaded_ = true;
    return {};
  }
  // As the real writer: nobody who asks for the size waits for the store.
  Result<ObjectInfo> PutContent(const fuse::PublishRequest& request, const CallContext& context) {
    MutexLock lock(mutex_);
    const std::string sent = content_;
    Conditions conditions{.must_not_exist = !base_};
    if (base_) conditions.if_match = base_->etag;
    lock.Unlock();
    ObjectInfo info = TRY(Put(request.key, sent, request.attributes, conditions, context));
    lock.Lock();
    base_ = info;
    dirty_ = content_ != sent;
    return info;
  }
  Result<ObjectInfo> Put(const ObjectKey& key, const std::string& content,
                         const Attributes& attributes, const Conditions& conditions,
                         const CallContext& context) {
    return store_.Put(
        {.key = key, .body = AsBytes(content), .attributes = attributes, .conditions = conditions},
        context);
  }

  ObjectStore& store_;
  const std::function<void()>& before_publish_returns_;
  mutable Mutex mutex_;  // guards what follows
  std::optional<ObjectInfo> base_ GUARDED_BY(mutex_);
  std::string content_ GUARDED_BY(mutex_);
  bool loaded_ GUARDED_BY(mutex_);
  bool dirty_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<fuse::FileReader> DirectReadPath::Open(const ObjectKey& key, const ETag& etag,
                                                       std::uint64_t) {
  return std::make_unique<DirectReader>(store_, key, etag);
}

Result<std::unique_ptr<fuse::FileWriter>> DirectWritePath::Open(
    const fuse::OpenWriterRequest& request) {
  return std::unique_ptr<fuse::FileWriter>(
      std::make_unique<DirectWriter>(store_, request, before_publish_returns));
}

}  // namespace skybridge::testing
