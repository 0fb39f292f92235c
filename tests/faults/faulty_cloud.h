// FaultyCloud: one service of the local cloud in this process, with the whole stack of a remote
// over it: RetryingStore, the real store, CurlTransport. Faults are rules of the server; backing
// off takes no time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "backends/http/curl_transport.h"
#include "backends/object_store.h"
#include "backends/retrying_store.h"
#include "tests/localcloud/server.h"
#include "tests/support/machine_clock.h"
#include "tests/support/sleepless_clock.h"

namespace skybridge::testing {

enum class CloudKind {
  kAzureHierarchical,
  kAzureDfsOnly,  // hierarchical, where only the DFS endpoint can be reached
  kAzureFlat,
  kOci,
};
inline constexpr CloudKind kAllClouds[] = {CloudKind::kAzureHierarchical, CloudKind::kAzureDfsOnly,
                                           CloudKind::kAzureFlat, CloudKind::kOci};
std::string_view NameOf(CloudKind kind);
inline void PrintTo(CloudKind kind, std::ostream* out) { *out << NameOf(kind); }
inline std::string CloudName(const ::testing::TestParamInfo<CloudKind>& info) {
  return std::string(NameOf(info.param));
}

// One object as anybody finds it.
struct Found {
  NodeKind kind = NodeKind::kFile;
  std::string content;
  Attributes attributes;

  bool operator==(const Found&) const = default;
};
void PrintTo(const Found& found, std::ostream* out);

class FaultyCloud {
 public:
  static std::unique_ptr<FaultyCloud> Start(CloudKind kind);
  virtual ~FaultyCloud() = default;

  // The store as a mount has it, retries and all.
  ObjectStore& store() { return *retrying_; }
  RetryCounts retries() const { return retrying_->counts(); }
  // Another client of the same container, which nobody retries for.
  ObjectStore& other() { return *other_; }
  SleeplessClock& clock() { return clock_; }
  localcloud::Server& server() { return *server_; }
  CallContext Context() const { return {.deadline = clock_.Now() + std::chrono::minutes(5)}; }

  // Requests that the server has seen, whatever their end.
  std::uint64_t requests() const;
  // Everything in the container, hidden remains of uploads too.
  std::map<std::string, Found> Everything();
  std::string Read(const std::string& path);
  // Uploads that were begun and not ended, where they are no objects.
  virtual std::size_t OpenUploads() { return 0; }

 protected:
  explicit FaultyCloud(RetryPolicy policy = {}) : policy_(policy) {}
  void Serve(localcloud::Service& service);
  void Use(std::unique_ptr<ObjectStore> store, std::unique_ptr<ObjectStore> other);
  // Names in the container that no store shows.
  virtual std::vector<std::string> Hidden() = 0;

  SleeplessClock clock_;
  CurlTransport curl_{skybridge::testing::MachineClock()};

 private:
  const RetryPolicy policy_;
  EndpointState endpoint_;
  std::unique_ptr<localcloud::Server> server_;
  std::unique_ptr<ObjectStore> base_;
  std::unique_ptr<ObjectStore> other_;
  std::unique_ptr<RetryingStore> retrying_;
};

// What has no value is a broken test: there is nothing to go on with.
template <class T>
T Must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  return *std::move(result);
}
inline void Must(const Status& status) {
  if (!status) throw std::runtime_error(status.error().ToString());
}

}  // namespace skybridge::testing
