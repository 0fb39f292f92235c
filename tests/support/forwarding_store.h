// ForwardingStore: passes every call to another store. Derive from it to change one answer.
#pragma once

#include <vector>

#include "backends/object_store.h"

namespace skybridge::testing {

class ForwardingStore : public ObjectStore {
 public:
  explicit ForwardingStore(ObjectStore& store) : store_(store) {}

  const Capabilities& capabilities() const override { return store_.capabilities(); }
  Result<ProbeReply> Probe(const CallContext& context) override { return store_.Probe(context); }
  Result<ListPage> List(const ListRequest& request, const CallContext& context) override {
    return store_.List(request, context);
  }
  Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) override {
    return store_.Head(key, context);
  }
  Result<ObjectInfo> HeadDirectory(const ObjectKey& key, const CallContext& context) override {
    return store_.HeadDirectory(key, context);
  }
  Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                       const CallContext& context) override {
    return store_.Get(request, into, context);
  }
  Result<ObjectInfo> Put(const PutRequest& request, const CallContext& context) override {
    return store_.Put(request, context);
  }
  Result<UploadId> StartUpload(const StartUploadRequest& request,
                               const CallContext& context) override {
    return store_.StartUpload(request, context);
  }
  Result<PartReceipt> UploadPart(const UploadPartRequest& request,
                                 const CallContext& context) override {
    return store_.UploadPart(request, context);
  }
  Result<ObjectInfo> CommitUpload(const CommitUploadRequest& request,
                                  const CallContext& context) override {
    return store_.CommitUpload(request, context);
  }
  Status AbortUpload(const AbortUploadRequest& request, const CallContext& context) override {
    return store_.AbortUpload(request, context);
  }
  Result<ObjectInfo> SetAttributes(const SetAttributesRequest& request,
                                   const CallContext& context) override {
    return store_.SetAttributes(request, context);
  }
  Result<ObjectInfo> MakeDirectory(const MakeDirectoryRequest& request,
                                   const CallContext& context) override {
    return store_.MakeDirectory(request, context);
  }
  Status RemoveDirectory(const ObjectKey& key, const CallContext& context) override {
    return store_.RemoveDirectory(key, context);
  }
  Result<ObjectInfo> Rename(const RenameRequest& request, const CallContext& context) override {
    return store_.Rename(request, context);
  }
  Status Delete(const DeleteRequest& request, const CallContext& context) override {
    return store_.Delete(request, context);
  }
  std::vector<Status> DeleteMany(std::span<const DeleteRequest> requests,
                                 const CallContext& context) override {
    return store_.DeleteMany(requests, context);
  }

 protected:
  ObjectStore& store_;
};

}  // namespace skybridge::testing
