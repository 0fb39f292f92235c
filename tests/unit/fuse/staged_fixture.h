// A Filesystem over a FakeObjectStore with the real read and write paths, and parts of 64 KiB: for
// tests of how files reach the store.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "fuse/filesystem/filesystem.h"
#include "fuse/read/read_path.h"
#include "fuse/write/write_path.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"
#include "tests/support/temp_directory.h"

namespace skybridge::fuse {

class StagedFixture : public ::testing::Test {
 protected:
  using StoreOp = skybridge::testing::StoreOp;
  static constexpr std::uint64_t kPart = 64 << 10;
  static constexpr InodeNumber kRoot = InodeNumber::kRoot;

  StagedFixture() : StagedFixture(testing::OciLikeCapabilities()) {}
  explicit StagedFixture(Capabilities capabilities)
      : store(clock, {.capabilities = SmallParts(std::move(capabilities))}) {
    Start();
  }
  ~StagedFixture() override { Stop(); }

  // A new process on the same store and the same cache directory.
  void Restart() {
    Stop();
    Start();
  }
  void Stop() {
    fs.reset();
    writes.reset();
    reads.reset();
    staging.reset();
    metadata.reset();
  }
  void Start() {
    metadata =
        cache::MetadataCache::Open({.directory = directory.Sub("metadata"), .identity = "test"})
            .value();
    staging = cache::Staging::Open({.directory = directory.Sub("staging"),
                                    .capacity_bytes = 64 << 20,
                                    .keep_free_bytes = 0,
                                    .clock = &clock})
                  .value();
    unpublished = std::make_unique<cache::UnpublishedFiles>(directory.Sub("unpublished"));
    reads = ReadPath::Create(
        store, nullptr, clock, "oci",
        {.block_size_bytes = kPart, .max_prefetch_bytes = 8 * kPart, .max_parallel_requests = 2});
    writes = WritePath::Create(store, *reads, nullptr, *staging, clock, "oci",
                               {.part_size_bytes = kPart, .max_parallel_uploads = 2});
    fs = Filesystem::Create(
             {.remotes =
                  {{.name = "oci", .store = &store, .reads = reads.get(), .writes = writes.get()}},
              .metadata = metadata.get(),
              .staging = staging.get(),
              .unpublished = unpublished.get(),
              .clock = &clock},
             {})
             .value();
  }

  static std::string RandomText(std::size_t size, std::uint64_t seed = 1) {
    std::mt19937_64 random(seed);
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  }
  CreateReply Create(std::string_view name, std::uint32_t mode = 0644) {
    return fs->CreateFile(kRoot, name, mode, {.read = true, .write = true}, call).value();
  }
  InodeNumber Ino(std::string_view name) { return fs->Lookup(kRoot, name, call).value().stat.ino; }
  HandleId OpenToWrite(std::string_view name) {
    return fs->Open(Ino(name), {.read = true, .write = true}, call).value().handle;
  }
  void Write(HandleId handle, std::string_view text, std::uint64_t offset = 0) {
    const Status written = fs->Write(handle, offset, AsBytes(text), call);
    ASSERT_TRUE(written) << written.error().ToString();
  }
  Status Close(HandleId handle) {
    Status status = fs->Flush(handle, call);
    fs->Release(handle, call);
    return status;
  }
  std::string ReadFile(std::string_view name, std::size_t size) {
    const HandleId handle = fs->Open(Ino(name), {.read = true}, call).value().handle;
    std::string text(size, '\0');
    std::size_t at = 0;
    while (at < size) {
      const auto got =
          fs->Read(handle, at, std::as_writable_bytes(std::span(text).subspan(at)), call);
      if (!got || *got == 0) break;
      at += *got;
    }
    text.resize(at);
    fs->Release(handle, call);
    return text;
  }

  static Capabilities SmallParts(Capabilities capabilities) {
    capabilities.min_part_bytes = 1;
    return capabilities;
  }

  testing::TempDirectory directory;
  testing::FakeClock clock;
  Call call{.uid = 1000, .gid = 1000};
  testing::FakeObjectStore store;
  std::unique_ptr<cache::MetadataCache> metadata;
  std::unique_ptr<cache::Staging> staging;
  std::unique_ptr<cache::UnpublishedFiles> unpublished;
  std::unique_ptr<ReadPath> reads;
  std::unique_ptr<WritePath> writes;
  std::unique_ptr<Filesystem> fs;
};

}  // namespace skybridge::fuse
