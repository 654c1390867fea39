#include "tests/bench/ladder/results.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/bench/ladder/rungs.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::bench;

namespace {

Climb three_tasks() {
  Climb climb;
  climb.accuracy = {{90}, {95, 80}, {60, 85, 70}};
  return climb;
}

}  // namespace

TEST_CASE("forgetting is the best there was less the end, transfer the end less the beginning", "[ladder]") {
  const Climb climb = three_tasks();
  CHECK(average(climb) == Approx((60 + 85 + 70) / 3.0));
  CHECK(worst_task(climb) == 60);
  CHECK(*forgetting(climb) == Approx(((95 - 60) + (80 - 85)) / 2.0));
  CHECK(*backward_transfer(climb) == Approx(((60 - 90) + (85 - 80)) / 2.0));
  Climb joint;
  joint.accuracy = {{90, 80}};
  CHECK_FALSE(forgetting(joint));
}

TEST_CASE("results come back as they were appended", "[ladder]") {
  const TemporaryFolder folder;
  const auto file = folder / "results.jsonl";
  CHECK(read_results(file).empty());
  Record result{"9b", "ER + EWC \"λ\"", "lr=0.03", 4, three_tasks()};
  result.climb.lowest_asleep = 12.5;
  result.climb.bytes = 157'000;
  result.climb.sleeps = 3;
  result.climb.sleep_seconds = 0.25;
  append(file, result);
  append(file, result);
  const auto back = read_results(file);
  REQUIRE(back.size() == 2);
  CHECK(back[1].row == result.row);
  CHECK(back[1].settings == result.settings);
  CHECK(back[1].seed == 4);
  CHECK(back[1].climb.accuracy == result.climb.accuracy);
  CHECK(back[1].climb.lowest_asleep == result.climb.lowest_asleep);
  CHECK(back[1].climb.bytes == 157'000);
  CHECK_FALSE(back[1].climb.sleep_instructions);
}

TEST_CASE("a line that was cut short is named", "[ladder]") {
  const TemporaryFolder folder;
  const auto file = folder / "results.jsonl";
  std::ofstream(file) << "{\"rung\": \"1\"\n";
  CHECK_THROWS_WITH(read_results(file), Catch::Contains("results.jsonl:1"));
}

TEST_CASE("no two rows of a rung have one name, and settings tell changed rows apart", "[ladder]") {
  for (const Rung& rung : rungs())
    for (const Row& row : rung.rows) {
      INFO("rung " << rung.name << ", " << row.name);
      CHECK(std::ranges::count(rung.rows, row.name, &Row::name) == 1);
      CHECK(row.name.find(',') == std::string_view::npos);  // --rows is separated by commas
      Way other = row.way;
      other.rate *= 2, other.bytes += 1000;
      CHECK(text(other) != text(row.way));
    }
}
