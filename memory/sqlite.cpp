#include "memory/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "config/error.h"
#include "config/log.h"

namespace dormouse::memory::sqlite {
namespace {

Errc meaning(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::corrupt;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return Errc::io;
    case SQLITE_CONSTRAINT:
      return Errc::conflict;
    default:
      return Errc::internal;
  }
}

[[noreturn]] void fail(sqlite3* database) {
  const char* file = sqlite3_db_filename(database, "main");
  throw Failure(meaning(sqlite3_extended_errcode(database)),
                std::string(file != nullptr ? file : "memory's database") + ": " + sqlite3_errmsg(database));
}

void check(sqlite3* database, int code) {
  if (code != SQLITE_OK) fail(database);
}

void check(sqlite3_stmt* statement, int code) { check(sqlite3_db_handle(statement), code); }

/// SQLite would create it readable to all; what is remembered is nobody's business.
void create_private(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) throw Failure(Errc::io, file.string() + ": cannot be opened for reading and writing");
  ::close(descriptor);
}

}  // namespace

void Statement::Finalise::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Connection::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(sqlite3_db_handle(statement_.get()));
  sqlite3_reset(statement_.get());  // ends the read transaction, so that the log can be checkpointed
  return false;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_.get(), column); }
bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}
Clock::Wall Statement::time(int column) const {
  return Clock::Wall(std::chrono::microseconds(integer(column)));
}
std::string Statement::text(int column) const {
  const auto bytes = blob(column);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> Statement::blob(int column) const {
  const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement_.get(), column));
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Statement::bind(int index, std::int64_t value) {
  check(statement_.get(), sqlite3_bind_int64(statement_.get(), index, value));
}
void Statement::bind(int index, double value) {
  check(statement_.get(), sqlite3_bind_double(statement_.get(), index, value));
}
void Statement::bind(int index, std::string_view text) {
  const char* bytes = text.empty() ? "" : text.data();  // nullptr would bind NULL
  check(statement_.get(),
        sqlite3_bind_text64(statement_.get(), index, bytes, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}
void Statement::bind(int index, std::span<const std::byte> blob) {
  const void* bytes = blob.empty() ? "" : static_cast<const void*>(blob.data());
  check(statement_.get(), sqlite3_bind_blob64(statement_.get(), index, bytes, blob.size(), SQLITE_TRANSIENT));
}
void Statement::bind(int index, Clock::Wall time) {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch());
  bind(index, static_cast<std::int64_t>(since.count()));
}
void Statement::bind_null(int index) { check(statement_.get(), sqlite3_bind_null(statement_.get(), index)); }

Connection::Connection(const std::filesystem::path& file, const std::string& vfs)
    : files_(std::make_unique<MeteredFiles>(vfs)) {
  create_private(file);
  sqlite3* opened = nullptr;
  // One owner at a time, so SQLite's own locking between threads is not needed.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(file.c_str(), &opened, flags, files_->name().c_str());
  database_.reset(opened);
  if (code != SQLITE_OK) throw Failure(meaning(code), file.string() + ": " + sqlite3_errstr(code));
  sqlite3_busy_timeout(opened, 2000);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  run("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;");
  // Always: an updated row leaves its old bytes behind just as a deleted one does.
  integer("PRAGMA secure_delete = ON");
  if (text("PRAGMA journal_mode = WAL") != "wal") {
    throw Failure(Errc::io, file.string() + ": its file system cannot hold a write-ahead log");
  }
  run("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304;");
}

Statement Connection::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  check(database_.get(), sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()), 0,
                                            &statement, nullptr));
  return Statement(statement);
}

void Connection::run(const std::string& sql) const {
  check(database_.get(), sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr));
}

std::int64_t Connection::integer(std::string_view sql) const {
  Statement statement = prepare(sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Connection::text(std::string_view sql) const {
  Statement statement = prepare(sql);
  return statement.step() ? statement.text(0) : std::string();
}

std::int64_t Connection::last_row_id() const { return sqlite3_last_insert_rowid(database_.get()); }
std::int64_t Connection::rows_changed() const { return sqlite3_total_changes64(database_.get()); }
bool Connection::in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

Transaction::~Transaction() {
  if (!connection_.in_transaction()) return;  // committed, or SQLite rolled back by itself
  try {
    connection_.run("ROLLBACK");
  } catch (const Failure& failure) {
    log(Level::error, failure.what());
  }
}

}  // namespace dormouse::memory::sqlite
