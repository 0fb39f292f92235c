// Planner: two listings in, a stream of decisions out. Changes nothing, so that a dry run, a plan
// and a pass see the same decisions.
//
// What the listings tell is decided at once, without a request. Else the stream has a Question,
// which Answer decides with one or two Heads, on whatever thread has time for it. The roots
// themselves are looked at first, by Next.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "sync/compare.h"
#include "sync/listing/name_clashes.h"
#include "sync/listing/pairing.h"
#include "sync/listing/sorted_listing.h"
#include "sync/pass/decision.h"
#include "sync/side.h"

namespace skybridge {

struct PlannerOptions {
  SyncSide source;
  SyncSide destination;
  bool destination_is_new = false;  // its root was made for this pass
  std::string temp_directory = {};  // for sorting; empty: the system's
};

struct Question {
  Pair pair;
};
using Planned = std::variant<Decision, Question>;

class Planner {
 public:
  Planner(PlannerOptions options, const CallPolicy& policy);

  // The next path, in the order of the listings, except that a file may come later (NameClashes).
  // kMakeWay comes before the decisions that need the name. Nothing at the end. One thread. Errors:
  // those of either listing.
  Result<std::optional<Planned>> Next();
  // Safe from many threads. What cannot be asked is a kRefuse.
  Decision Answer(Question question) const;

  // Of the source, so far: names that no path can show.
  std::uint64_t hidden_names() const { return source_listing_.hidden_names(); }
  // Of nodes whose owner or extended attributes the destination cannot keep, so far.
  std::uint64_t owners_left_out() const { return owners_left_out_; }
  std::uint64_t xattrs_left_out() const { return xattrs_left_out_; }

 private:
  void Take(Pair pair);
  void TakeOnlyAtDestination(Pair pair);
  void TakeDirectory(Pair pair);
  void TakeFile(Pair pair);
  bool Clashes(Pair& pair);
  bool IsUnlisted(const Pair& pair);
  void Refuse(const Pair& pair, Error error);
  void MakeWay(const Pair& pair, NodeKind kind);
  std::optional<Question> QuestionOfRoot() const;

  // Nothing: the listings do not tell.
  std::optional<Decision> DecideFile(Pair& pair) const;
  std::optional<Decision> DecideDirectory(Pair& pair) const;
  Result<Decision> AskFile(Pair& pair) const;
  Result<Decision> AskDirectory(Pair& pair) const;
  void Prepare(ObjectInfo& source) const;

  const PlannerOptions options_;
  const CallPolicy& policy_;
  const CompareRules rules_;
  SortedListing source_listing_;
  SortedListing destination_listing_;
  Pairing pairing_;
  NameClashes pairs_;

  bool started_ = false;
  std::deque<Planned> ready_;
  std::optional<ObjectKey> skipped_;   // nothing below this directory is known of one side
  std::optional<ObjectKey> way_made_;  // an empty directory of the destination that has to go
  mutable std::atomic<std::uint64_t> owners_left_out_{0};
  mutable std::atomic<std::uint64_t> xattrs_left_out_{0};
};

}  // namespace skybridge
