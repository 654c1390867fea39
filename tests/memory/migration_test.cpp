#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "memory/consolidation.h"
#include "tests/memory/world.h"

namespace dormouse::memory {
namespace {

/// Makes a database as an older Dormouse left it.
void restore(const std::filesystem::path& file, const std::string& dump) {
  std::ifstream in(std::filesystem::path(DORMOUSE_TEST_DATA) / "memory" / dump);
  const std::string sql(std::istreambuf_iterator<char>(in), {});
  REQUIRE_FALSE(sql.empty());
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  char* error = nullptr;
  const int code = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error);
  INFO((error ? error : ""));
  sqlite3_free(error);
  sqlite3_close(database);
  REQUIRE(code == SQLITE_OK);
}

TEST_CASE("a memory of the first schema is read, and goes on as one of the newest", "[memory]") {
  World world;
  restore(world.file(), "schema-1.sql");
  const std::string left_behind = "these bytes shall go";  // by a row that was deleted long ago
  REQUIRE(bytes_below(world.folder.path).find(left_behind) != std::string::npos);
  {
    Store store = world.open();
    CHECK(store.check_integrity().empty());
    CHECK(store.statistics().episodes == 3);
    const Episode old = *store.find(1);
    CHECK(old.label == "running");
    CHECK(old.latent.codes == std::vector<std::int8_t>{127, -64, 1});
    CHECK(old.stream.empty());
    CHECK_FALSE(store.clip(1).has_value());
    const auto concepts = store.concepts("activity");
    REQUIRE(concepts.size() == 1);
    CHECK(concepts[0].sources == std::vector<EpisodeId>{1, 2});
    CHECK(concepts[0].survived.count == 0);
    CHECK(store.links("activity").empty());
    CHECK(store.redundant("activity").empty());
    CHECK(store.embedding_version("activity") == 0);
    CHECK(store.active_version("activity") == 1);
    consolidate(store, "activity", 3, {}, {});
    CHECK(store.concepts("activity").at(0).id == concepts[0].id);
    Episode fresh = world.lived(2000, {1, 2, 3});
    fresh.stream = "left";
    fresh.clip = {{1, 2}, {3, 4}};
    store.remember(fresh);
  }
  Store again = world.open();
  again.checkpoint();
  CHECK(bytes_below(world.folder.path).find(left_behind) == std::string::npos);
  CHECK(again.find(2000)->stream == "left");
  CHECK(again.clip(2000).has_value());
}

}  // namespace
}  // namespace dormouse::memory
