#include "cache/rocks_db.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_batch.h>

#include "cache/local_file.h"
#include "core/log.h"

namespace skybridge::cache {
namespace {

// Beside the database: it was found damaged while it was in use, and the next start empties it.
constexpr const char* kDamagedMark = ".damaged";
// Two keys are not the owner's.
constexpr std::string_view kFormatKey = "mformat";
constexpr std::string_view kIdentityKey = "midentity";
// Half of so many keys in a row deleted: see MakeOptions.
constexpr std::size_t kDeletionWindow = 4096;

// RocksDB's own messages go to our log. A LOG file of its own would be written at any time, and a
// write that follows one on a full disk ends the process.
class MessagesToLog final : public rocksdb::Logger {
 public:
  MessagesToLog() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format, arguments);
  }
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel()) return;
    std::array<char, 1024> text{};
    std::vsnprintf(text.data(), text.size(), format, arguments);
    const bool is_error =
        level == rocksdb::InfoLogLevel::ERROR_LEVEL || level == rocksdb::InfoLogLevel::FATAL_LEVEL;
    Log(is_error ? LogLevel::kWarning : LogLevel::kDebug, "rocksdb: {}", text.data());
  }
  void LogHeader(const char* /*format*/, va_list /*arguments*/) override {}
};

rocksdb::Options MakeOptions(const RocksDb::Options& wanted) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(wanted.block_cache_bytes, /*num_shard_bits=*/2);
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;

  rocksdb::Options options;
  options.create_if_missing = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.write_buffer_size = wanted.write_buffer_bytes;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = 4 * wanted.write_buffer_bytes;
  options.max_open_files = 64;
  options.max_background_jobs = 2;
  options.info_log = std::make_shared<MessagesToLog>();
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  // A file with many deletions is compacted soon: what was removed gives its room back.
  options.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(kDeletionWindow, kDeletionWindow / 2));
  return options;
}

// What emptying the database can cure: bytes that are wrong or missing, not a disk that cannot be
// used.
bool IsDamage(const rocksdb::Status& status) {
  return status.IsCorruption() || status.IsInvalidArgument() || status.IsPathNotFound() ||
         status.IsNotSupported();
}

Error ToError(const rocksdb::Status& status, const RocksDb::Options& options) {
  ErrorCode code = ErrorCode::kIo;
  if (IsDamage(status)) code = ErrorCode::kCorrupt;
  if (status.IsNoSpace()) code = ErrorCode::kNoSpace;
  return Error{
      .code = code,
      .message = fmt::format("{} '{}': {}", options.name, options.path, status.ToString())};
}

// The first key behind all that begin with `prefix`; "" if there is none.
std::string Behind(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xFF) end.pop_back();
  if (!end.empty()) ++end.back();
  return end;
}

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }

void Add(rocksdb::WriteBatch& batch, std::string_view key,
         const std::optional<std::string>& value) {
  if (value) {
    batch.Put(ToSlice(key), *value);
  } else {
    batch.Delete(ToSlice(key));
  }
}

Result<std::uint64_t> FreeBytesBeside(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const FileDescriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return Fail(ErrorFromErrno(errno, "open '" + parent + "'"));
  return FreeBytes(directory.get());
}

}  // namespace

RocksDb::RocksDb(Options options) : options_(std::move(options)) {}
RocksDb::~RocksDb() = default;

// --- opening

Result<std::unique_ptr<RocksDb>> RocksDb::Open(Options options) {
  if (!options.free_bytes) {
    options.free_bytes = [path = options.path] { return FreeBytesBeside(path); };
  }
  std::unique_ptr<RocksDb> db(new RocksDb(std::move(options)));
  {
    WriterLock lock(db->mutex_);
    TRY_VOID(db->OpenOrRebuild());
  }
  TRY_VOID(db->CheckFormat());
  return db;
}

Status RocksDb::OpenOrRebuild() {
  const bool may_empty = options_.on_damage == OnDamage::kEmpty;
  if (may_empty && std::filesystem::exists(options_.path + kDamagedMark)) {
    Log(LogLevel::kWarning, "{} '{}' was found damaged: it is emptied and will be filled again",
        options_.name, options_.path);
    return Rebuild();
  }
  Status opened = OpenFiles();
  if (opened || !may_empty || opened.error().code != ErrorCode::kCorrupt) return opened;
  Log(LogLevel::kWarning, "it is damaged, it is emptied and will be filled again: {}",
      opened.error().ToString());
  return Rebuild();
}

Status RocksDb::OpenFiles() {
  TRY_VOID(MakePrivateDirectory(options_.path));
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(MakeOptions(options_), options_.path, &opened);
  db_.reset(opened);
  if (!status.ok()) return Fail(ToError(status, options_));
  return {};
}

