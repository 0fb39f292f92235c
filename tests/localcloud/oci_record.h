// The records in which the OCI double keeps its state: one JSON text per bucket, object, upload and
// part.
//
//   oci/1bucket/NAMESPACE/BUCKET                  a bucket
//   oci/2object/NAMESPACE/BUCKET/NAME             an object (a bucket's name holds no '/')
//   oci/3upload/NAMESPACE/BUCKET/UPLOAD           a multipart upload
//   oci/4part/NAMESPACE/BUCKET/UPLOAD/NNNNN       one of its parts
//   oci/5par/NAMESPACE/BUCKET/ID                  a pre-authenticated request
//
// The digits make every record follow the ones it depends on. Bytes are named by Storage::NameOf.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "tests/localcloud/oci_state.h"

namespace skybridge::localcloud::oci {

inline constexpr std::string_view kBucketRecords = "oci/1bucket/";
inline constexpr std::string_view kObjectRecords = "oci/2object/";
inline constexpr std::string_view kUploadRecords = "oci/3upload/";
inline constexpr std::string_view kPartRecords = "oci/4part/";
inline constexpr std::string_view kParRecords = "oci/5par/";

std::string BucketKey(const Bucket& bucket);
std::string ObjectKeyOf(const Bucket& bucket, std::string_view name);
std::string UploadKey(const Bucket& bucket, std::string_view upload_id);
std::string PartKey(const Bucket& bucket, std::string_view upload_id, int number);
std::string ParKey(const Bucket& bucket, std::string_view id);

using NameOfBlob = std::function<std::string(const Blob&)>;
using BlobOfName = std::function<Result<BlobRef>(const std::string&)>;

std::string WriteBucket(const Bucket& bucket);
std::string WriteObject(const Bucket& bucket, const Object& object, const NameOfBlob& name_of);
std::string WriteUpload(const Bucket& bucket, const Upload& upload);
std::string WritePart(const Bucket& bucket, std::string_view upload_id, int number,
                      const Part& part, const NameOfBlob& name_of);
std::string WritePar(const Bucket& bucket, const PreAuthenticatedRequest& par);

// What a record belongs to, and its content. kCorrupt if the text is not such a record.
struct ObjectRecord {
  std::string bucket;  // "namespace/bucket"
  Object object;
};
struct UploadRecord {
  std::string bucket;
  Upload upload;
};
struct PartRecord {
  std::string bucket;
  std::string upload_id;
  int number = 0;
  Part part;
};
struct ParRecord {
  std::string bucket;
  PreAuthenticatedRequest par;
};
Result<Bucket> ReadBucket(std::string_view text);
Result<ObjectRecord> ReadObject(std::string_view text, const BlobOfName& blob_of);
Result<UploadRecord> ReadUpload(std::string_view text);
Result<PartRecord> ReadPart(std::string_view text, const BlobOfName& blob_of);
Result<ParRecord> ReadPar(std::string_view text);

}  // namespace skybridge::localcloud::oci
