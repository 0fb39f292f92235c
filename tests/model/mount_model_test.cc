// Random operations through a real mount, and by somebody else behind its back, against
// ReferenceTree. Every run prints its seed:
//
//   SKYBRIDGE_MODEL_SEED=7 SKYBRIDGE_MODEL_STEPS=100000 model_tests   # one run again; a long run
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "tests/model/reference_tree.h"
#include "tests/mount/files.h"
#include "tests/mount/test_mount.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::testing {
namespace {

using namespace std::chrono_literals;
using Kind = ReferenceNode::Kind;

constexpr auto kTtl = 10ms;
constexpr int kStepsOfASuite = 300;
constexpr std::size_t kRemembered = 40;  // operations that a failure shows

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct StoreKind {
  const char* name;
  Capabilities (*capabilities)();
};
void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

class MountModel : public ::testing::TestWithParam<StoreKind> {
 protected:
  MountModel() {
    std::cout << "SKYBRIDGE_MODEL_SEED=" << seed_ << " SKYBRIDGE_MODEL_STEPS=" << steps_ << "\n";
  }

  void Run() {
    for (std::uint64_t step = 0; step < steps_ && !HasFailure(); ++step) {
      Step();
      if (step % 25 == 24) Compare();
    }
    if (!HasFailure()) Compare();
    if (!HasFailure()) return;
    std::ostringstream last;
    for (const std::string& operation : operations_) last << "\n  " << operation;
    ADD_FAILURE() << "seed " << seed_ << ", the last operations:" << last.str();
  }

 private:
  // One file that stays open across other operations.
  struct HeldFile {
    std::unique_ptr<File> file;
    std::string path;
  };

  void Step() {
    switch (Pick(14)) {
      case 0:
      case 1:
        return WriteWhole();
      case 2:
        return Append();
      case 3:
        return Truncate();
      case 4:
        return ChangeMode();
      case 5:
        return Named(
            "mkdir", [](const std::string& path) { return ::mkdir(path.c_str(), 0755); },
            [this](const std::string& path) { return model_.MakeDirectory(path); });
      case 6:
        return Named(
            "rmdir", [](const std::string& path) { return ::rmdir(path.c_str()); },
            [this](const std::string& path) { return model_.RemoveDirectory(path); });
      case 7:
        return Named(
            "unlink", [](const std::string& path) { return ::unlink(path.c_str()); },
            [this](const std::string& path) { return model_.Unlink(path); });
      case 8:
        return MakeLink();
      case 9:
        return Rename();
      case 10:
        return Hold();
      case 11:
        return ReadHeld();
      case 12:
        return ForeignChange();
      default:
        return ForeignRace();
    }
  }

  std::size_t Pick(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }
  std::string PickPath() {
    static constexpr const char* kNames[] = {"a", "b", "c", "d", "e"};
    std::string path = kNames[Pick(5)];
    for (std::size_t depth = Pick(3); depth > 0; --depth)
      path += std::string("/") + kNames[Pick(5)];
    return path;
  }
  std::string PickContent() {
    static constexpr std::size_t kSizes[] = {0, 1, 100, 4096, 5000, 70'000, 300'000};
    ++contents_;
    std::string text = "<" + std::to_string(contents_) + ">";
    const std::size_t size = kSizes[Pick(7)];
    while (text.size() < size) text += text;
    text.resize(size);
    return text;
  }
  void Note(const std::string& operation) {
    operations_.push_back(operation);
    if (operations_.size() > kRemembered) operations_.pop_front();
  }
  // Until nobody believes what was so before.
  static void LetTheTtlPass() { std::this_thread::sleep_for(3 * kTtl); }

  // --- through the mount

  template <class Call, class Model>
  void Named(const std::string& what, const Call& call, const Model& model) {
    const std::string path = PickPath();
    const int expected = model(path);
    const int error = call(mount_ / path) == 0 ? 0 : errno;
    Note(what + " " + path + ": " + std::to_string(error));
    EXPECT_EQ(error, expected) << what << " " << path;
  }

