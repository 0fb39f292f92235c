#include "fuse/write/conflict_copy.h"

#include <utility>

#include <fmt/format.h>

#include "core/time_text.h"
#include "fuse/vocabulary.h"

namespace skybridge::fuse {
namespace {

constexpr int kMaxNames = 100;

// "name.conflict-20260105T102030Z", then "...-2", each with `kind` at its end: the name is cut where
// the whole would not fit.
std::string ConflictName(std::string_view name, WallTime now, int attempt, std::string_view kind) {
  std::string suffix = ".conflict-" + FormatRfc3339(now, 0);
  std::erase_if(suffix, [](char c) { return c == ':'; });
  if (attempt > 1) suffix += fmt::format("-{}", attempt);
  suffix += kind;
  return std::string(name.substr(0, kMaxNameBytes - suffix.size())) + suffix;
}

// The version that a file was opened with is not in the store any more.
bool IsGone(const Error& error) {
  return error.code == ErrorCode::kPreconditionFailed || error.code == ErrorCode::kNotFound;
}

Result<ConflictCopy> SaveBeside(const ConflictCopyRequest& request, std::string_view kind,
                                const std::function<Result<ObjectInfo>(const ObjectKey&)>& save) {
  for (int attempt = 1; attempt <= kMaxNames; ++attempt) {
    std::string name = ConflictName(request.name, request.now, attempt, kind);
    const ObjectKey key = TRY(request.key_beside(name));
    Result<ObjectInfo> saved = save(key);
    if (saved) return ConflictCopy{.name = std::move(name), .info = *std::move(saved)};
    if (saved.error().code != ErrorCode::kAlreadyExists) return Fail(std::move(saved).error());
  }
  return Fail(ErrorCode::kAlreadyExists,
              fmt::format("no name is left for a conflict copy of '{}'", request.name));
}

}  // namespace

bool IsLostUpdate(const Error& error, bool is_new) {
  if (error.code == ErrorCode::kPreconditionFailed) return true;
  return error.code == (is_new ? ErrorCode::kAlreadyExists : ErrorCode::kNotFound);
}

Result<ConflictCopy> SaveConflictCopy(const ConflictCopyRequest& request,
                                      const CallContext& context) {
  auto copy = SaveBeside(request, "", [&](const ObjectKey& key) {
    return request.writer.PublishConflictCopy(key, request.attributes, context);
  });
  if (copy || !IsGone(copy.error())) return copy;
  return SaveBeside(request, ".ranges", [&](const ObjectKey& key) {
    return request.writer.PublishWrittenRanges(key, request.name, request.attributes, context);
  });
}

}  // namespace skybridge::fuse
