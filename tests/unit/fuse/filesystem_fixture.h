// A Filesystem over a FakeObjectStore, with a real metadata cache and staging in a directory of
// their own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fuse/filesystem/filesystem.h"
#include "tests/support/direct_paths.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"
#include "tests/support/temp_directory.h"

namespace skybridge::fuse {

using cache::InodeKind;
using skybridge::testing::FakeClock;
using skybridge::testing::FakeObjectStore;
using skybridge::testing::FakeStoreOptions;
using skybridge::testing::StoreOp;

class FilesystemFixture : public ::testing::Test {
 protected:
  void SetUp() override { StartWith({}); }

  // Starts anew, with an empty store.
  void StartWith(FakeStoreOptions store_options, FilesystemOptions options = {}) {
    Stop();
    store = std::make_unique<FakeObjectStore>(clock, std::move(store_options));
    Restart(options);
  }

  // A new process on the same store and the same cache directory.
  void Restart(FilesystemOptions options = {}) {
    Stop();
    metadata =
        cache::MetadataCache::Open({.directory = directory.Sub("metadata"), .identity = "test"})
            .value();
    staging = cache::Staging::Open({.directory = directory.Sub("staging"),
                                    .capacity_bytes = 64 << 20,
                                    .keep_free_bytes = 0,
                                    .clock = &clock})
                  .value();
    reads = std::make_unique<skybridge::testing::DirectReadPath>(*store);
    writes = std::make_unique<skybridge::testing::DirectWritePath>(*store);
    fs = Filesystem::Create({.remotes = {{.name = "azure",
                                          .store = store.get(),
                                          .reads = reads.get(),
                                          .writes = writes.get()}},
                             .metadata = metadata.get(),
                             .staging = staging.get(),
                             .clock = &clock},
                            options)
             .value();
  }

  void Stop() {
    fs.reset();
    writes.reset();
    reads.reset();
    staging.reset();
    metadata.reset();
  }

  InodeNumber Ino(InodeNumber parent, std::string_view name) {
    return fs->Lookup(parent, name, call).value().stat.ino;
  }
  InodeNumber Ino(std::string_view name) { return Ino(kRoot, name); }
  ErrorCode LookupError(std::string_view name) {
    const auto found = fs->Lookup(kRoot, name, call);
    return found ? ErrorCode::kInternal : found.error().code;
  }

  CreateReply Create(std::string_view name) {
    return fs->CreateFile(kRoot, name, 0644, {.read = true, .write = true}, call).value();
  }
  HandleId OpenToRead(InodeNumber ino) {
    return fs->Open(ino, {.read = true}, call).value().handle;
  }
  HandleId OpenToWrite(InodeNumber ino) {
    return fs->Open(ino, {.read = true, .write = true}, call).value().handle;
  }
  Status Write(HandleId handle, std::string_view text, std::uint64_t offset = 0) {
    return fs->Write(handle, offset, AsBytes(text), call);
  }
  Result<std::string> Read(HandleId handle) {
    std::string text(1 << 16, '\0');
    auto got = fs->Read(handle, 0, std::as_writable_bytes(std::span(text)), call);
    if (!got) return Fail(got.error());
    text.resize(*got);
    return text;
  }
  Status Close(HandleId handle) {
    Status status = fs->Flush(handle, call);
    fs->Release(handle, call);
    return status;
  }
  void MakeFile(std::string_view name, std::string_view text) {
    const HandleId handle = Create(name).open.handle;
    ASSERT_TRUE(Write(handle, text));
    ASSERT_TRUE(Close(handle));
  }

  // All names but "." and "..", by readdir or readdirplus, `per_call` entries a time.
  std::map<std::string, InodeNumber> ReadNames(InodeNumber ino, bool plus = false,
                                               std::size_t per_call = 100) {
    const HandleId handle = fs->OpenDirectory(ino, call).value();
    std::map<std::string, InodeNumber> names;
    std::uint64_t cookie = 0;
    for (bool more = true; more;) {
      std::size_t room = per_call;
      more = false;
      const Status status = fs->ReadDirectory(
          handle, cookie, plus,
          [&](const DirectoryEntry& entry) {
            if (room-- == 0) return false;
            more = true;
            cookie = entry.next_cookie;
            if (entry.name != "." && entry.name != "..") {
              EXPECT_TRUE(names.emplace(entry.name, entry.ino).second)
                  << entry.name << " came twice";
            }
            return true;
          },
          call);
      EXPECT_TRUE(status);
      if (!status) break;
    }
    fs->ReleaseDirectory(handle);
    return names;
  }
  std::vector<std::string> Names(InodeNumber ino, bool plus = false) {
    std::vector<std::string> names;
    for (const auto& [name, number] : ReadNames(ino, plus)) names.push_back(name);
    return names;
  }

  static constexpr InodeNumber kRoot = InodeNumber::kRoot;
  skybridge::testing::TempDirectory directory;
  FakeClock clock;
  Call call{.uid = 1000, .gid = 1000};
  std::unique_ptr<FakeObjectStore> store;
  std::unique_ptr<cache::MetadataCache> metadata;
  std::unique_ptr<cache::Staging> staging;
  std::unique_ptr<skybridge::testing::DirectReadPath> reads;
  std::unique_ptr<skybridge::testing::DirectWritePath> writes;
  std::unique_ptr<Filesystem> fs;
};

}  // namespace skybridge::fuse
