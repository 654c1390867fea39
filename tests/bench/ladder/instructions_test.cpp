#include "tests/bench/ladder/instructions.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "config/error.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::bench;

TEST_CASE("what callgrind counted in every process adds up", "[ladder]") {
  const TemporaryFolder folder;
  std::ofstream(folder / "callgrind.17")
      << "version: 1\nevents: Ir\nsummary: 1200\n\nfn=(1) main\n1 1200\ntotals: 1200\n";
  std::ofstream(folder / "callgrind.18") << "events: Ir\nsummary: 34\n";
  std::ofstream(folder / "results") << "summary: 5\n";
  CHECK(callgrind_total(folder.path) == 1234);
  std::ofstream(folder / "callgrind.19") << "events: Ir\n";
  CHECK_THROWS_WITH(callgrind_total(folder.path), Catch::Contains("callgrind.19"));
}

TEST_CASE("a climb that cannot be counted says why", "[ladder]") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(instructions_asleep({"/nowhere/bench_ladder"}, folder.path), Failure);
}
