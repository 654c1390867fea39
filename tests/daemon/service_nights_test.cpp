// What nights make: versions, trials, answers; and going back.

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/daemon/bedroom.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = kBedroomSeed;

void damage(const std::string& file) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  REQUIRE(stream.good());
  stream.seekp(-9, std::ios::end);
  stream.put('\x5a');
}

TEST_CASE("an accepted night puts a new version in service; it can be rolled back and forward", "[nights]") {
  INFO("seed " << kSeed);
  Bedroom bedroom;
  bedroom.teach_grey();
  const auto awake = bedroom.probes();
  const memory::SleepRecord sleep = bedroom.sleep();
  INFO(sleep.report);
  REQUIRE(sleep.state == memory::SleepState::accepted);
  REQUIRE(bedroom.version() == 1);
  const auto slept = bedroom.probes();
  CHECK(slept != awake);

  bedroom.running->wait(bedroom.running->service().roll_back("colours", 0));
  CHECK(bedroom.version() == 0);
  CHECK(bedroom.probes() == awake);
  bedroom.start();
  CHECK(bedroom.version() == 0);
  bedroom.running->wait(bedroom.running->service().roll_back("colours", 1));
  CHECK(bedroom.probes() == slept);
  bedroom.start();
  CHECK(bedroom.version() == 1);
  CHECK(bedroom.probes() == slept);
}

TEST_CASE("a night by any strategy is accepted or refused with a reason, and says what it did", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.steps = 60;
  bedroom.start();
  bedroom.teach_grey();
  for (const learning::Recipe& how : learning::recipes()) {
    const memory::SleepRecord night = bedroom.running->sleep({"colours", how.strategy, true, {}});
    INFO("seed " << kSeed << ", " << how.word << "\n" << night.report);
    CHECK(night.state == memory::SleepState::rejected);  // on trial
    const auto report = boost::json::parse(night.report);
    CHECK(report.at("strategy").as_string() == how.word);
    CHECK_FALSE(report.at("reason").as_string().empty());
    CHECK(report.at("all").at("examples").to_number<int>() > 0);
    const bool held = report.at("ewc_lambda").to_number<double>() > 0;
    CHECK(held == (how.hold != learning::Hold::none));
    CHECK(report.at("right_without_ewc").is_null() != held);
    double shares = 0;
    for (const auto& [driver, seconds] : report.at("drivers").as_object())
      shares += seconds.to_number<double>();
    CHECK(shares == Approx(report.at("stages").at("rehearse").to_number<double>()));
    CHECK(report.at("drivers").as_object().size() > (how.analytic ? 0 : 1));
  }
}

TEST_CASE("nights learn as configured unless a request says otherwise", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.strategy = learning::Strategy::ridge;
  bedroom.start();
  bedroom.teach_grey();
  const auto strategy = [&](std::optional<learning::Strategy> asked) {
    const memory::SleepRecord night = bedroom.running->sleep({"colours", asked, true, {}});
    return std::string(boost::json::parse(night.report).at("strategy").as_string());
  };
  CHECK(strategy(std::nullopt) == "ridge");
  CHECK(strategy(learning::Strategy::ace) == "ace");
}

TEST_CASE("a night's kernel head answers with the network, and why says so", "[nights]") {
  Bedroom bedroom;
  bedroom.teach_grey();
  const memory::SleepRecord sleep = bedroom.sleep();
  INFO(sleep.report);
  REQUIRE(sleep.state == memory::SleepState::accepted);
  const auto served = [&] {
    return bedroom.running->on_io([&] { return bedroom.running->service().model("colours").served.model; });
  };
  REQUIRE(served()->kernel);
  CHECK(served()->slow_temperature == 1);
  const Answered answered = bedroom.running->ask(bedroom.model.example("grey", 500));
  CHECK(answered.labels().at(answered.result.rows.at(0).decision.predicted) == "grey");
  const auto why = parsed(bedroom.running->get("/v1/why/" + std::to_string(answered.ids.at(0))));
  const auto& slow = why.at("heads").at("slow").as_object();
  CHECK(slow.at("kernel").at("label") == "grey");
  CHECK(slow.at("network").as_object().contains("weight"));
  // A label of today is served at once all the same.
  std::size_t taught = 0;
  for (std::uint64_t i = 0; taught < 3; ++i)
    taught += !bedroom.running->teach(bedroom.model.example("gold", i), "gold").held_out;
  const Answered next = bedroom.running->ask(bedroom.model.example("gold", 900));
  CHECK(next.labels().at(next.result.rows.at(0).decision.predicted) == "gold");
  bedroom.start();
  CHECK(served()->kernel);
}

