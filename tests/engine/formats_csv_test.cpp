#include <catch2/catch.hpp>

#include "engine/formats/csv.h"
#include "tests/engine/damage.h"

namespace dormouse::engine {
namespace {

std::vector<float> values(const Table& table) {
  const auto span = table.rows.values<float>();
  return {span.begin(), span.end()};
}

std::string refused(std::string_view text) {
  return refusal([&] { parse_csv(text, "a.csv"); });
}

TEST_CASE("csv takes any of its separators", "[formats]") {
  const std::vector<float> expected{1, -2.5f, 3e2f, 4, 5, 6};
  for (const std::string text :
       {"1,-2.5,3e2\n4,5,6\n", "1;-2.5;3e2\r\n4;5;6", "1\t-2.5\t3e2\n4\t5\t6\n", "  1 -2.5   3e2 \n4 5 +6\n",
        "\xef\xbb\xbf"
        "1, -2.5, 3e2\n\n# note\n4 , 5,6"}) {
    INFO(text);
    const Table table = parse_csv(text, "a.csv");
    CHECK(table.rows.shape() == Shape{2, 3});
    CHECK(values(table) == expected);
    CHECK(table.columns.empty());
  }
}

TEST_CASE("a first csv line of names is the header", "[formats]") {
  const Table table = parse_csv("ax, ay\n1,2\n", "a.csv");
  CHECK(table.columns == std::vector<std::string>{"ax", "ay"});
  CHECK(values(table) == std::vector<float>{1, 2});
}

TEST_CASE("csv errors say line and column", "[formats]") {
  CHECK(refused("1,2\n3,x\n") == "a.csv:2:3: expected a finite number, found 'x'");
  CHECK(refused("1,2\n3,\n") == "a.csv:2:3: expected a finite number, found ''");
  CHECK(refused("1,x\n") == "a.csv:1:3: expected a finite number, found 'x'");
  CHECK(refused("a,b\n\n1,nan\n") == "a.csv:3:3: expected a finite number, found 'nan'");
  CHECK(refused("a,b\n1,1e99\n") == "a.csv:2:3: expected a finite number, found '1e99'");
  CHECK(refused("1,2\n3\n") == "a.csv:2:2: 1 columns, before there were 2");
  CHECK(refused("1 2\n3 4 5\n") == "a.csv:2:5: more than the 2 columns before");
  CHECK(refused("a,b\n") == "a.csv: no rows of numbers");
  CHECK(refused("") == "a.csv: no rows of numbers");
}

TEST_CASE("only the csv columns that are asked for are read, in that order", "[formats]") {
  const std::string text = "date,a,b,c,who\n1/1/2010 0:00,1,2,,anna\n1/1/2010 1:00,3,4,-,ben\n";
  const Table table =
      parse_csv(text, "table.csv", std::vector<std::string>{"who"}, std::vector<std::string>{"b", "a"});
  CHECK(table.columns == std::vector<std::string>{"b", "a"});
  CHECK(table.rows.shape() == Shape{2, 2});
  const auto numbers = table.rows.values<float>();
  CHECK(std::vector<float>(numbers.begin(), numbers.end()) == std::vector<float>{2, 1, 4, 3});
  CHECK(table.words[0] == std::vector<std::string>{"anna", "ben"});
  const auto refused = [&](std::vector<std::string> only) {
    return refusal([&] { parse_csv(text, "table.csv", {}, only); });
  };
  CHECK(refused({"a", "c"}) == "table.csv:2:19: expected a finite number, found ''");
  CHECK(refused({"a", "d"}) == "table.csv:1:1: no column is called 'd'; there are date, a, b, c, who");
  CHECK(refused({"a", "a"}) == "table.csv:1:1: the column 'a' is asked for twice");
}

TEST_CASE("a damaged csv file never does more than fail", "[formats]") {
  const std::string file = "a;b\r\n1;2\r\n# x\n-3e-2;+4\n";
  survive_damage(file, file.size(), [](const std::shared_ptr<Buffer>& buffer) {
    parse_csv({reinterpret_cast<const char*>(buffer->data()), buffer->size()}, "damaged");
  });
}

TEST_CASE("columns of words are taken as they are", "[formats]") {
  const std::vector<std::string> words{"who", "what"};
  const Table table = parse_csv("what;x;who;y\nsits;1;Anna Lena;2\nruns;3;7;4\n", "t", words);
  CHECK(table.columns == std::vector<std::string>{"x", "y"});
  CHECK(table.rows.shape() == Shape{2, 2});
  CHECK(table.rows.values<float>()[2] == 3);
  CHECK(table.words[0] == std::vector<std::string>{"Anna Lena", "7"});
  CHECK(table.words[1] == std::vector<std::string>{"sits", "runs"});
  CHECK_THROWS_WITH(parse_csv("x,y\n1,2\n", "t", words), Catch::Contains("'who'") && Catch::Contains("x, y"));
  CHECK_THROWS_WITH(parse_csv("1,2\n", "t", words), Catch::Contains("no names"));
}

}  // namespace
}  // namespace dormouse::engine
