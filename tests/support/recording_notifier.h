// RecordingNotifier: a kernel that writes down what it is told to forget. Pages are gone when the
// test says so.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/mutex.h"
#include "fuse/vocabulary.h"

namespace skybridge::testing {

// Safe from many threads.
class RecordingNotifier final : public fuse::KernelNotifier {
 public:
  void ForgetAttributes(InodeNumber ino) override { Note("attributes " + Text(ino)); }
  void ForgetAttributesNow(InodeNumber ino) override { Note("attributes now " + Text(ino)); }
  void ForgetPages(InodeNumber ino, std::function<void()> done) override {
    Note("pages " + Text(ino));
    MutexLock lock(mutex_);
    dropping_.push_back(std::move(done));
  }
  void ForgetEntry(InodeNumber parent, std::string_view name) override {
    Note("entry " + Text(parent) + " " + std::string(name));
  }

  // What came since the last call.
  std::vector<std::string> Take() {
    MutexLock lock(mutex_);
    return std::exchange(notices_, {});
  }
  // The kernel has dropped all pages that it was asked to.
  void DropPages() {
    std::vector<std::function<void()>> dropping;
    {
      MutexLock lock(mutex_);
      dropping = std::exchange(dropping_, {});
    }
    for (const auto& done : dropping) done();
  }

 private:
  static std::string Text(InodeNumber ino) { return std::to_string(ToInteger(ino)); }
  void Note(std::string notice) {
    MutexLock lock(mutex_);
    notices_.push_back(std::move(notice));
  }

  Mutex mutex_;  // guards what follows
  std::vector<std::string> notices_ GUARDED_BY(mutex_);
  std::vector<std::function<void()>> dropping_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::testing
