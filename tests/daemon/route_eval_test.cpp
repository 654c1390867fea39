#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include <boost/json/parse.hpp>
#include "config/error.h"
#include "daemon/verbs/all_verbs.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

/// What `dormouse route-eval` writes to stdout.
std::string route_eval(const std::vector<std::string>& words) {
  const auto common = common_options();
  std::vector<Option> options(common.begin(), common.end());
  options.insert(options.end(), route_eval_verb.options.begin(), route_eval_verb.options.end());
  std::ostringstream text;
  std::streambuf* const before = std::cout.rdbuf(text.rdbuf());
  const Arguments arguments(words, options);
  try {
    route_eval_verb.run(arguments);
  } catch (...) {
    std::cout.rdbuf(before);
    throw;
  }
  std::cout.rdbuf(before);
  return text.str();
}

/// The cheap answer is wrong in each fourth of the unsure requests, and in none of the sure half.
void write_trace(const std::string& path) {
  std::ofstream file(path);
  file << R"({"format": "dormouse-trace", "version": 1})"
       << "\n";
  for (int i = 0; i < 4000; ++i) {
    const int sure = (i * 7919) % 1000;
    const bool wrong = sure < 500 && sure % 4 == 0;
    file << R"({"signals": {"confidence": )" << sure / 1000.0 << R"(}, "low": {"label": )" << (wrong ? 1 : 0)
         << R"(, "us": 10}, "high": {"label": 0, "us": 100}})"
         << "\n";
  }
}

}  // namespace

TEST_CASE("route-eval shows what a trace could have saved, and keeps its bound", "[route]") {
  const TemporaryFolder folder;
  const std::string trace = folder.file("trace.jsonl"), plot = folder.file("routes.svg");
  write_trace(trace);
  const auto result = boost::json::parse(
      route_eval({trace, "--target-error", "0.01", "--splits", "50", "--json", "--plot", plot}));
  const auto number = [&](const char* way, const char* what) {
    return result.at(way).at(what).to_number<double>();
  };
  CHECK(number("gate", "violated") <= 0.05);
  CHECK(number("gate", "certified") == 1);
  CHECK(number("gate", "accepted") > 0.4);
  CHECK(number("gate", "accepted") < 0.55);
  CHECK(number("always_low", "accuracy") == Approx(0.875).margin(0.005));
  CHECK(number("always_high", "compute") == Approx(1));
  CHECK(number("random", "accuracy") < number("gate", "accuracy"));
  std::stringstream picture;
  picture << std::ifstream(plot).rdbuf();
  CHECK(picture.str().starts_with("<svg"));
  CHECK(picture.str().find("certified") != std::string::npos);
  CHECK(route_eval({trace, "--splits", "5"}).find("gate, certified") != std::string::npos);
}

TEST_CASE("route-eval refuses what is out of range and what is no trace", "[route]") {
  const TemporaryFolder folder;
  const std::string trace = folder.file("trace.jsonl");
  write_trace(trace);
  CHECK_THROWS_AS(route_eval({trace, "--delta", "1.5"}), UsageError);
  CHECK_THROWS_AS(route_eval({trace, "--target-error", "few"}), UsageError);
  CHECK_THROWS_AS(route_eval({trace, "--audits", "0"}), UsageError);
}

TEST_CASE("route-eval says what is wrong with the file, and what to give", "[route]") {
  const TemporaryFolder folder;
  using Catch::Contains;
  CHECK_THROWS_WITH(route_eval({folder.file("")}), Contains("is a folder without a MODEL.jsonl"));
  const std::string trace = folder.file("words.jsonl");
  write_trace(trace);
  std::ofstream(folder.file("digits.jsonl")) << R"({"format": "dormouse-trace", "version": 1})"
                                             << "\n";
  CHECK_THROWS_WITH(route_eval({folder.file("")}), Contains("give one: digits.jsonl, words.jsonl"));
  CHECK_THROWS_WITH(route_eval({trace, "--audits", "3000"}),
                    Contains("words.jsonl: 4000 requests") && Contains("--audits N with N below 3000"));
  CHECK_NOTHROW(route_eval({trace, "--audits", "2999", "--splits", "1"}));
  CHECK_THROWS_WITH(route_eval({folder.file("digits.jsonl")}), Contains("0 requests are too few to learn"));
  CHECK_THROWS_WITH(route_eval({folder.file("nothing")}), Contains("nothing: No such file"));
}

}  // namespace dormouse::daemon
