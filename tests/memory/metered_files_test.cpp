#include "memory/metered_files.h"

#include <sqlite3.h>

#include <catch2/catch.hpp>

#include "tests/temporary_folder.h"

namespace dormouse::memory::sqlite {
namespace {

TEST_CASE("every byte written to a database file is counted once", "[memory]") {
  const TemporaryFolder folder;
  const std::string file = (folder.path / "x.db").string();
  const MeteredFiles files("");
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                          files.name().c_str()) == SQLITE_OK);
  // Without a journal each page is written where it belongs, and nowhere else.
  sqlite3_exec(database, "PRAGMA journal_mode = OFF; PRAGMA page_size = 4096;", nullptr, nullptr, nullptr);
  CHECK(files.bytes_written() == 0);
  sqlite3_exec(database, "CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(100000));", nullptr, nullptr,
               nullptr);
  const auto size = std::filesystem::file_size(file);
  CHECK(size > 100'000);
  CHECK(files.bytes_written() >= size);
  CHECK(files.bytes_written() <= size + 3 * 4096);  // the first page is written by each statement
  const auto before = files.bytes_written();
  sqlite3_exec(database, "SELECT count(*) FROM t", nullptr, nullptr, nullptr);
  CHECK(files.bytes_written() == before);
  sqlite3_close(database);
}

}  // namespace
}  // namespace dormouse::memory::sqlite
