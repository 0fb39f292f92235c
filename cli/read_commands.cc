#include "cli/read_commands.h"

#include <algorithm>
#include <ostream>
#include <vector>

#include <fmt/format.h>

#include "backends/listing_guard.h"
#include "cli/object_text.h"
#include "cli/place.h"
#include "cli/terminal_text.h"
#include "core/units.h"

namespace skybridge::cli {
namespace {

constexpr std::size_t kCatChunkBytes = std::size_t{8} << 20;

void PrintEntry(const ObjectInfo& info, std::string name, const ListOptions& options,
                std::ostream& out) {
  if (options.json) {
    out << JsonLine(info, name) << '\n';
    return;
  }
  name = Printable(name);
  if (info.kind == NodeKind::kDirectory) name += '/';
  out << (options.details ? DetailLine(info, name) : name) << '\n';
}

// The name of an entry as seen from the directory that is listed.
std::string NameBelow(const ObjectKey& directory, const ObjectKey& key) {
  return std::string(key.relative_to(directory).flat_name());
}

// -l shows attributes; where a listing has none, each entry costs one more request.
Result<ObjectInfo> WithAttributes(ObjectStore& store, const ObjectInfo& info,
                                  const CommandContext& context) {
  if (info.attributes) return info;
  auto head = store.Head(info.key, context.Within(kCallTimeout));
  const bool gone = !head && head.error().code == ErrorCode::kNotFound;
  return gone ? Result<ObjectInfo>(info)
              : head;  // deleted since the listing was made: shown as it was listed
}

Status ListDirectory(ObjectStore& store, const ObjectKey& directory, const ListOptions& options,
                     const CommandContext& context) {
  ListRequest request{.directory = directory, .recursive = options.recursive};
  ListingGuard guard(directory.path, store.capabilities().list_is_sorted);
  std::vector<std::string> hidden_names;
  std::string last_directory;  // flat stores may repeat one on the next page
  do {
    const ListPage page = TRY(store.List(request, context.Within(kCallTimeout)));
    for (const ObjectInfo& entry : page.entries) {
      if (entry.kind == NodeKind::kDirectory && entry.key.path == last_directory) continue;
      if (entry.kind == NodeKind::kDirectory) last_directory = entry.key.path;
      const ObjectInfo info =
          options.details || options.json ? TRY(WithAttributes(store, entry, context)) : entry;
      PrintEntry(info, NameBelow(directory, entry.key), options, context.out);
    }
    hidden_names.insert(hidden_names.end(), page.hidden_names.begin(), page.hidden_names.end());
    TRY_VOID(guard.Check(page));
    request.continuation = page.continuation;
  } while (!request.continuation.empty());
  for (const std::string& name : hidden_names)
    context.err << fmt::format("left out, since it is no path: '{}'\n", name);
  return {};
}

Status List(ObjectStore& store, const ObjectKey& path, const ListOptions& options,
            const CommandContext& context) {
  if (!path.is_root()) {
    const ObjectInfo info = TRY(store.Head(path, context.Within(kCallTimeout)));
    if (info.kind != NodeKind::kDirectory) {
      PrintEntry(info, std::string(path.name()), options, context.out);
      return {};
    }
  }
  return ListDirectory(store, path, options, context);
}

Status Cat(ObjectStore& store, const ObjectKey& path, const CommandContext& context) {
  const ObjectInfo info = TRY(store.Head(path, context.Within(kCallTimeout)));
  if (info.kind == NodeKind::kDirectory) return Fail(ErrorCode::kIsDirectory, "is a directory");
  std::vector<std::byte> chunk(std::min<std::uint64_t>(kCatChunkBytes, info.size_bytes));
  for (std::uint64_t offset = 0; offset < info.size_bytes;) {
    const std::uint64_t length = std::min<std::uint64_t>(chunk.size(), info.size_bytes - offset);
    const GetReply reply =
        TRY(store.Get({.key = path, .range = {offset, length}, .if_match = info.etag}, chunk,
                      context.Within(kCallTimeout)));
    if (reply.bytes_received != length) return Fail(ErrorCode::kCorrupt, "the object ended early");
    context.out.write(reinterpret_cast<const char*>(chunk.data()),
                      static_cast<std::streamsize>(length));
    if (!context.out) return Fail(ErrorCode::kIo, "cannot write to standard output");
    offset += length;
  }
  return {};
}

Outcome<ExitCode> Finished(const Status& status, const std::string& path,
                           const CommandContext& context) {
  if (!status && status.error().code == ErrorCode::kNotFound) {
    return Fails(ExitCode::kNotFound, fmt::format("'{}': no such file or directory", path));
  }
  if (!status) return Fails(fmt::format("'{}'", path), status.error(), Phase::kRemote);
  context.out.flush();
  if (!context.out) return Fails(ExitCode::kLocalResource, "cannot write to standard output");
  return ExitCode::kOk;
}

}  // namespace

Outcome<ExitCode> RunList(const ListOptions& options, const CommandContext& context) {
  const OpenPlace place = CLI_TRY(OpenForPath(options.path, context));
  return Finished(List(place.store(), place.place.path, options, context), options.path, context);
}

Outcome<ExitCode> RunStat(const StatOptions& options, const CommandContext& context) {
  const OpenPlace place = CLI_TRY(OpenForPath(options.path, context));
  const auto info = place.store().Head(place.place.path, context.Within(kCallTimeout));
  if (!info) return Finished(Fail(info.error()), options.path, context);
  if (options.json) {
    context.out << JsonLine(*info, info->key.path) << '\n';
  } else {
    context.out << FactLines(*info, Printable(info->key.path));
  }
  return Finished({}, options.path, context);
}

Outcome<ExitCode> RunCat(const CatOptions& options, const CommandContext& context) {
  const OpenPlace place = CLI_TRY(OpenForPath(options.path, context));
  return Finished(Cat(place.store(), place.place.path, context), options.path, context);
}

}  // namespace skybridge::cli
