// OciStore: a bucket of OCI Object Storage, or the part of it below one path, as an ObjectStore.
//
// The service knows flat names only. A file `a/b` is the object "a/b"; a directory exists through
// its marker "a/" (zero bytes, as the OCI CLI and the HDFS connector write it), which also holds
// its attributes, or through its children. Where an object `a` and names below "a/" exist side by
// side, the file is what Head shows; a listing shows both.
//
// What follows from the service's own limits:
// - Metadata can be written only with the object. SetAttributes writes small objects anew (GET and
//   PUT with If-Match, nothing else where the caller names version and size) and lets the service
//   copy large ones onto themselves; without the policy that lets it ("Allow service
//   objectstorage-REGION to manage object-family") large ones are sent again, too. An upload in
//   parts keeps the attributes given to StartUpload; others cost such a copy at the commit.
// - A directory is renamed object by object, eight at a time. The destination's marker names the
//   source until the last object has moved, so that an interrupted rename goes on when it is called
//   again.
// - Through a pre-authenticated request nothing is deleted or renamed (Capabilities), and nothing
//   is copied: metadata of large objects costs sending them again.
// - A listing tells neither attributes nor symbolic links.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/http_transport.h"
#include "backends/object_store.h"
#include "backends/oci/identity.h"
#include "core/mutex.h"
#include "core/secret.h"

namespace skybridge::oci {

struct OciStoreOptions {
  std::string endpoint = {};    // scheme://host[:port] without path; empty: made from `region`
  std::string region = {};      // id or short code; may be empty when there is an endpoint
  std::string name_space = {};  // empty: asked from the service
  std::string bucket = {};
  ObjectKey root = {};  // keys lie below this path of the bucket
  // "/p/SECRET" of a pre-authenticated request (pre_authenticated.h), with nobody's identity beside
  // it; needs `endpoint` and `name_space`.
  Secret access = {};
  Environment environment = ProcessEnvironment();
};

// `transport` and `clock` must outlive the store. Sends nothing yet.
// Errors: kInvalidArgument (no bucket; neither endpoint nor region; an endpoint with a path).
Result<std::unique_ptr<ObjectStore>> MakeOciStore(const OciStoreOptions& options,
                                                  HttpTransport& transport,
                                                  std::unique_ptr<IdentityProvider> identities,
                                                  Clock& clock);

}  // namespace skybridge::oci