  int WriteFileAt(const std::string& path, int flags, const std::string& content,
                  std::optional<std::size_t> size = std::nullopt) {
    File file(mount_ / path, flags | O_NOFOLLOW);
    if (!file.ok()) return file.error();
    if (size && ::ftruncate(file.fd(), static_cast<off_t>(*size)) != 0) return errno;
    if (!content.empty()) {
      if (const int error = file.Write(content)) return error;
    }
    return file.Close();
  }
  void CheckWrite(const std::string& what, const std::string& path, int error, int expected) {
    Note(what + " " + path + ": " + std::to_string(error));
    EXPECT_EQ(error, expected) << what << " " << path;
    if (error == 0 && expected == 0) WroteHere(path);
  }
  void WriteWhole() {
    const std::string path = PickPath();
    const std::string content = PickContent();
    const int expected = model_.WriteWhole(path, content);
    CheckWrite("write", path, WriteFileAt(path, O_CREAT | O_TRUNC | O_WRONLY, content), expected);
  }
  void Append() {
    const std::string path = PickPath();
    const std::string content = PickContent();
    const int expected = model_.Append(path, content);
    CheckWrite("append", path, WriteFileAt(path, O_WRONLY | O_APPEND, content), expected);
  }
  void Truncate() {
    const std::string path = PickPath();
    const std::size_t size = Pick(6000);
    const int expected = model_.Truncate(path, size);
    CheckWrite("truncate", path, WriteFileAt(path, O_WRONLY, "", size), expected);
  }
  void ChangeMode() {
    static constexpr unsigned kModes[] = {0600, 0644, 0755, 0750};
    const std::string path = PickPath();
    const ReferenceNode* const node = model_.Find(path);
    if (node != nullptr && node->kind == Kind::kLink) return;  // chmod follows it
    const unsigned mode = kModes[Pick(4)];
    const int expected = model_.ChangeMode(path, mode);
    const int error = ::chmod((mount_ / path).c_str(), mode) == 0 ? 0 : errno;
    Note("chmod " + path + ": " + std::to_string(error));
    EXPECT_EQ(error, expected) << "chmod " << path;
  }
  void MakeLink() {
    const std::string path = PickPath();
    const std::string target = "nowhere-" + std::to_string(++contents_);
    const int expected = model_.MakeLink(path, target);
    const int error = ::symlink(target.c_str(), (mount_ / path).c_str()) == 0 ? 0 : errno;
    Note("symlink " + path + ": " + std::to_string(error));
    EXPECT_EQ(error, expected) << "symlink " << path;
  }
  void Rename() {
    const std::string from = PickPath();
    const std::string to = PickPath();
    const int expected = model_.Rename(from, to);
    const int error = ::rename((mount_ / from).c_str(), (mount_ / to).c_str()) == 0 ? 0 : errno;
    Note("rename " + from + " " + to + ": " + std::to_string(error));
    EXPECT_EQ(error, expected) << "rename " << from << " " << to;
  }

  // --- an open file

  void Hold() {
    const std::string path = PickPath();
    const ReferenceNode* const node = model_.Find(path);
    if (node == nullptr || node->kind != Kind::kFile) return;
    held_.emplace();
    held_->file = std::make_unique<File>(mount_ / path, O_RDONLY);
    held_->path = path;
    whole_.insert(node->content);
    Note("hold " + path);
    EXPECT_TRUE(held_->file->ok()) << path << ": errno " << held_->file->error();
  }
  void WroteHere(const std::string& path) { whole_.insert(model_.Find(path)->content); }
  // One whole version that some file had, or ESTALE; never a mix of two.
  void ReadHeld() {
    if (!held_) return;
    Note("read the held file");
    const std::string text = held_->file->ReadAll();
    if (held_->file->error() != 0) {
      EXPECT_EQ(held_->file->error(), ESTALE) << held_->path;
      held_.reset();
      return;
    }
    EXPECT_TRUE(whole_.contains(text))
        << held_->path << " shows " << text.size() << " bytes that it never was";
  }

  // --- behind its back

