#include "tests/bench/nab/corpus.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "config/error.h"
#include "tests/temporary_folder.h"

namespace dormouse::bench::nab {
namespace {

namespace fs = std::filesystem;

/// One file of three rows, and what its labels say.
void write_corpus(const fs::path& folder, const std::string& rows, const std::string& windows) {
  fs::create_directories(folder / "data" / "real");
  fs::create_directories(folder / "labels");
  std::ofstream(folder / "data" / "real" / "a.csv") << "timestamp,value\n" << rows;
  std::ofstream(folder / "labels" / "combined_windows.json") << R"({"real/a.csv": )" << windows << "}";
}

constexpr const char* kRows = "2014-04-01 00:00:00,1.5\n2014-04-01 00:05:00,-2e3\r\n2014-04-02 00:00:30,0\n";

}  // namespace

TEST_CASE("a corpus is files of timed values and the rows of their windows", "[nab]") {
  const TemporaryFolder folder;
  write_corpus(folder.path, kRows, R"([["2014-04-01 00:05:00.000000", "2014-04-02 00:00:30.000000"]])");
  const std::vector<Series> corpus = load_corpus(folder.path);
  REQUIRE(corpus.size() == 1);
  CHECK(corpus[0].name == "real/a.csv");
  CHECK(corpus[0].category == "real");
  REQUIRE(corpus[0].rows.size() == 3);
  CHECK(corpus[0].rows[1].value == -2000);
  CHECK(corpus[0].rows[2].time - corpus[0].rows[0].time == std::chrono::hours(24) + std::chrono::seconds(30));
  REQUIRE(corpus[0].windows.size() == 1);
  CHECK(corpus[0].windows[0].first == 1);
  CHECK(corpus[0].windows[0].last == 2);
}

TEST_CASE("a corpus that contradicts itself is refused", "[nab]") {
  const auto [rows, windows] = GENERATE(table<std::string, std::string>({
      {"2014-04-01 00:00:00,high\n", "[]"},
      {"2014-04-31 00:00:00,1\n", "[]"},
      {"yesterday,1\n", "[]"},
      {kRows, R"([["2014-04-01 00:07:00.000000", "2014-04-02 00:00:30.000000"]])"},
      {kRows, R"([["2014-04-02 00:00:30.000000", "2014-04-01 00:00:00.000000"]])"},
      {kRows, R"([["2014-04-01 00:00:00.000000"]])"},
      {kRows, "7"},
  }));
  CAPTURE(rows, windows);
  const TemporaryFolder folder;
  write_corpus(folder.path, rows, windows);
  CHECK_THROWS_AS(load_corpus(folder.path), Failure);
}

TEST_CASE("a corpus that is not there says where it was looked for", "[nab]") {
  CHECK_THROWS_WITH(load_corpus("/nowhere"), Catch::Contains("/nowhere/labels/combined_windows.json"));
}

}  // namespace dormouse::bench::nab