Status RocksDb::Rebuild() {
  db_.reset();
  unwritten_.Clear();
  std::error_code failure;
  std::filesystem::remove_all(options_.path, failure);
  if (!failure) std::filesystem::remove(options_.path + kDamagedMark, failure);
  if (failure) {
    return Fail(ErrorFromErrno(failure.value(),
                               fmt::format("empty the {} '{}'", options_.name, options_.path)));
  }
  TRY_VOID(OpenFiles());
  rocksdb::WriteBatch batch;
  batch.Put(ToSlice(kFormatKey), options_.format);
  batch.Put(ToSlice(kIdentityKey), options_.identity);
  const rocksdb::Status status = db_->Write(rocksdb::WriteOptions(), &batch);
  if (!status.ok()) return Fail(ToError(status, options_));
  return {};
}

Status RocksDb::Empty() {
  MutexLock writing(write_mutex_);
  WriterLock lock(mutex_);
  failed_ = false;
  full_ = false;
  return Rebuild();
}

Status RocksDb::CheckFormat() {
  const Result<std::optional<std::string>> format = Get(kFormatKey);
  const Result<std::optional<std::string>> identity = Get(kIdentityKey);
  const bool is_new = format && !format->has_value();
  if (format && identity && *format == std::optional(options_.format) &&
      *identity == std::optional(options_.identity)) {
    return {};
  }
  if (is_new && options_.on_damage == OnDamage::kRefuse) {
    // A database without a format is one that was just made, unless it holds something.
    const std::optional<std::string> any = TRY(LastUpTo(std::string(1, '\xff')));
    if (!any) return Empty();
  }
  if (options_.on_damage == OnDamage::kEmpty) {
    if (!is_new) {
      Log(LogLevel::kWarning, "{} '{}' is damaged, of another format or identity: it is emptied",
          options_.name, options_.path);
    }
    return Empty();
  }
  TRY_VOID(format);
  TRY_VOID(identity);
  return Fail(ErrorCode::kNotSupported,
              fmt::format("{} '{}' has format '{}' and belongs to '{}'; this version needs format "
                          "'{}' and '{}'",
                          options_.name, options_.path, format->value_or("none"),
                          identity->value_or("none"), options_.format, options_.identity));
}

// --- reading

Error RocksDb::ReadFailed(bool is_damage, const std::string& reason) const {
  const bool emptied = is_damage && options_.on_damage == OnDamage::kEmpty;
  if (emptied) {
    const FileDescriptor mark(
        ::open((options_.path + kDamagedMark).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  }
  return Error{.code = is_damage ? ErrorCode::kCorrupt : ErrorCode::kIo,
               .message = fmt::format("{} '{}' {}{}: {}", options_.name, options_.path,
                                      is_damage ? "is damaged" : "cannot be read",
                                      emptied ? ", the next start empties it" : "", reason)};
}

Result<std::optional<std::string>> RocksDb::Get(std::string_view key) const {
  ReaderLock lock(mutex_);
  const auto newer = unwritten_.changes().find(key);
  if (newer != unwritten_.changes().end()) return newer->second;
  if (db_ == nullptr) return Fail(ReadFailed(false, "it is not open"));
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return Fail(ReadFailed(status.IsCorruption(), status.ToString()));
  return std::optional(std::move(value));
}

Status RocksDb::Scan(
    std::string_view prefix, std::string_view from,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  ReaderLock lock(mutex_);
  if (db_ == nullptr) return Fail(ReadFailed(false, "it is not open"));
  // Without a bound, an iterator that has reached the last key steps over every deleted one behind
  // it.
  const std::string end = Behind(prefix);
  const rocksdb::Slice bound(end);
  rocksdb::ReadOptions how;
  if (!end.empty()) how.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> disk(db_->NewIterator(how));
  auto memory = unwritten_.changes().lower_bound(from);
  disk->Seek(ToSlice(from));
  while (true) {
    const bool on_disk = disk->Valid() && disk->key().starts_with(ToSlice(prefix));
    const bool in_memory =
        memory != unwritten_.changes().end() && memory->first.starts_with(prefix);
    if (!on_disk && !in_memory) break;
    const int order =
        on_disk && in_memory ? disk->key().compare(memory->first) : (on_disk ? -1 : 1);
    if (order < 0) {
      if (!visit(disk->key().ToStringView(), disk->value().ToStringView())) break;
      disk->Next();
      continue;
    }
    if (memory->second && !visit(memory->first, *memory->second)) break;
    ++memory;
    if (order == 0) disk->Next();  // what is in memory is newer
  }
  const rocksdb::Status status = disk->status();
  if (!status.ok()) return Fail(ReadFailed(status.IsCorruption(), status.ToString()));
  return {};
}

Result<std::optional<std::string>> RocksDb::LastUpTo(std::string_view bound) const {
  ReaderLock lock(mutex_);
  if (db_ == nullptr) return Fail(ReadFailed(false, "it is not open"));
  const std::unique_ptr<rocksdb::Iterator> disk(db_->NewIterator(rocksdb::ReadOptions()));
  const UnwrittenChanges::Map& memory = unwritten_.changes();
  disk->SeekForPrev(ToSlice(bound));
  for (auto end = memory.upper_bound(bound); disk->Valid() || end != memory.begin();) {
    const auto last = end == memory.begin() ? memory.end() : std::prev(end);
    const bool in_memory = last != memory.end();
    const int order =
        disk->Valid() && in_memory ? disk->key().compare(last->first) : (disk->Valid() ? 1 : -1);
    if (order > 0) return std::optional(disk->key().ToString());
    if (last->second) return std::optional(last->first);
    end = last;  // removed: look further down
    if (order == 0) disk->Prev();
  }
  if (!disk->status().ok())
    return Fail(ReadFailed(disk->status().IsCorruption(), disk->status().ToString()));
  return std::optional<std::string>();
}

std::uint64_t RocksDb::SizeBytes() const {
  ReaderLock lock(mutex_);
  std::uint64_t tables = 0;
  std::uint64_t memory = 0;
  if (db_ == nullptr) return 0;
  db_->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &tables);
  db_->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &memory);
  return tables + memory;
}