  // A name in a directory of which the mount knows that it is one: there the store of every kind
  // has a directory by itself.
  std::optional<std::string> PickForeignPath() {
    const std::string path = PickPath();
    if (!model_.IsDirectory(ReferenceTree::ParentOf(path)) || model_.IsDirectory(path))
      return std::nullopt;
    return path;
  }
  void PutForeign(const std::string& path, const ReferenceNode& node) {
    store_.Remove(path);
    if (node.kind == Kind::kLink) {
      store_.PutLink(path, node.content);
    } else {
      store_.PutText(path, node.content);
    }
    model_.Put(path, node);
    whole_.insert(node.content);
  }
  ReferenceNode PickForeignNode() {
    if (Pick(4) == 0)
      return {
          .kind = Kind::kLink, .content = "foreign-" + std::to_string(++contents_), .mode = 0777};
    return {.kind = Kind::kFile, .content = PickContent(), .mode = 0644};
  }
  void ForeignChange() {
    const auto path = PickForeignPath();
    if (!path) return;
    if (Pick(4) == 0) {
      Note("somebody else removes " + *path);
      store_.Remove(*path);
      model_.Remove(*path);
    } else {
      Note("somebody else puts " + *path);
      PutForeign(*path, PickForeignNode());
    }
    LetTheTtlPass();
  }
  // The mount writes before it can know. Either it wrote what is there now, or it says ESTALE, and
  // what somebody else put is untouched.
  void ForeignRace() {
    const auto path = PickForeignPath();
    if (!path || model_.Find(*path) == nullptr || model_.Find(*path)->kind != Kind::kFile) return;
    StatError(mount_ / *path);  // known as it was
    const std::string before = model_.Find(*path)->content;
    PutForeign(*path, {.kind = Kind::kFile, .content = PickContent(), .mode = 0644});
    const std::string bytes = "ours " + std::to_string(++contents_);
    const int error = WriteFileAt(*path, O_WRONLY | O_APPEND, bytes);
    Note("append to " + *path + " just after somebody else put it: " + std::to_string(error));
    if (error == 0) {
      model_.Append(*path, bytes);
      whole_.insert(model_.Find(*path)->content);
    } else {
      EXPECT_EQ(error, ESTALE) << *path;
      whole_.insert(before + bytes);  // what lost is still shown to who has the file open here
    }
    EXPECT_EQ(store_.ContentOf(*path).value_or("nothing"), model_.Find(*path)->content) << *path;
    DropConflictCopies();
    LetTheTtlPass();
  }
  void DropConflictCopies() {
    for (const std::string& path : store_.Paths()) {
      if (path.find(".conflict-") != std::string::npos) store_.Remove(path);
    }
  }

  // --- all of it

  void Compare() {
    LetTheTtlPass();
    CompareDirectory("");
    for (const auto& [path, node] : model_.nodes()) {
      if (node.kind == Kind::kFile) {
        EXPECT_EQ(store_.ContentOf(path).value_or("nothing"), node.content) << path;
      }
      const struct stat info = StatOf(mount_ / path);
      CompareNode(path, node, info);
      if (HasFailure()) return;
    }
  }
  void CompareDirectory(const std::string& directory) {
    const std::vector<std::string> names = NamesIn(mount_ / directory);
    EXPECT_EQ(names, model_.NamesIn(directory)) << "in '" << directory << "'";
    for (const std::string& name : names) {
      const std::string path = directory.empty() ? name : directory + "/" + name;
      if (!HasFailure() && model_.IsDirectory(path)) CompareDirectory(path);
    }
  }
  void CompareNode(const std::string& path, const ReferenceNode& node, const struct stat& info) {
    switch (node.kind) {
      case Kind::kDirectory:
        EXPECT_TRUE(S_ISDIR(info.st_mode)) << path;
        break;
      case Kind::kLink: {
        EXPECT_TRUE(S_ISLNK(info.st_mode)) << path;
        std::string target(100, '\0');
        const ssize_t got = ::readlink((mount_ / path).c_str(), target.data(), target.size());
        target.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        EXPECT_EQ(target, node.content) << path;
        return;
      }
      case Kind::kFile:
        EXPECT_TRUE(S_ISREG(info.st_mode)) << path;
        EXPECT_EQ(info.st_size, static_cast<off_t>(node.content.size())) << path;
        EXPECT_TRUE(ReadFile(mount_ / path) == node.content) << path;
    }
    EXPECT_EQ(info.st_mode & 07777, node.mode) << path;
  }

  const std::uint64_t seed_ = FromEnvironment("SKYBRIDGE_MODEL_SEED", std::random_device()());
  const std::uint64_t steps_ = FromEnvironment("SKYBRIDGE_MODEL_STEPS", kStepsOfASuite);
  std::mt19937_64 random_{seed_};
  SystemClock clock_;
  FakeObjectStore store_{clock_, {.capabilities = GetParam().capabilities()}};
  TestMount mount_{store_, {.ttl = kTtl, .negative_ttl = kTtl}};
  ReferenceTree model_;
  std::optional<HeldFile> held_;
  std::set<std::string> whole_;  // every content that a file has ever had
  std::uint64_t contents_ = 0;
  std::deque<std::string> operations_;
};

TEST_P(MountModel, ShowsWhatTheReferenceShows) { Run(); }

INSTANTIATE_TEST_SUITE_P(Stores, MountModel,
                         ::testing::Values(StoreKind{"Hierarchical", HierarchicalCapabilities},
                                           StoreKind{"Flat", FlatCapabilities},
                                           StoreKind{"Oci", OciLikeCapabilities}),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace skybridge::testing
