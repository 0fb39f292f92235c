// StoreDecorator: passes every call to another store through one function of the derived class. You
// need it for a decorator that treats all calls alike (repeats them, counts them, holds them back).
// ForwardingStore: passes every call on unchanged; derive from it to change single answers.
//
//   class Counting final : public StoreDecorator<Counting> {
//    public:
//     template <class Send>
//     auto Through(const StoreCall&, const CallContext& context, Send send) {
//       ++calls_;
//       return send(context);  // what the store below answers
//     }
//
// A method that is added to ObjectStore is forwarded here and nowhere else. As safe from many threads
// as the function and the store below.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backends/object_store.h"

namespace skybridge {

// What a decorator may want to know of a call besides its context.
struct StoreCall {
  std::uint64_t payload_bytes = 0;  // of the body that is sent or asked for
  // The service, or the store with many requests, works in proportion to what is there: commits,
  // directory renames, attributes that are rewritten with the object.
  bool may_take_long = false;
};

// `Derived` has `Through(const StoreCall&, const CallContext&, send)`, which returns what `send(context)`
// returns (a Result or a Status) or an error of its own. It decides for itself what DeleteMany does.
template <class Derived>
class StoreDecorator : public ObjectStore {
 public:
  // `store` outlives the decorator.
  explicit StoreDecorator(ObjectStore& store) : store_(store) {}

  const Capabilities& capabilities() const override { return store_.capabilities(); }
  Result<ProbeReply> Probe(const CallContext& context) override {
    return Pass({}, context, [&](const CallContext& c) { return store_.Probe(c); });
  }
  Result<ListPage> List(const ListRequest& request, const CallContext& context) override {
    return Pass({}, context, [&](const CallContext& c) { return store_.List(request, c); });
  }
  Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) override {
    return Pass({}, context, [&](const CallContext& c) { return store_.Head(key, c); });
  }
  Result<ObjectInfo> HeadDirectory(const ObjectKey& key, const CallContext& context) override {
    return Pass({}, context, [&](const CallContext& c) { return store_.HeadDirectory(key, c); });
  }
  Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                       const CallContext& context) override {
    return Pass({.payload_bytes = request.range.length_bytes}, context,
                [&](const CallContext& c) { return store_.Get(request, into, c); });
  }
  Result<ObjectInfo> Put(const PutRequest& request, const CallContext& context) override {
    return Pass({.payload_bytes = request.body.size()}, context,
                [&](const CallContext& c) { return store_.Put(request, c); });
  }
  Result<UploadId> StartUpload(const StartUploadRequest& request,
                               const CallContext& context) override {
    return Pass({}, context, [&](const CallContext& c) { return store_.StartUpload(request, c); });
  }
  Result<PartReceipt> UploadPart(const UploadPartRequest& request,
                                 const CallContext& context) override {
    return Pass({.payload_bytes = request.body.size()}, context,
                [&](const CallContext& c) { return store_.UploadPart(request, c); });
  }
  Result<ObjectInfo> CommitUpload(const CommitUploadRequest& request,
                                  const CallContext& context) override {
    return Pass({.may_take_long = true}, context,
                [&](const CallContext& c) { return store_.CommitUpload(request, c); });
  }
  Status AbortUpload(const AbortUploadRequest& request, const CallContext& context) override {
    return Pass({}, context, [&](const CallContext& c) { return store_.AbortUpload(request, c); });
  }
  Result<ObjectInfo> SetAttributes(const SetAttributesRequest& request,
                                   const CallContext& context) override {
    return Pass({.may_take_long = capabilities().set_attributes_rewrites}, context,
                [&](const CallContext& c) { return store_.SetAttributes(request, c); });
  }
  Result<ObjectInfo> MakeDirectory(const MakeDirectoryRequest& request,
                                   const CallContext& context) override {
    return Pass({}, context,
                [&](const CallContext& c) { return store_.MakeDirectory(request, c); });
  }
  Status RemoveDirectory(const ObjectKey& key, const CallContext& context) override {
    return Pass({}, context, [&](const CallContext& c) { return store_.RemoveDirectory(key, c); });
  }
  Result<ObjectInfo> Rename(const RenameRequest& request, const CallContext& context) override {
    const bool one_by_one =
        request.kind == NodeKind::kDirectory && !capabilities().atomic_directory_rename;
    return Pass({.may_take_long = one_by_one}, context,
                [&](const CallContext& c) { return store_.Rename(request, c); });
  }
  Status Delete(const DeleteRequest& request, const CallContext& context) override {
    return Pass({}, context, [&](const CallContext& c) { return store_.Delete(request, c); });
  }

 protected:
  ObjectStore& store_;

 private:
  template <class Send>
  auto Pass(const StoreCall& call, const CallContext& context, Send send) {
    return static_cast<Derived&>(*this).Through(call, context, send);
  }
};

class ForwardingStore : public StoreDecorator<ForwardingStore> {
 public:
  using StoreDecorator::StoreDecorator;

  template <class Send>
  auto Through(const StoreCall&, const CallContext& context, Send send) {
    return send(context);
  }
  std::vector<Status> DeleteMany(std::span<const DeleteRequest> requests,
                                 const CallContext& context) override {
    return store_.DeleteMany(requests, context);
  }
};

}  // namespace skybridge