TEST_CASE("what the model is sure of may label itself, until a person says otherwise", "[nights]") {
  Bedroom bedroom;
  bedroom.options.hrm.router.accept = 1;  // every answer is worth remembering
  bedroom.options.sleep.self_label = 0.6f;
  bedroom.start();
  bedroom.teach_grey();
  std::vector<memory::EpisodeId> lived;
  for (std::uint64_t i = 0; i < 30; ++i)
    lived.push_back(
        bedroom.running->wait(bedroom.running->service().infer("colours", {bedroom.model.example("red", i)}))
            .ids.at(0));
  const auto read = [&] {
    return bedroom.running->on_storage(
        [&] { return bedroom.running->service().learner("colours").sleep_inputs("1"); });
  };
  const auto training = std::ranges::count_if(lived, [](auto id) { return !memory::is_held_out(id); });
  const learning::SleepInputs before = read();
  INFO("seed " << kSeed);
  CHECK(before.self_labelled.size() > 0);
  CHECK(std::ssize(before.self_labelled.classes) <= training);
  const auto red =
      std::ranges::count_if(before.self_labelled.classes, [&](auto c) { return before.labels[c] == "red"; });
  CHECK(10 * red >= 9 * std::ssize(before.self_labelled.classes));
  CHECK(before.taught_heldout.size() + before.taught.size() == 20);

  // A person contradicts every one of them.
  for (const memory::EpisodeId id : lived)
    bedroom.running->wait(bedroom.running->service().teach("colours", id, "pink"));
  const learning::SleepInputs after = read();
  CHECK(after.self_labelled.size() == 0);
  CHECK(after.taught_heldout.size() + after.taught.size() == 50);

  bedroom.options.sleep.self_label.reset();
  bedroom.start();
  for (std::uint64_t i = 30; i < 40; ++i)
    bedroom.running->wait(bedroom.running->service().infer("colours", {bedroom.model.example("red", i)}));
  CHECK(read().self_labelled.size() == 0);
}

TEST_CASE("nights without a kernel head are what is configured", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.kernel_examples = 0;
  bedroom.start();
  bedroom.teach_grey();
  REQUIRE(bedroom.sleep().state == memory::SleepState::accepted);
  CHECK_FALSE(bedroom.running->on_io(
      [&] { return bedroom.running->service().model("colours").served.model->kernel.has_value(); }));
}

TEST_CASE("a trial is kept for inspection and changes nothing, not even after a refused rollback",
          "[nights]") {
  Bedroom bedroom;
  bedroom.teach_grey();
  const auto awake = bedroom.probes();
  CHECK(bedroom.sleep(true).state == memory::SleepState::rejected);
  CHECK(bedroom.version() == 0);
  CHECK(bedroom.probes() == awake);
  CHECK(bedroom.running
            ->wait(bedroom.running->service().infer_version("colours", 1, {bedroom.model.probes(1)}, {}))
            .version == 1);

  CHECK_THROWS_WITH(bedroom.running->wait(bedroom.running->service().roll_back("colours", 1)),
                    Catch::Contains("rejected"));
  const auto taught = bedroom.running->teach(bedroom.model.example("grey", 50), "grey");  // publishes anew
  CHECK(taught.label == "grey");
  CHECK(bedroom.version() == 0);
}

TEST_CASE("versions that are not there cannot be used", "[nights]") {
  Bedroom bedroom;
  for (const std::int64_t version : {1, 77, -1}) {
    CHECK_THROWS_AS(bedroom.running->wait(bedroom.running->service().roll_back("colours", version)), Failure);
    CHECK_THROWS_AS(bedroom.running->wait(bedroom.running->service().infer_version(
                        "colours", version, {bedroom.model.probes(1)}, {})),
                    Failure);
  }
  CHECK(bedroom.version() == 0);
}

TEST_CASE("a damaged version is passed over for the last good one", "[nights]") {
  Bedroom bedroom;
  bedroom.teach_grey();
  const auto awake = bedroom.probes();
  REQUIRE(bedroom.sleep().state == memory::SleepState::accepted);
  bedroom.running.reset();
  const std::string file = GENERATE("weights.safetensors", "manifest.json");
  damage(bedroom.folder.file("state/models/colours/1/" + file));
  bedroom.start();
  CHECK(bedroom.version() == 0);
  CHECK(bedroom.probes() == awake);
  CHECK_THROWS_AS(bedroom.running->wait(bedroom.running->service().roll_back("colours", 1)), Failure);
}

TEST_CASE("a version that does not fit a changed model is passed over", "[nights]") {
  Bedroom bedroom;
  bedroom.teach_grey();
  REQUIRE(bedroom.sleep().state == memory::SleepState::accepted);
  bedroom.running.reset();
  bedroom.model.write(bedroom.folder.file(""), "colours", 24);
  bedroom.start();
  CHECK(bedroom.version() == 0);
}

}  // namespace
}  // namespace dormouse::daemon
