#include "fuse/session/proc_descriptors.h"

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

#include <fcntl.h>

namespace skybridge::fuse {
namespace {

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool LeadsInto(const std::string& link, const std::string& mount_point) {
  std::array<char, PATH_MAX> target{};
  const ssize_t got = ::readlink(link.c_str(), target.data(), target.size());
  if (got <= 0) return false;
  const std::string_view path(target.data(), static_cast<std::size_t>(got));
  return path.starts_with(mount_point) && path.substr(mount_point.size()).starts_with('/');
}

// Of a text like "pos:\t0\nflags:\t0100001\nmnt_id:\t29\nino:\t17\n".
bool MayWrite(const std::string& fdinfo, InodeNumber ino) {
  std::ifstream file(fdinfo);
  bool writes = false;
  bool same = false;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name == "flags:") {
      int flags = O_RDONLY;
      words >> std::oct >> flags;
      writes = (flags & O_ACCMODE) != O_RDONLY;
    } else if (name == "ino:") {
      std::uint64_t number = 0;
      words >> number;
      same = number == ToInteger(ino);
    }
  }
  return writes && same;
}

}  // namespace

bool ProcDescriptors::Has(std::uint32_t pid, InodeNumber ino) const {
  if (pid == 0) return false;
  const std::string process = "/proc/" + std::to_string(pid);
  const std::unique_ptr<DIR, DirectoryCloser> links(::opendir((process + "/fd").c_str()));
  if (!links) return false;  // it has ended, or is none of our business
  std::size_t seen = 0;
  while (const dirent* entry = ::readdir(links.get())) {
    const std::string name = entry->d_name;
    if (name.starts_with('.')) continue;
    if (++seen > kMaxDescriptors) return false;
    if (LeadsInto(process + "/fd/" + name, mount_point_) &&
        MayWrite(process + "/fdinfo/" + name, ino))
      return true;
  }
  return false;
}

}  // namespace skybridge::fuse
