#include "tests/contract/object_store_contract.h"

#include <unistd.h>

#include <algorithm>

namespace skybridge::testing {

CallContext ObjectStoreContract::Context(bool retried) {
  return {.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60),
          .retried = retried};
}

ObjectInfo ObjectStoreContract::Put(std::string_view path, std::string_view text,
                                    Attributes attributes) {
  const auto info = store_.Put(
      {.key = Key(path), .body = AsBytes(text), .attributes = std::move(attributes)}, Context());
  EXPECT_TRUE(info) << info.error().ToString();
  return info.value_or(ObjectInfo{});
}

std::string ObjectStoreContract::Read(std::string_view path) {
  std::string content(4096, '\0');
  for (;;) {
    const auto reply = store_.Get({.key = Key(path), .range = {0, content.size()}},
                                  std::as_writable_bytes(std::span(content)), Context());
    if (!reply) return std::string(ErrorCodeName(reply.error().code));
    const bool whole = reply->object_size_bytes <= content.size();
    content.resize(whole ? reply->bytes_received : reply->object_size_bytes);
    if (whole) return content;
  }
}

ErrorCode ObjectStoreContract::PutError(std::string_view path, std::string_view text,
                                        Conditions conditions) {
  const auto info = store_.Put(
      {.key = Key(path), .body = AsBytes(text), .conditions = std::move(conditions)}, Context());
  EXPECT_FALSE(info);
  return info ? ErrorCode::kInternal : info.error().code;
}

bool ObjectStoreContract::Exists(std::string_view path) {
  const auto info = store_.Head(Key(path), Context());
  EXPECT_TRUE(info || info.error().code == ErrorCode::kNotFound) << info.error().ToString();
  return info.has_value();
}

std::map<std::string, ObjectInfo> ObjectStoreContract::ListAll(const ListRequest& request) {
  std::map<std::string, ObjectInfo> found;
  ListRequest next = request;
  for (int pages = 0; pages < 1000; ++pages) {
    const auto page = store_.List(next, Context());
    EXPECT_TRUE(page) << page.error().ToString();
    if (!page) return found;
    for (const ObjectInfo& entry : page->entries) {
      found.emplace(entry.key.path + (entry.kind == NodeKind::kDirectory ? "/" : ""), entry);
    }
    if (page->continuation.empty()) return found;
    next.continuation = page->continuation;
  }
  ADD_FAILURE() << "the listing does not end";
  return found;
}

std::vector<std::string> ObjectStoreContract::Names(const ListRequest& request) {
  std::vector<std::string> names;
  for (const auto& [name, info] : ListAll(request)) names.push_back(name);
  return names;
}

std::string ObjectStoreContract::PartBody(char letter) const {
  return std::string(std::max<std::uint64_t>(can().min_part_bytes, 4096), letter);
}

PartReceipt ObjectStoreContract::SendPart(const UploadId& upload, std::string_view path,
                                          std::uint32_t number, std::uint64_t offset,
                                          std::string_view body) {
  const auto receipt = store_.UploadPart({.upload = upload,
                                          .key = Key(path),
                                          .part_number = number,
                                          .offset_bytes = offset,
                                          .body = AsBytes(body)},
                                         Context());
  EXPECT_TRUE(receipt) << receipt.error().ToString();
  return receipt.value_or(PartReceipt{});
}

CommitUploadRequest ObjectStoreContract::UploadTwoParts(std::string_view path,
                                                        Conditions conditions) {
  const auto upload = store_.StartUpload({.key = Key(path), .conditions = conditions}, Context());
  EXPECT_TRUE(upload) << upload.error().ToString();
  if (!upload) return {};
  const std::string first = PartBody('1');
  CommitUploadRequest commit{
      .upload = *upload, .key = Key(path), .conditions = std::move(conditions)};
  commit.parts.push_back(SendPart(*upload, path, 1, 0, first));
  commit.parts.push_back(SendPart(*upload, path, 2, first.size(), "tail"));
  return commit;
}

Attributes SomeAttributes() {
  const bool root = ::geteuid() == 0;
  return {.mtime = WallTime(std::chrono::seconds(1767608430)) + std::chrono::nanoseconds(123456789),
          .mode = 0640,
          .uid = root ? 1234 : ::geteuid(),
          .gid = root ? 5678 : ::getegid()};
}

void ExpectKept(const Attributes& given, const std::optional<Attributes>& read) {
  ASSERT_TRUE(read) << "no attributes";
  if (given.mtime) {
    EXPECT_EQ(given.mtime, read->mtime);
  }
  if (given.mode) {
    EXPECT_EQ(given.mode, read->mode);
  }
  if (given.uid) {
    EXPECT_EQ(given.uid, read->uid);
  }
  if (given.gid) {
    EXPECT_EQ(given.gid, read->gid);
  }
  EXPECT_EQ(given.xattrs, read->xattrs);
  EXPECT_EQ(given.foreign, read->foreign);
}

}  // namespace skybridge::testing
