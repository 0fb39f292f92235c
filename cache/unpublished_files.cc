#include "cache/unpublished_files.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "cache/inode_codec.h"
#include "cache/local_file.h"
#include "core/encoding.h"
#include "core/log.h"

namespace skybridge::cache {
namespace {

constexpr std::string_view kFormatName = "skybridge-unpublished ";
constexpr std::uint64_t kFormat = 1;
constexpr std::string_view kEnd = "end";
constexpr std::string_view kRecord = ".record";
constexpr std::string_view kContent = ".content";

tl::unexpected<Error> Damaged(std::string_view what) {
  return Fail(ErrorCode::kCorrupt, fmt::format("a record without a good '{}'", what));
}

std::optional<std::uint64_t> ToNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<std::uint64_t> NumberIn(const std::map<std::string, std::string>& fields,
                               const std::string& name) {
  const auto field = fields.find(name);
  const auto number = field == fields.end() ? std::nullopt : ToNumber(field->second);
  if (!number) return Damaged(name);
  return *number;
}

Result<InodeRecord> DecodeInode(const std::string& hex) {
  const Result<std::string> bytes = HexDecode(hex);
  if (!bytes) return Damaged("inode");
  // The record names its place by the key; in the cache it may have another one by now.
  auto entry = DecodeEntry(*bytes, InodeNumber::kNone, "");
  if (!entry || !entry->present) return Damaged("inode");
  return std::move(entry->inode);
}

Result<ByteRange> DecodeRange(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return Damaged("range");
  const auto offset = ToNumber(text.substr(0, space));
  const auto length = ToNumber(text.substr(space + 1));
  if (!offset || !length || *length > UINT64_MAX - *offset) return Damaged("range");
  return ByteRange{*offset, *length};
}

// The content of a kept file: nothing is reserved for it, and nothing is written to it.
class KeptContent final : public StagingFile {
 public:
  explicit KeptContent(FileDescriptor file) : file_(std::move(file)) {}

  Status Write(std::uint64_t, ByteSpan, const CallContext&) override {
    return Fail(ErrorCode::kInternal, "write to the content of a kept file");
  }
  Status Read(std::uint64_t offset_bytes, std::span<std::byte> into) override {
    const std::size_t size = TRY(ReadAt(file_.get(), offset_bytes, into, PageCache::kDrop));
    std::fill(into.begin() + static_cast<std::ptrdiff_t>(size), into.end(), std::byte{0});
    return {};
  }
  Status Discard(ByteRange) override {
    return Fail(ErrorCode::kInternal, "discard of the content of a kept file");
  }
  Status LinkTo(const std::string&) override {
    return Fail(ErrorCode::kInternal, "the content of a kept file has its name");
  }
  std::uint64_t reserved_bytes() const override { return 0; }

 private:
  const FileDescriptor file_;
};

Result<std::string> ReadText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return Fail(ErrorCode::kIo, "read '" + path + "'");
  return text.str();
}

}  // namespace

std::string EncodeUnpublished(const UnpublishedFile& file) {
  std::string text = fmt::format(
      "{}{}\nremote: {}\nkey: {}\ninode: {}\ncontent: {}\nbase-size: {}\nbase-shown-until: {}\n",
      kFormatName, kFormat, PercentEncode(file.remote), PercentEncodePath(file.key),
      HexEncode(AsBytes(EncodeEntry({.present = true, .inode = file.record}))),
      file.has_content ? "yes" : "no", file.base_size_bytes, file.base_shown_until_bytes);
  for (const ByteRange& range : file.ranges)
    text += fmt::format("range: {} {}\n", range.offset_bytes, range.length_bytes);
  return text + std::string(kEnd) + "\n";
}

