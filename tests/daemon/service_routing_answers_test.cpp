// What routing makes of an answer: sets of labels, mixtures, how complex an input was.

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/daemon/advised.h"

namespace dormouse::daemon {
namespace {

using Catch::Contains;

}  // namespace

TEST_CASE("an answer that nothing makes sure of becomes a set of labels, where that is allowed",
          "[routing]") {
  Device device(41);
  device.options.hrm.router.accept = 1;
  device.options.hrm.abstain = 0.1;
  device.start();
  const Answered torn = device.running->ask(device.model.between());
  const RowAnswer& answer = torn.result.rows[0];
  CHECK(answer.decision.route == hrm::Route::abstain);
  CHECK(answer.set.size() >= 2);
  const Parameters parameters = describe_flat(torn);
  CHECK(std::get<std::string>(*parameters.find("dormouse_route")) == "abstain");
  CHECK_THAT(std::get<std::string>(*parameters.find("dormouse_set")),
             Contains(torn.labels()[answer.decision.predicted]) && Contains("|"));
  const auto why = parsed(device.running->get("/v1/why/" + std::to_string(torn.ids[0])));
  CHECK(why.at("set") == set_text(answer).c_str());
  const auto status = parsed(device.running->get("/v1/status")).at("models").at("colours").at("abstain");
  CHECK(status.at("miss").to_number<double>() == 0.1);
  CHECK(status.at("threshold").is_number());
  device.options.hrm.abstain.reset();
  device.start();
  CHECK(device.running->ask(device.model.between()).result.rows[0].set.empty());
}

TEST_CASE("sets miss no more of what memory never saw than promised", "[routing]") {
  Device device(41);
  device.options.hrm.router.accept = 1;
  device.options.hrm.abstain = 0.1;
  device.start();
  std::size_t missed = 0;
  constexpr std::size_t kEach = 200;
  for (std::size_t colour = 0; colour < 3; ++colour) {
    for (std::uint64_t i = 0; i < kEach; ++i) {
      const Answered one = device.running->ask(device.model.example(SmallModel::known()[colour], 5000 + i));
      const RowAnswer& answer = one.result.rows[0];
      const bool right = answer.set.empty() ? answer.decision.predicted == colour
                                            : std::ranges::find(answer.set, colour) != answer.set.end();
      missed += !right;
    }
  }
  CHECK(static_cast<double>(missed) / (3.0 * kEach) <= 0.13);
}

TEST_CASE("how complex an input was is told with its answer", "[routing]") {
  Device device(41);
  device.options.hrm.router.accept = 0.9f;
  device.start();
  const auto complexity = [&](engine::Tensor input) {
    const Answered answered = device.running->ask(std::move(input));
    const RowAnswer& answer = answered.result.rows[0];
    CHECK(answer.complexity == hrm::complexity_of(answer.executor.confidence, 0.9f));
    const auto why = parsed(device.running->get("/v1/why/" + std::to_string(answered.ids[0])));
    CHECK(why.at("complexity").as_string() == word(answer.complexity));
    return std::get<std::string>(*describe_flat(answered).find("dormouse_complexity"));
  };
  CHECK(complexity(device.model.example("red", 1)) == "low");
  CHECK(complexity(device.model.between()) == "medium");
  const Answered both = device.running->ask(device.model.probes(1));
  CHECK_THAT(std::get<std::string>(*describe_flat(both).find("dormouse_complexity")), Contains(","));
  const std::string numbers = std::get<std::string>(*describe_flat(both).find("dormouse_confidence"));
  CHECK_THAT(numbers, Contains(","));
  CHECK(numbers.find_first_not_of("0123456789.,") == numbers.npos);  // as people write them
}

TEST_CASE("hybrid answers are mixed as held-out examples say, or as configured", "[routing]") {
  Device device(41);
  device.start();
  const auto blend = [&] {
    return device.running->on_io([&] {
      const auto& view = device.running->service().models().at("colours").served.held_out;
      REQUIRE(view);
      CHECK(view->set_scores.size() > 10);
      return view->blend;
    });
  };
  const hrm::Blend learnt = blend();
  device.options.hrm.router.accept = 1;
  device.start();
  CHECK(blend() == learnt);  // after a restart
  const auto used = [&] { return device.running->ask(device.model.between()).result.rows[0].decision.why; };
  if (used().route == hrm::Route::hybrid) CHECK(used().mixing == learnt.mixing);
  device.options.hrm.mixing = 0.35f;
  device.options.hrm.temperature = 0.3f;
  device.start();
  CHECK(used().mixing == 0.35f);
  CHECK(used().temperature == 0.3f);
}

}  // namespace dormouse::daemon
