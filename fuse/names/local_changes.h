// LocalChanges: which names this mount changed while a question to the store was on its way. The
// answer may be older than the change; whoever asked must then believe the cache instead.
//
//   auto question = changes.Ask();
//   auto reply = store.Head(...);
//   if (!changes.Remembers(question)) ...                   // nothing can be said: ask again
//   if (changes.ChangedSince(question, parent, name)) ...   // the reply may be older than our change
//
// While a Change of a name is open, the name counts as changed for every question: the store may
// show what this mount has done already and has not recorded yet.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/ids.h"
#include "core/mutex.h"

namespace skybridge::fuse {

// Safe from many threads. Remembers changes only while a question older than them is open, and at
// most kMaxRemembered: past that the oldest are forgotten, and with them what could be said about
// the questions that were asked before.
class LocalChanges {
 public:
  static constexpr std::size_t kMaxRemembered = 100'000;

  class Question {
   public:
    explicit Question(LocalChanges& changes) : changes_(&changes), asked_at_(changes.Open()) {}
    ~Question() { changes_->Close(asked_at_); }
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;

   private:
    friend class LocalChanges;
    LocalChanges* changes_;
    std::uint64_t asked_at_;
  };

  // A change of a name that is on its way to the store, until this mount has recorded it.
  class Change {
   public:
    Change(LocalChanges& changes, InodeNumber parent, std::string_view name)
        : changes_(changes), place_(parent, name) {
      changes_.Begin(place_);
    }
    ~Change() { changes_.End(place_); }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    LocalChanges& changes_;
    const std::pair<InodeNumber, std::string> place_;
  };

  Question Ask() { return Question(*this); }
  void Note(InodeNumber parent, std::string_view name);
  // False: changes since the question have been forgotten, and ChangedSince may miss one.
  bool Remembers(const Question& question) const;
  bool ChangedSince(const Question& question, InodeNumber parent, std::string_view name) const;

 private:
  using Place = std::pair<InodeNumber, std::string>;

  std::uint64_t Open();
  void Close(std::uint64_t asked_at);
  void Begin(const Place& place);
  void End(const Place& place);
  void NoteLocked(const Place& place) REQUIRES(mutex_);
  void ForgetOldest() REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::uint64_t now_ GUARDED_BY(mutex_) = 1;
  std::multiset<std::uint64_t> open_questions_ GUARDED_BY(mutex_);
  std::map<Place, std::uint64_t> changed_at_ GUARDED_BY(mutex_);
  std::map<std::uint64_t, Place> in_order_ GUARDED_BY(mutex_);  // changed_at_, by its times
  std::uint64_t forgotten_until_ GUARDED_BY(mutex_) = 0;  // the newest change that was forgotten
  std::multiset<Place> changing_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
