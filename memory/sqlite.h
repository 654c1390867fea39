#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/clock.h"
#include "memory/metered_files.h"

struct sqlite3;
struct sqlite3_stmt;

/// The little of SQLite that the store needs; its header stays in sqlite.cpp.
///
/// Every refusal is a Failure that names the file: unavailable (disk full, locked), corrupt, io, or internal
/// when the statement itself is wrong.
namespace dormouse::memory::sqlite {

/// One prepared statement; parameters count from 1, columns from 0.
class Statement {
 public:
  /// Binds all parameters in order and gets ready to step.
  template <class... Values>
  Statement& with(const Values&... values) {
    reset();
    int index = 0;
    (bind(++index, values), ...);
    return *this;
  }
  /// Moves to the next row; false after the last.
  bool step();
  /// Binds, and runs a statement that has no rows.
  template <class... Values>
  void run(const Values&... values) {
    with(values...);
    while (step()) {
    }
  }

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;  ///< also blobs, as bytes
  /// A blob where SQLite has it: until the next step.
  std::span<const std::byte> blob(int column) const;
  bool is_null(int column) const;
  Clock::Wall time(int column) const;  ///< stored in microseconds

 private:
  friend class Connection;
  struct Finalise {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  void reset();
  void bind(int index, std::int64_t value);
  void bind(int index, double value);
  void bind(int index, std::string_view text);
  void bind(int index, std::span<const std::byte> blob);
  void bind(int index, Clock::Wall time);
  void bind_null(int index);
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    value ? bind(index, *value) : bind_null(index);
  }
  template <std::integral T>
  void bind(int index, T value) {
    bind(index, static_cast<std::int64_t>(value));
  }
  void bind(int index, float value) { bind(index, static_cast<double>(value)); }
  void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }

  std::unique_ptr<sqlite3_stmt, Finalise> statement_;
};

/// One open database in WAL mode, synced at every commit.
class Connection {
 public:
  Connection(const std::filesystem::path& file, const std::string& vfs);

  Statement prepare(std::string_view sql) const;
  /// Runs any number of statements without parameters.
  void run(const std::string& sql) const;
  /// The first column of the first row.
  std::int64_t integer(std::string_view sql) const;
  std::string text(std::string_view sql) const;

  std::int64_t last_row_id() const;
  std::int64_t rows_changed() const;  ///< since it was opened
  /// To all its files since it was opened.
  std::uint64_t bytes_written() const { return files_->bytes_written(); }
  bool in_transaction() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<MeteredFiles> files_;
  std::unique_ptr<sqlite3, Close> database_;
};

/// Rolls back unless it was committed.
class Transaction {
 public:
  explicit Transaction(const Connection& connection) : connection_(connection) {
    connection.run("BEGIN IMMEDIATE");
  }
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() { connection_.run("COMMIT"); }

 private:
  const Connection& connection_;
};

}  // namespace dormouse::memory::sqlite
