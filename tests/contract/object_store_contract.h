// The contract of ObjectStore as tests: what code above the stores relies on, whatever the service.
// A store runs them all by
//
//   INSTANTIATE_TEST_SUITE_P(Fake, ObjectStoreContract, ::testing::Values(ContractSubject{"flat",
//   MakeFlat}));
//
// Deviations are those that Capabilities declare, nothing else.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "backends/object_store.h"

namespace skybridge::testing {

struct ContractSubject {
  std::string name;
  // An empty store for one test. The pointer keeps everything alive that the store stands on.
  std::function<std::shared_ptr<ObjectStore>()> make_store;
};
inline void PrintTo(const ContractSubject& subject, std::ostream* out) { *out << subject.name; }
inline std::string ContractName(const ::testing::TestParamInfo<ContractSubject>& info) {
  return info.param.name;
}

class ObjectStoreContract : public ::testing::TestWithParam<ContractSubject> {
 protected:
  ObjectStoreContract() : owner_(GetParam().make_store()), store_(*owner_) {}

  const Capabilities& can() const { return store_.capabilities(); }
  // A deadline that only a hang reaches; `retried`: an earlier attempt may have been carried out.
  static CallContext Context(bool retried = false);

  ObjectInfo Put(std::string_view path, std::string_view text, Attributes attributes = {});
  // The content, or the word for the error ("not_found").
  std::string Read(std::string_view path);
  ErrorCode PutError(std::string_view path, std::string_view text, Conditions conditions);
  bool Exists(std::string_view path);
  // All pages, by path ("dir/" for directories), repeats removed.
  std::map<std::string, ObjectInfo> ListAll(const ListRequest& request);
  std::vector<std::string> Names(const ListRequest& request);

  // Parts of the smallest size that the store takes, filled with `letter`.
  std::string PartBody(char letter) const;
  PartReceipt SendPart(const UploadId& upload, std::string_view path, std::uint32_t number,
                       std::uint64_t offset, std::string_view body);
  // Starts an upload and sends two parts.
  CommitUploadRequest UploadTwoParts(std::string_view path, Conditions conditions = {});

  std::shared_ptr<ObjectStore> owner_;
  ObjectStore& store_;
};

inline ObjectKey Key(std::string_view path) { return ObjectKey(std::string(path)); }

// All that a program can set. Owners are such as this process may give.
Attributes SomeAttributes();
// Everything in `given` is found in `read`; where a store records more (a local file always has a
// mode), it may.
void ExpectKept(const Attributes& given, const std::optional<Attributes>& read);

}  // namespace skybridge::testing
