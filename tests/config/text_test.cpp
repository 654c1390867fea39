#include "config/text.h"

#include <catch2/catch.hpp>

namespace dormouse::config {

TEST_CASE("a number is the whole of its text", "[text]") {
  CHECK(parse_number<std::int64_t>("-12") == -12);
  CHECK(parse_number<double>("1e-3") == 1e-3);
  CHECK(parse_number<std::uint8_t>("255") == 255);
  for (const char* const text : {"", " 1", "1 ", "1,5", "0x10", "256", "-1", "one"}) {
    INFO(text);
    CHECK_FALSE(parse_number<std::uint8_t>(text));
  }
}

TEST_CASE("a separator stands between two parts, which may be empty", "[text]") {
  using Parts = std::vector<std::string_view>;
  CHECK(split("a,b", ',') == Parts{"a", "b"});
  CHECK(split("", ',') == Parts{""});
  CHECK(split(",a,", ',') == Parts{"", "a", ""});
  CHECK(split_list("").empty());
  CHECK(split_list("1x2", 'x') == std::vector<std::string>{"1", "2"});
}

TEST_CASE("a list that a person reads has commas between its items", "[text]") {
  CHECK(join(std::vector<std::string>{}) == "");
  CHECK(join(std::vector<std::string>{"this"}) == "this");
  CHECK(join(std::vector<int>{1, 2, 3}, [](int n) { return std::to_string(n); }) == "1, 2, 3");
}

}  // namespace dormouse::config