// --- writing

Status RocksDb::Write(const RocksBatch& batch) {
  MutexLock writing(write_mutex_);
  Status written = MakeReady();
  if (written) written = WriteToDisk(batch);
  if (written || written.error().code != ErrorCode::kNoSpace ||
      options_.when_full == WhenFull::kFail) {
    return written;
  }
  if (!full_) {
    Log(LogLevel::kWarning, "changes are kept in memory until there is room again: {}",
        written.error().ToString());
    full_ = true;
  }
  return KeepInMemory(batch);
}

Status RocksDb::WriteUnwritten() {
  MutexLock writing(write_mutex_);
  if (!full_) return {};
  return MakeReady();
}

Status RocksDb::RequireRoom() const {
  const std::uint64_t free_bytes = TRY(options_.free_bytes());
  if (free_bytes >= options_.keep_free_bytes) return {};
  return Fail(ErrorCode::kNoSpace,
              fmt::format("{} '{}': its disk has {} bytes free, {} are needed", options_.name,
                          options_.path, free_bytes, options_.keep_free_bytes));
}

Status RocksDb::MakeReady() {
  TRY_VOID(RequireRoom());
  if (failed_) TRY_VOID(OpenAgain());
  if (!full_) return {};
  WriterLock lock(mutex_);
  TRY_VOID(options_.before_unwritten());
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : unwritten_.changes()) Add(batch, key, value);
  rocksdb::WriteOptions how;
  how.sync = options_.synced;
  const rocksdb::Status status = db_->Write(how, &batch);
  failed_ = !status.ok();
  if (failed_) return Fail(ToError(status, options_));
  unwritten_.Clear();
  full_ = false;
  Log(LogLevel::kInfo, "{} '{}' is written to the disk again", options_.name, options_.path);
  return {};
}

Status RocksDb::OpenAgain() {
  WriterLock lock(mutex_);
  db_.reset();  // RocksDB opens a database once in a process
  const Status opened = OpenFiles();
  failed_ = !opened.has_value();
  if (opened) return {};
  // Readers go on with what is there.
  rocksdb::DB* readable = nullptr;
  rocksdb::DB::OpenForReadOnly(MakeOptions(options_), options_.path, &readable)
      .PermitUncheckedError();
  db_.reset(readable);
  return opened;
}

Status RocksDb::WriteToDisk(const RocksBatch& batch) {
  rocksdb::WriteBatch changes;
  for (const RocksBatch::Change& change : batch.changes()) Add(changes, change.key, change.value);
  rocksdb::WriteOptions how;
  how.sync = options_.synced;
  ReaderLock lock(mutex_);
  const rocksdb::Status status = db_->Write(how, &changes);
  failed_ = !status.ok();
  if (failed_) return Fail(ToError(status, options_));
  return {};
}

Status RocksDb::KeepInMemory(const RocksBatch& batch) {
  WriterLock lock(mutex_);
  if (unwritten_.bytes() >= options_.max_unwritten_bytes) {
    return Fail(ErrorCode::kNoSpace,
                fmt::format("{} '{}': its disk is full, and {} MiB of changes wait in memory",
                            options_.name, options_.path, options_.max_unwritten_bytes >> 20));
  }
  for (const RocksBatch::Change& change : batch.changes()) unwritten_.Set(change.key, change.value);
  return {};
}

}  // namespace skybridge::cache
