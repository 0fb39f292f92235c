#include "cache/metadata_db.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "cache/inode_codec.h"
#include "cache/local_file.h"
#include "core/log.h"

namespace skybridge::cache {
namespace {

constexpr const char* kDamagedMark = ".damaged";

rocksdb::Options MakeOptions(const MetadataCache::Options& wanted) {
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
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1 << 20;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

Error ToError(const rocksdb::Status& status, const std::string& path) {
  ErrorCode code = ErrorCode::kIo;
  if (status.IsCorruption()) code = ErrorCode::kCorrupt;
  if (status.IsNoSpace()) code = ErrorCode::kNoSpace;
  return Error{.code = code, .message = "metadata cache '" + path + "': " + status.ToString()};
}

// What emptying the database can cure: bytes that are wrong or missing, not a disk that cannot be
// used.
bool IsDamage(const rocksdb::Status& status) {
  return status.IsCorruption() || status.IsInvalidArgument() || status.IsPathNotFound() ||
         status.IsNotSupported();
}

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

MetadataDb::MetadataDb(std::string path, const MetadataCache::Options& options)
    : path_(std::move(path)), options_(options) {}
MetadataDb::~MetadataDb() = default;

Result<std::unique_ptr<MetadataDb>> MetadataDb::Open(const std::string& path,
                                                     const MetadataCache::Options& options) {
  std::unique_ptr<MetadataDb> db(new MetadataDb(path, options));
  if (std::filesystem::exists(path + kDamagedMark)) {
    Log(LogLevel::kWarning,
        "metadata cache '{}' was found damaged: it is emptied and will be filled again", path);
    TRY_VOID(db->Empty());
  } else {
    TRY_VOID(db->OpenOrRebuild());
  }
  TRY_VOID(db->CheckFormat());
  return db;
}

Status MetadataDb::OpenOrRebuild() {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(MakeOptions(options_), path_, &opened);
  db_.reset(opened);
  if (status.ok()) return {};
  if (!IsDamage(status)) return Fail(ToError(status, path_));
  Log(LogLevel::kWarning, "metadata cache is damaged, it is emptied and will be filled again: {}",
      ToError(status, path_).ToString());
  return Empty();
}

Status MetadataDb::Empty() {
  db_.reset();
  std::error_code failure;
  std::filesystem::remove_all(path_, failure);
  if (!failure) std::filesystem::remove(path_ + kDamagedMark, failure);
  if (failure)
    return Fail(ErrorFromErrno(failure.value(), "empty the metadata cache '" + path_ + "'"));
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(MakeOptions(options_), path_, &opened);
  db_.reset(opened);
  if (!status.ok()) return Fail(ToError(status, path_));
  rocksdb::WriteBatch batch;
  batch.Put(AboutKey("format"), ToSlice(kMetadataFormat));
  batch.Put(AboutKey("identity"), options_.identity);
  return Write(batch);
}

Status MetadataDb::CheckFormat() {
  const Result<std::optional<std::string>> format = Get(AboutKey("format"));
  const Result<std::optional<std::string>> identity = Get(AboutKey("identity"));
  if (format && identity && *format == std::optional(std::string(kMetadataFormat)) &&
      *identity == options_.identity) {
    return {};
  }
  if (!format || format->has_value()) {
    Log(LogLevel::kWarning,
        "metadata cache '{}' is damaged, of another format or of other remotes: it is emptied",
        path_);
  }
  return Empty();
}

Result<std::optional<std::string>> MetadataDb::Get(std::string_view key) {
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (status.IsCorruption()) return Fail(Damaged(status.ToString()));
  if (!status.ok()) return Fail(ToError(status, path_));
  return std::optional(std::move(value));
}

Status MetadataDb::Write(rocksdb::WriteBatch& batch) {
  const rocksdb::Status status = db_->Write(rocksdb::WriteOptions(), &batch);
  if (!status.ok()) return Fail(ToError(status, path_));
  return {};
}

Status MetadataDb::Scan(
    std::string_view prefix, std::string_view from,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) {
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
  for (it->Seek(ToSlice(from)); it->Valid() && it->key().starts_with(ToSlice(prefix)); it->Next()) {
    if (!visit(it->key().ToStringView(), it->value().ToStringView())) break;
  }
  if (it->status().IsCorruption()) return Fail(Damaged(it->status().ToString()));
  if (!it->status().ok()) return Fail(ToError(it->status(), path_));
  return {};
}

Result<std::optional<std::string>> MetadataDb::LastBefore(std::string_view bound) {
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
  it->SeekForPrev(ToSlice(bound));
  if (it->Valid()) return std::optional(it->key().ToString());
  if (!it->status().ok()) return Fail(ToError(it->status(), path_));
  return std::optional<std::string>();
}

Error MetadataDb::Damaged(const std::string& what) {
  const FileDescriptor mark(
      ::open((path_ + kDamagedMark).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  return Error{
      .code = ErrorCode::kCorrupt,
      .message = "metadata cache '" + path_ + "' is damaged, the next start empties it: " + what};
}

}  // namespace skybridge::cache