Result<UnpublishedFile> DecodeUnpublished(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::string line;
  if (!std::getline(in, line) || !line.starts_with(kFormatName)) return Damaged("format");
  const auto format = ToNumber(std::string_view(line).substr(kFormatName.size()));
  if (!format || *format == 0) return Damaged("format");
  if (*format > kFormat) {
    return Fail(ErrorCode::kNotSupported,
                fmt::format("it has format {}, of a newer skybridge; this one reads up to {}",
                            *format, kFormat));
  }
  std::map<std::string, std::string> fields;
  UnpublishedFile file;
  while (std::getline(in, line) && line != kEnd) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos) return Damaged(line);
    const std::string value = line.substr(colon + 2);
    if (line.starts_with("range: ")) {
      file.ranges.push_back(TRY(DecodeRange(value)));
    } else {
      fields[line.substr(0, colon)] = value;
    }
  }
  if (line != kEnd || in.eof()) return Damaged(kEnd);
  file.remote = TRY(PercentDecode(fields["remote"]));
  file.key = TRY(PercentDecode(fields["key"]));
  if (file.key.empty()) return Damaged("key");
  file.record = TRY(DecodeInode(fields["inode"]));
  file.has_content = fields["content"] == "yes";
  if (!file.has_content && fields["content"] != "no") return Damaged("content");
  file.base_size_bytes = TRY(NumberIn(fields, "base-size"));
  file.base_shown_until_bytes = TRY(NumberIn(fields, "base-shown-until"));
  return file;
}

UnpublishedFiles::UnpublishedFiles(std::string directory) : directory_(std::move(directory)) {}

std::string UnpublishedFiles::PathOf(Number number, std::string_view what) const {
  return fmt::format("{}/{}{}", directory_, number, what);
}

UnpublishedFiles::Number UnpublishedFiles::NewNumber() {
  MutexLock lock(mutex_);
  return ++last_number_;
}

Result<std::vector<UnpublishedFiles::Kept>> UnpublishedFiles::Load() {
  std::vector<Number> numbers;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, failure)) {
    const auto number = ToNumber(entry.path().stem().string());
    if (!number) continue;
    {
      // Also of what cannot be read: its number is never given to another file.
      MutexLock lock(mutex_);
      last_number_ = std::max(last_number_, *number);
    }
    if (entry.path().extension() == kRecord) numbers.push_back(*number);
  }
  if (failure && failure != std::errc::no_such_file_or_directory)
    return Fail(ErrorFromErrno(failure.value(), "list '" + directory_ + "'"));
  std::sort(numbers.begin(), numbers.end());
  std::vector<Kept> kept;
  for (const Number number : numbers) {
    const Status read = ReadOne(number, kept);
    if (read) continue;
    Log(LogLevel::kError, "unpublished file '{}' stays where it is: {}", PathOf(number, kRecord),
        read.error().ToString());
  }
  return kept;
}

Status UnpublishedFiles::ReadOne(Number number, std::vector<Kept>& kept) {
  const std::string text = TRY(ReadText(PathOf(number, kRecord)));
  Kept one{.number = number, .file = TRY(DecodeUnpublished(text))};
  if (one.file.has_content) {
    const std::string path = PathOf(number, kContent);
    FileDescriptor content(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!content) return Fail(ErrorFromErrno(errno, "open '" + path + "'"));
    one.content = std::make_unique<KeptContent>(std::move(content));
  }
  kept.push_back(std::move(one));
  return {};
}

Result<UnpublishedFiles::Number> UnpublishedFiles::Keep(Number number, const UnpublishedFile& file,
                                                        StagingFile* content) {
  TRY_VOID(MakePrivateDirectory(directory_));
  if (number == 0) number = NewNumber();
  if (content != nullptr) TRY_VOID(content->LinkTo(PathOf(number, kContent)));
  const std::string path = PathOf(number, kRecord);
  const std::string made = path + ".new";
  TRY_VOID(WriteSynced(made, EncodeUnpublished(file)));
  if (::rename(made.c_str(), path.c_str()) != 0)
    return Fail(ErrorFromErrno(errno, "rename '" + made + "'"));
  TRY_VOID(SyncDirectoryOf(path));
  return number;
}

void UnpublishedFiles::Remove(Number number) {
  // The record first: content without a record is nothing, a record without its content is damage.
  ::unlink(PathOf(number, kRecord).c_str());
  ::unlink(PathOf(number, kContent).c_str());
}

}  // namespace skybridge::cache
