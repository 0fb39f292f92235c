#include "cli/overlap.h"

#include <sys/stat.h>

#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "fuse/session/mount_point.h"

namespace skybridge::cli {
namespace {

namespace fs = std::filesystem;

// A mount of a mount of a mount...: nobody needs more.
constexpr int kMaxMounts = 8;

bool Contains(const ObjectKey& directory, const ObjectKey& key) {
  return directory.is_root() || key == directory || key.path.starts_with(directory.path + "/");
}

bool Meet(const ObjectKey& a, const ObjectKey& b) { return Contains(a, b) || Contains(b, a); }

// ---- Clouds ----

// Only an emulator's endpoint says which account is meant; other endpoints of one account (private
// ones) lead to the same data.
bool SameContainer(const AzureUri& a, const AzureUri& b) {
  const bool emulated =
      a.dfs_endpoint.starts_with("http://") || b.dfs_endpoint.starts_with("http://");
  return a.account == b.account && a.container == b.container &&
         (!emulated || a.dfs_endpoint == b.dfs_endpoint);
}

bool MayBeEqual(std::string_view a, std::string_view b) { return a.empty() || b.empty() || a == b; }

bool SameBucket(const Place& a, const Place& b) {
  const auto& x = std::get<OciUri>(a.remote.uri);
  const auto& y = std::get<OciUri>(b.remote.uri);
  const auto& region_a = a.remote.region.empty() ? x.region : a.remote.region;
  const auto& region_b = b.remote.region.empty() ? y.region : b.remote.region;
  return x.bucket == y.bucket && x.name_space == y.name_space && MayBeEqual(region_a, region_b) &&
         MayBeEqual(a.remote.endpoint, b.remote.endpoint);
}

// ---- Directories of this machine ----

bool SameNode(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// By identity and not by name: two names may lead to one directory.
bool LiesIn(const std::string& path, const struct stat& directory) {
  fs::path at = path;
  for (;;) {
    struct stat node {};
    if (::stat(at.c_str(), &node) == 0 && SameNode(node, directory)) return true;
    const fs::path above = at.parent_path();
    if (above == at || at.empty()) return false;
    at = above;
  }
}

bool DirectoriesMeet(const std::string& a, const std::string& b) {
  struct stat node_a {};
  struct stat node_b {};
  const bool a_exists = ::stat(a.c_str(), &node_a) == 0;
  const bool b_exists = ::stat(b.c_str(), &node_b) == 0;
  if (!a_exists && !b_exists) return Meet(ObjectKey(a), ObjectKey(b));
  return (b_exists && LiesIn(a, node_b)) || (a_exists && LiesIn(b, node_a));
}

std::string RealPath(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(fs::absolute(path), error);
  return error ? path : real.string();
}

// The text of a location in the remote that the mount shows: "azure:/a/b".
std::string LocationInMount(const fuse::MountEntry& mount, const std::string& path) {
  std::string below = mount.root == "/" ? "" : mount.root;
  below += path.substr(mount.mount_point == "/" ? 0 : mount.mount_point.size());
  while (below.starts_with('/')) below.erase(0, 1);
  // A mount of several remotes names none of them; each is a directory of its own.
  if (mount.source == "skybridge") {
    const auto slash = below.find('/');
    return below.substr(0, slash) + ":" +
           (slash == std::string::npos ? std::string() : below.substr(slash + 1));
  }
  return mount.source + (mount.source.ends_with('/') ? "" : "/") + below;
}

// Where the data really is.
Place RealPlace(Place place, const CommandContext& context) {
  place = AsRoot(std::move(place));
  for (int i = 0; i < kMaxMounts; ++i) {
    auto* local = std::get_if<LocalDirectory>(&place.remote.uri);
    if (local == nullptr) break;
    local->path = RealPath(local->path);
    const auto mount = fuse::FindMountOf(local->path);
    const bool at_the_top = mount && mount->source == "skybridge" &&
                            local->path == mount->mount_point && mount->root == "/";
    if (!mount || at_the_top) break;
    auto shown = FindPlace(LocationInMount(*mount, local->path), context);
    if (!shown) break;
    place = AsRoot(*std::move(shown));
  }
  return place;
}

struct RootKey {
  ObjectKey operator()(const AzureUri& uri) const { return uri.path; }
  ObjectKey operator()(const OciUri& uri) const { return uri.path; }
  ObjectKey operator()(const LocalDirectory&) const { return {}; }
};

bool PlacesMeet(const Place& a, const Place& b) {
  if (a.remote.uri.index() != b.remote.uri.index()) return false;
  if (const auto* local = std::get_if<LocalDirectory>(&a.remote.uri))
    return DirectoriesMeet(local->path, std::get<LocalDirectory>(b.remote.uri).path);
  const bool same =
      std::holds_alternative<OciUri>(a.remote.uri)
          ? SameBucket(a, b)
          : SameContainer(std::get<AzureUri>(a.remote.uri), std::get<AzureUri>(b.remote.uri));
  return same && Meet(std::visit(RootKey{}, a.remote.uri), std::visit(RootKey{}, b.remote.uri));
}

}  // namespace

bool Overlap(const Place& a, const Place& b, const CommandContext& context) {
  // As they are named, for what a mount's own directory would hide; then where they really are.
  return PlacesMeet(AsRoot(a), AsRoot(b)) ||
         PlacesMeet(RealPlace(a, context), RealPlace(b, context));
}

}  // namespace skybridge::cli
