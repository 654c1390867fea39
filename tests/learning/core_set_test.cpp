#include "learning/core_set.h"

#include <catch2/catch.hpp>

#include "learning/guard.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

const std::vector<std::string> kLabels{"red", "green", "blue"};

/// Three examples of red, three of green.
CoreSet six() {
  CoreSet core("trunk");
  for (std::uint64_t i = 0; i < 6; ++i)
    core.add(i, kLabels[i / 3], std::vector<float>{static_cast<float>(i) - 2.5f, 0.25f});
  core.measured({true, true, false, true, false, false}, 2);
  return core;
}

std::vector<bool> held(const CoreSet& core) { return core.known_among(kLabels).second; }

}  // namespace

TEST_CASE("the best version on a class is the one to beat, class by class", "[core]") {
  CoreSet core = six();
  core.measured({true, false, false, false, true, false}, 2);  // red is worse, green as good
  CHECK(held(core) == std::vector<bool>{true, true, false, false, true, false});
  core.measured({false, false, false, false, false, false}, 3);  // the first that knows blue sets the mark
  CHECK(held(core) == std::vector<bool>(6, false));
  CHECK(core.classes() == 3);
  core.measured({true, true, true, true, true, true}, 2);  // rolled back, and better than that
  CHECK(held(core) == std::vector<bool>(6, true));
  CHECK(core.classes() == 3);
}

TEST_CASE("a class keeps its first examples", "[core]") {
  CoreSet core;
  for (std::uint64_t i = 0; i < CoreSet::kPerClass + 5; ++i) core.add(i, "red", std::vector<float>{1, 2});
  core.add(999, "green", std::vector<float>{3, 4});
  REQUIRE(core.examples().size() == CoreSet::kPerClass + 1);
  CHECK(core.examples()[CoreSet::kPerClass - 1].episode == CoreSet::kPerClass - 1);
  CHECK(core.knows("green"));
  CHECK_FALSE(core.knows("blue"));
}

TEST_CASE("a corrected example has to be learnt anew, a forgotten one is gone", "[core]") {
  CoreSet core = six();
  core.relabel(1, "green");
  CHECK(core.known_among(kLabels).first.classes == std::vector<ClassIndex>{0, 1, 0, 1, 1, 1});
  CHECK(held(core) == std::vector<bool>{true, false, false, true, false, false});
  CHECK(core.forget([](std::uint64_t id) { return id == 3 || id == 0; }));  // 0 is the seed's: it stays
  CHECK(core.examples().size() == 5);
  CHECK_FALSE(core.forget([](std::uint64_t id) { return id == 3; }));
}

TEST_CASE("a core set comes back from its text as it was; anything else is refused", "[core]") {
  const CoreSet core = six();
  const std::string text = to_json(core);
  CHECK(parse_core_set(text, "core") == core);
  const auto [latents, flags] = parse_core_set(text, "core").known_among({"green"});
  CHECK(latents.size() == 3);
  CHECK(latents.row(0)[0] == Approx(0.5).margin(0.01));
  const std::size_t code = text.find("latent\":\"") + 9;
  const std::string no_digit = text.substr(0, code) + "x" + text.substr(code + 1),
                    shorter = text.substr(0, code) + text.substr(code + 2);
  for (const std::string& damaged : {text.substr(0, text.size() / 2), std::string("{}"), no_digit, shorter})
    CHECK_THROWS_WITH(parse_core_set(damaged, "core"), Catch::StartsWith("core: not a core set"));
}

TEST_CASE("the core set turns down what agrees with poisoned held-out episodes", "[core]") {
  // Of red, 60 held-out episodes carry the wrong label and so speak for the candidate; the 20 core ones do
  // not.
  std::vector<ClassIndex> truth(60, 1), before(60, 0), after(60, 1);
  Verdict verdict = dream_check(truth, before, before, after, kLabels, {});
  REQUIRE(verdict.accepted);
  const std::vector<ClassIndex> core(20, 0);
  core_check(verdict, core, std::vector<bool>(20, true), std::vector<ClassIndex>(20, 1), kLabels, {});
  CHECK_FALSE(verdict.accepted);
  CHECK_THAT(verdict.reason, Catch::StartsWith("red falls from 100.0% to 0.0% of 20 core examples"));
}

TEST_CASE("what the best version had wrong already is no loss to the core set", "[core]") {
  Verdict verdict{.accepted = true, .reason = "fine", .classes = {}, .all = {}, .core = {}};
  core_check(verdict, std::vector<ClassIndex>(20, 0), std::vector<bool>(20, false),
             std::vector<ClassIndex>(20, 1), kLabels, {});
  CHECK(verdict.accepted);
  CHECK(verdict.reason == "fine");
}
