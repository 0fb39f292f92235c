// PassBench: a pass between two stores of any kinds: fakes of the three kinds of service, and a real
// directory.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backends/local/local_store.h"
#include "sync/pass/sync.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"
#include "tests/support/temp_directory.h"

namespace skybridge::testing {

enum class StoreKind { kHierarchical, kFlat, kOci, kDirectory };
inline constexpr StoreKind kStoreKinds[] = {StoreKind::kHierarchical, StoreKind::kFlat,
                                            StoreKind::kOci, StoreKind::kDirectory};

inline std::string NameOf(StoreKind kind) {
  constexpr const char* kNames[] = {"hierarchical", "flat", "oci", "directory"};
  return kNames[static_cast<std::size_t>(kind)];
}

// One side of a pass, and what a test does to it behind the back of the pass.
class TestTree {
 public:
  TestTree(StoreKind kind, FakeClock& clock) {
    if (kind == StoreKind::kDirectory) {
      directory_.emplace();
      store_ = OpenLocalStore({.directory = directory_->path(), .sync = false}, clock).value();
      return;
    }
    const Capabilities capabilities = kind == StoreKind::kHierarchical ? HierarchicalCapabilities()
                                      : kind == StoreKind::kFlat       ? FlatCapabilities()
                                                                       : OciLikeCapabilities();
    store_ = std::make_unique<FakeObjectStore>(
        clock, FakeStoreOptions{.capabilities = capabilities, .page_size = 3});
  }

  ObjectStore& store() { return *store_; }

  // These say whether the store could do it.
  bool Put(const std::string& path, std::string_view text, Attributes attributes = {},
           NodeKind node = NodeKind::kFile) {
    return store_
        ->Put({.key = ObjectKey(path),
               .kind = node,
               .body = AsBytes(text),
               .attributes = std::move(attributes)},
              Call())
        .has_value();
  }
  bool MakeDirectory(const std::string& path, Attributes attributes = {}) {
    return store_
        ->MakeDirectory({.key = ObjectKey(path), .attributes = std::move(attributes)}, Call())
        .has_value();
  }
  bool Remove(const std::string& path) {
    return store_->Delete({.key = ObjectKey(path)}, Call()) ||
           store_->RemoveDirectory(ObjectKey(path), Call());
  }

  // What is there, as text: files as "path=content", links as "path->target", directories that are
  // listed as "path/".
  std::vector<std::string> Contents() {
    std::vector<std::string> lines;
    ListRequest request{.recursive = true};
    do {
      const ListPage page = store_->List(request, Call()).value();
      for (const ObjectInfo& entry : page.entries) lines.push_back(Describe(entry));
      request.continuation = page.continuation;
    } while (!request.continuation.empty());
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  static CallContext Call() { return {.deadline = MonotonicTime::max()}; }

 private:
  std::string Describe(const ObjectInfo& entry) {
    if (entry.kind == NodeKind::kDirectory) return entry.key.path + "/";
    const NodeKind kind = store_->Head(entry.key, Call())->kind;
    std::string content(entry.size_bytes, '\0');
    const auto read =
        store_->Get({.key = entry.key, .range = {0, entry.size_bytes}},
                    std::as_writable_bytes(std::span(content.data(), content.size())), Call());
    EXPECT_TRUE(read) << read.error().ToString();
    return entry.key.path + (kind == NodeKind::kSymlink ? "->" : "=") + content;
  }

  std::optional<TempDirectory> directory_;
  std::unique_ptr<ObjectStore> store_;
};

struct PassResult {
  SyncSummary summary;
  std::vector<std::string> steps;     // sorted: "copy a/b (new) 12"
  std::vector<std::string> failures;  // sorted
};

inline PassResult RunPass(SyncOptions options) {
  PassResult result;
  options.on_step = [&](const Decision& step) {
    result.steps.push_back(fmt::format("{} {}{} ({}) {}", StepName(step.step), step.key.path,
                                       step.kind == NodeKind::kDirectory ? "/" : "",
                                       ReasonName(step.reason),
                                       step.source ? step.source->size_bytes : 0));
  };
  auto summary = Sync(options);
  EXPECT_TRUE(summary) << summary.error().ToString();
  if (summary) result.summary = *std::move(summary);
  for (const SyncFailure& failure : result.summary.failed)
    result.failures.push_back(failure.path + ": " + failure.error.ToString());
  std::sort(result.failures.begin(), result.failures.end());
  std::sort(result.steps.begin(), result.steps.end());
  return result;
}

// The options of a pass between two trees, small enough that parts and waits are seen.
inline SyncOptions PassOptions(TestTree& from, TestTree& to, FakeClock& clock) {
  return {.source = {from.store()},
          .destination = {to.store()},
          .clock = clock,
          .file_jobs = 4,
          .part_jobs = 4,
          .memory_bytes = 1000,
          .transfer = {.whole_bytes = 20, .part_bytes = 8}};
}

// Changes a tree at random. Names are few and alike, so that they meet; what the store refuses
// (a file below a file) does not happen.
class RandomChanges {
 public:
  RandomChanges(std::uint32_t seed, FakeClock& clock) : random_(seed), clock_(clock) {}

  void Apply(TestTree& tree, int count) {
    for (int i = 0; i < count; ++i) {
      clock_.Advance(std::chrono::seconds(5));
      Change(tree);
    }
  }

 private:
  std::uint32_t Below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }

  std::string Path() {
    static constexpr const char* kNames[] = {"a", "a!", "a-b", "b", "a.c"};
    std::string path = kNames[Below(5)];
    while (Below(2) == 0 && path.size() < 12) path += fmt::format("/{}", kNames[Below(5)]);
    return path;
  }

  Attributes SomeAttributes() {
    ++count_;
    return {.mtime = WallTime(std::chrono::nanoseconds(1'700'000'000'000'000'000 + count_)),
            .mode = Below(2) == 0 ? 0640U : 0755U};
  }

  void Change(TestTree& tree) {
    switch (Below(8)) {
      case 0:
      case 1:
        tree.Remove(Path());
        return;
      case 2:
        tree.MakeDirectory(Path(), SomeAttributes());
        return;
      case 3:
        tree.Put(Path(), "target", {.mtime = SomeAttributes().mtime}, NodeKind::kSymlink);
        return;
      default:
        tree.Put(Path(), std::string(Below(50), static_cast<char>('a' + Below(26))),
                 SomeAttributes());
    }
  }

  std::mt19937 random_;
  FakeClock& clock_;
  std::int64_t count_ = 0;
};

}  // namespace skybridge::testing
