// How an object of a bucket looks as a node of the tree, and what goes with a node besides its
// bytes. Pure.
#pragma once

#include "backends/object_store.h"
#include "backends/oci/bucket.h"
#include "backends/oci/replies.h"
#include "backends/oci/requests.h"

namespace skybridge::oci {

// What goes with an object besides its bytes. A digest that came along as metadata (from another
// cloud, say) is not of this content for certain. Errors: those of EncodePosixMetadata.
Result<Metadata> EncodeAttributes(NodeKind kind, const Attributes& attributes);

// The headers that go with it: content headers, and the tier in the service's words. Source: Object
// Storage Service API: PutObject, storage-tier: Standard, InfrequentAccess, Archive.
StoredHeaders HeadersOf(const Attributes& attributes);
// Whether the object has these headers. A tier that is not among them may be any.
bool HasHeaders(const ObjectHead& head, const StoredHeaders& wanted);

// The object as its own reply tells it.
ObjectInfo DescribeObject(const ObjectKey& key, NodeKind known_kind, const ObjectHead& head);
// The object that was just written, as what was sent and the reply to it tell.
ObjectInfo DescribeWritten(const ObjectKey& key, NodeKind kind, std::uint64_t size_bytes,
                           const Attributes& attributes, const ObjectFacts& facts);
// A directory without a marker.
ObjectInfo DescribePrefix(const ObjectKey& key);

// Both sides say something of the content, and it agrees.
bool SameContent(const ObjectInfo& a, const ObjectInfo& b);

}  // namespace skybridge::oci
