#include "tests/localcloud/oci_state.h"

#include <utility>

#include "tests/localcloud/oci_record.h"

namespace skybridge::localcloud::oci {
namespace {

std::string FullName(std::string_view namespace_name, std::string_view bucket) {
  return std::string(namespace_name) + "/" + std::string(bucket);
}

}  // namespace

OciState::OciState(Storage& storage, std::vector<std::string> namespaces, std::string region,
                   OciLimits limits, std::vector<OciSecret> secrets)
    : storage_(storage),
      namespaces_(std::move(namespaces)),
      region_(std::move(region)),
      limits_(limits) {
  for (OciSecret& secret : secrets) {
    std::string first = secret.content;
    secrets_.push_back({.facts = std::move(secret), .versions = {std::move(first)}});
  }
}

bool OciState::ReplaceSecret(std::string_view id, std::string content) {
  if (!AddPendingSecret(id, std::move(content))) return false;
  for (KeptSecret& secret : secrets_) {
    if (secret.facts.id == id) secret.current = secret.versions.size();
  }
  return true;
}

bool OciState::AddPendingSecret(std::string_view id, std::string content) {
  for (KeptSecret& secret : secrets_) {
    if (secret.facts.id != id) continue;
    secret.versions.push_back(std::move(content));
    return true;
  }
  return false;
}

Status OciState::Load() {
  std::map<std::string, BlobRef> blobs;
  const BlobOfName blob_of = [&](const std::string& name) -> Result<BlobRef> {
    BlobRef& blob = blobs[name];
    if (blob == nullptr) blob = std::make_shared<Blob>(Blob{TRY(storage_.Find(name))});
    return blob;
  };
  Status outcome;
  // Every record of one kind, until one of them fails.
  const auto each = [&](std::string_view prefix,
                        const std::function<Status(std::string_view)>& take) {
    storage_.ForEachRecord(prefix, [&](std::string_view, std::string_view text) {
      if (outcome) outcome = take(text);
    });
  };
  std::map<std::string, Bucket, std::less<>> buckets;
  each(kBucketRecords, [&](std::string_view text) -> Status {
    Bucket bucket = TRY(ReadBucket(text));
    std::string name = FullName(bucket.namespace_name, bucket.name);
    buckets.emplace(std::move(name), std::move(bucket));
    return {};
  });
  each(kObjectRecords, [&](std::string_view text) -> Status {
    ObjectRecord record = TRY(ReadObject(text, blob_of));
    for (const BlobRef& blob : record.object.blobs) ++blob->holders;
    std::string name = record.object.name;
    buckets[record.bucket].objects.emplace(std::move(name),
                                           std::make_shared<Object>(std::move(record.object)));
    return {};
  });
  each(kUploadRecords, [&](std::string_view text) -> Status {
    UploadRecord record = TRY(ReadUpload(text));
    std::string id = record.upload.id;
    buckets[record.bucket].uploads.emplace(std::move(id), std::move(record.upload));
    return {};
  });
  each(kPartRecords, [&](std::string_view text) -> Status {
    PartRecord record = TRY(ReadPart(text, blob_of));
    ++record.part.blob->holders;
    buckets[record.bucket].uploads[record.upload_id].parts.emplace(record.number,
                                                                   std::move(record.part));
    return {};
  });
  each(kParRecords, [&](std::string_view text) -> Status {
    ParRecord record = TRY(ReadPar(text));
    std::string id = record.par.id;
    buckets[record.bucket].pars.emplace(std::move(id), std::move(record.par));
    return {};
  });
  const MutexLock lock(mutex);
  buckets_ = std::move(buckets);
  return outcome;
}

BlobRef OciState::Keep(const std::string& bytes) {
  return std::make_shared<Blob>(Blob{storage_.Keep(bytes)});
}

void OciState::Discard(const BlobRef& blob) { storage_.Release(blob->slice); }

void OciState::Hold(const BlobRef& blob) { ++blob->holders; }

void OciState::Drop(const BlobRef& blob) {
  if (--blob->holders == 0) storage_.Release(blob->slice);
}

Bucket* OciState::FindBucket(std::string_view namespace_name, std::string_view name) {
  const auto found = buckets_.find(FullName(namespace_name, name));
  return found == buckets_.end() ? nullptr : &found->second;
}

std::vector<const Bucket*> OciState::Buckets(std::string_view namespace_name) {
  std::vector<const Bucket*> buckets;
  for (const auto& [full_name, bucket] : buckets_) {
    if (bucket.namespace_name == namespace_name) buckets.push_back(&bucket);
  }
  return buckets;
}

Bucket& OciState::AddBucket(Bucket bucket) {
  SaveBucket(bucket);
  std::string name = FullName(bucket.namespace_name, bucket.name);
  return buckets_.insert_or_assign(std::move(name), std::move(bucket)).first->second;
}

void OciState::SaveBucket(const Bucket& bucket) {
  storage_.SetRecord(BucketKey(bucket), WriteBucket(bucket));
}

void OciState::EraseBucket(const Bucket& bucket) {
  storage_.EraseRecord(BucketKey(bucket));
  buckets_.erase(FullName(bucket.namespace_name, bucket.name));
}

ObjectRef OciState::FindObject(const Bucket& bucket, std::string_view name) {
  const auto found = bucket.objects.find(name);
  return found == bucket.objects.end() ? nullptr : found->second;
}

void OciState::PutObject(Bucket& bucket, const ObjectRef& object) {
  const auto name_of = [this](const Blob& blob) { return storage_.NameOf(blob.slice); };
  storage_.SetRecord(ObjectKeyOf(bucket, object->name), WriteObject(bucket, *object, name_of));
  for (const BlobRef& blob : object->blobs) Hold(blob);
  ObjectRef& place = bucket.objects[object->name];
  const ObjectRef replaced = std::exchange(place, object);
  if (replaced == nullptr) return;
  for (const BlobRef& blob : replaced->blobs) Drop(blob);
}

void OciState::EraseObject(Bucket& bucket, std::string_view name) {
  const auto found = bucket.objects.find(name);
  if (found == bucket.objects.end()) return;
  const ObjectRef object = found->second;
  storage_.EraseRecord(ObjectKeyOf(bucket, name));
  bucket.objects.erase(found);
  for (const BlobRef& blob : object->blobs) Drop(blob);
}

Upload& OciState::AddUpload(Bucket& bucket, Upload upload) {
  storage_.SetRecord(UploadKey(bucket, upload.id), WriteUpload(bucket, upload));
  std::string id = upload.id;
  return bucket.uploads.emplace(std::move(id), std::move(upload)).first->second;
}

void OciState::PutPart(const Bucket& bucket, Upload& upload, int number, Part part) {
  const auto name_of = [this](const Blob& blob) { return storage_.NameOf(blob.slice); };
  storage_.SetRecord(PartKey(bucket, upload.id, number),
                     WritePart(bucket, upload.id, number, part, name_of));
  Hold(part.blob);
  const auto [place, is_new] = upload.parts.try_emplace(number);
  if (!is_new) Drop(place->second.blob);
  place->second = std::move(part);
}

void OciState::EraseUpload(Bucket& bucket, std::string_view upload_id) {
  const auto found = bucket.uploads.find(upload_id);
  if (found == bucket.uploads.end()) return;
  for (const auto& [number, part] : found->second.parts) {
    storage_.EraseRecord(PartKey(bucket, upload_id, number));
    Drop(part.blob);
  }
  storage_.EraseRecord(UploadKey(bucket, upload_id));
  bucket.uploads.erase(found);
}

void OciState::SetAccessSecret(Bucket& bucket, std::string_view upload_id, std::string secret) {
  const auto found = bucket.uploads.find(upload_id);
  if (found == bucket.uploads.end()) return;
  found->second.access_secret = std::move(secret);
  storage_.SetRecord(UploadKey(bucket, upload_id), WriteUpload(bucket, found->second));
}

void OciState::AddPar(Bucket& bucket, PreAuthenticatedRequest par) {
  storage_.SetRecord(ParKey(bucket, par.id), WritePar(bucket, par));
  std::string id = par.id;
  bucket.pars.emplace(std::move(id), std::move(par));
}

void OciState::ErasePar(Bucket& bucket, std::string_view id) {
  const auto found = bucket.pars.find(id);
  if (found == bucket.pars.end()) return;
  storage_.EraseRecord(ParKey(bucket, id));
  bucket.pars.erase(found);
}

void OciState::AddWorkRequest(WorkRequest work) {
  work_requests_.push_back(std::move(work));
  if (work_requests_.size() > kMaxWorkRequests) work_requests_.pop_front();
}

const WorkRequest* OciState::FindWorkRequest(std::string_view id) {
  for (const WorkRequest& work : work_requests_) {
    if (work.id == id) return &work;
  }
  return nullptr;
}

}  // namespace skybridge::localcloud::oci
