#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = 23;

struct Bedroom {
  Bedroom() {
    model.write(folder.file(""), "colours");
    options = small_options(folder);
    start();
  }
  void start() {
    running.reset();
    running.emplace(options, folder);
  }
  void teach_grey(const std::string& name = "colours") {
    for (std::uint64_t i = 0; i < 20; ++i) running->teach(model.example("grey", i), "grey", name);
  }
  std::int64_t version() { return running->ask(model.probes(1)).version; }
  std::vector<float> probes() { return running->probabilities(model.probes(4)); }
  boost::json::object status() {
    return running->on_io([this] { return running->nights().status(); });
  }
  void wait_until_awake() {
    while (running->on_io([this] { return running->nights().asleep(); })) std::this_thread::yield();
  }
  memory::SleepRecord record(std::int64_t id) {
    return running->on_storage([&] { return *running->service().store().sleep(id); });
  }
  NightRequest night(bool trial = false) const {
    return {"colours", learning::Strategy::replay_ewc, trial, {}};
  }

  TemporaryFolder folder;
  SmallModel model{kSeed};
  Options options;
  std::optional<RunningService> running;
};

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
  const memory::SleepRecord sleep = bedroom.running->sleep(bedroom.night());
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
  const memory::SleepRecord sleep = bedroom.running->sleep(bedroom.night());
  INFO(sleep.report);
  REQUIRE(sleep.state == memory::SleepState::accepted);
  const auto served = [&] {
    return bedroom.running->on_io([&] { return bedroom.running->service().model("colours").served.model; });
  };
  REQUIRE(served()->kernel);
  CHECK(served()->slow_temperature == 1);
  const Answered answered = bedroom.running->ask(bedroom.model.example("grey", 500));
  CHECK(answered.labels.at(answered.result.rows.at(0).decision.predicted) == "grey");
  const auto why = parsed(bedroom.running->get("/v1/why/" + std::to_string(answered.ids.at(0))));
  const auto& slow = why.at("heads").at("slow").as_object();
  CHECK(slow.at("kernel").at("label") == "grey");
  CHECK(slow.at("network").as_object().contains("weight"));
  // A label of today is served at once all the same.
  std::size_t taught = 0;
  for (std::uint64_t i = 0; taught < 3; ++i)
    taught += !bedroom.running->teach(bedroom.model.example("gold", i), "gold").held_out;
  const Answered next = bedroom.running->ask(bedroom.model.example("gold", 900));
  CHECK(next.labels.at(next.result.rows.at(0).decision.predicted) == "gold");
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
  REQUIRE(bedroom.running->sleep(bedroom.night()).state == memory::SleepState::accepted);
  CHECK_FALSE(bedroom.running->on_io(
      [&] { return bedroom.running->service().model("colours").served.model->kernel.has_value(); }));
}

TEST_CASE("a trial is kept for inspection and changes nothing, not even after a refused rollback",
          "[nights]") {
  Bedroom bedroom;
  bedroom.teach_grey();
  const auto awake = bedroom.probes();
  CHECK(bedroom.running->sleep(bedroom.night(true)).state == memory::SleepState::rejected);
  CHECK(bedroom.version() == 0);
  CHECK(bedroom.probes() == awake);
  CHECK(
      bedroom.running->wait(bedroom.running->service().infer_version("colours", 1, {bedroom.model.probes(1)}))
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
                        "colours", version, {bedroom.model.probes(1)})),
                    Failure);
  }
  CHECK(bedroom.version() == 0);
}

TEST_CASE("one night at a time, and it ends when it is told to", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.steps = 100'000'000;
  bedroom.start();
  bedroom.teach_grey();
  const std::int64_t id = bedroom.running->wait(bedroom.running->nights().start(bedroom.night()));
  CHECK_THROWS_WITH(bedroom.running->wait(bedroom.running->nights().start(bedroom.night())),
                    Catch::Contains("running"));
  CHECK(bedroom.version() == 0);  // requests pass
  bedroom.running->on_io([&] { bedroom.running->nights().stop(); });
  bedroom.wait_until_awake();
  CHECK(bedroom.record(id).state == memory::SleepState::stopped);
}

TEST_CASE("no night begins once nights were stopped, not even one already asked for", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.steps = 100'000'000;
  bedroom.start();
  bedroom.teach_grey();
  auto asked = bedroom.running->on_io([&] {
    auto task = bedroom.running->nights().start(bedroom.night());
    auto started =
        boost::asio::co_spawn(bedroom.running->service().io(), std::move(task), boost::asio::use_future);
    boost::asio::post(bedroom.running->service().io(), [&] { bedroom.running->nights().stop(); });
    return started;
  });
  try {
    asked.get();
  } catch (const Failure&) {
    // refused in time: as good
  }
  bedroom.wait_until_awake();
  CHECK_THROWS_AS(bedroom.running->wait(bedroom.running->nights().start(bedroom.night())), Failure);
}

TEST_CASE("a damaged version is passed over for the last good one", "[nights]") {
  Bedroom bedroom;
  bedroom.teach_grey();
  const auto awake = bedroom.probes();
  REQUIRE(bedroom.running->sleep(bedroom.night()).state == memory::SleepState::accepted);
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
  REQUIRE(bedroom.running->sleep(bedroom.night()).state == memory::SleepState::accepted);
  bedroom.running.reset();
  bedroom.model.write(bedroom.folder.file(""), "colours", 24);
  bedroom.start();
  CHECK(bedroom.version() == 0);
}

TEST_CASE("idle and taught enough, a model sleeps by itself, whichever it is", "[nights]") {
  Bedroom bedroom;
  bedroom.running.reset();
  ModelOptions twin = bedroom.options.models[0];
  twin.name = "twin";
  bedroom.options.models.push_back(twin);
  bedroom.options.sleep.idle = std::chrono::milliseconds(0);
  bedroom.options.sleep.every = 15;
  bedroom.start();
  bedroom.running->wait(bedroom.running->nights().consider());
  bedroom.teach_grey("twin");
  bedroom.start();  // what was taught before a restart counts too
  bedroom.running->wait(bedroom.running->nights().consider());
  bedroom.wait_until_awake();
  const auto slept = [&] {
    return bedroom.running->on_storage([&] { return bedroom.running->service().store().sleeps(9); });
  };
  REQUIRE(slept().size() == 1);
  CHECK(slept()[0].model == "twin");
  bedroom.running->wait(bedroom.running->nights().consider());
  bedroom.start();
  bedroom.running->wait(bedroom.running->nights().consider());
  CHECK(slept().size() == 1);  // nothing new since
}

TEST_CASE("on battery no night begins, and a running one ends politely and says why", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.steps = 100'000'000;
  bedroom.start();
  bedroom.teach_grey();
  const FakeBoard board(bedroom.folder);
  board.supply("BAT0", "Battery", "status", "Discharging");
  CHECK_THROWS_WITH(bedroom.running->wait(bedroom.running->nights().start(bedroom.night())),
                    Catch::Contains("on battery"));
  board.supply("BAT0", "Battery", "status", "Charging");
  const std::int64_t id = bedroom.running->wait(bedroom.running->nights().start(bedroom.night()));
  board.supply("BAT0", "Battery", "status", "Discharging");
  bedroom.wait_until_awake();
  const memory::SleepRecord record = bedroom.record(id);
  CHECK(record.state == memory::SleepState::stopped);
  CHECK(boost::json::parse(record.report).at("reason") == "on battery");
  CHECK(bedroom.version() == 0);
}

TEST_CASE("too hot, a night pauses; cooled down, it goes on", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.budget_seconds = 1e9;
  bedroom.start();
  bedroom.teach_grey();
  const FakeBoard board(bedroom.folder);
  board.temperature(90);
  const std::int64_t id = bedroom.running->wait(bedroom.running->nights().start(bedroom.night()));
  while (bedroom.status().at("stage") != "too hot, pausing") std::this_thread::yield();
  board.temperature(69);
  bedroom.wait_until_awake();
  CHECK(bedroom.record(id).state == memory::SleepState::accepted);
}

TEST_CASE("a spent energy budget brings what was learnt to the dream check", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.steps = 100'000'000;
  bedroom.options.sleep.energy = 0.02;
  bedroom.options.sleep.watts = 1;
  bedroom.start();
  bedroom.teach_grey();
  const memory::SleepRecord record = bedroom.running->sleep(bedroom.night());
  const auto report = boost::json::parse(record.report);
  CHECK((record.state == memory::SleepState::accepted || record.state == memory::SleepState::rejected));
  CHECK(report.at("stopped").as_bool());
  CHECK(report.at("notes").at(0) == "the energy budget was spent before the last step");
  CHECK(report.at("energy").at("joules").to_number<double>() >= 0.02);
  CHECK_THAT(std::string(report.at("energy").at("source").as_string()), Catch::Contains("at 1 W"));
}

TEST_CASE("private nights add up, whatever becomes of them, until the budget is spent", "[nights]") {
  Bedroom bedroom;
  bedroom.options.privacy.dp = DpOptions{{.epsilon = 20, .delta = 1e-5, .clip = 1, .noise = 2}};
  bedroom.options.sleep.cycle.steps = 20;
  bedroom.start();
  bedroom.teach_grey();
  const auto spent = [&](const memory::SleepRecord& record) {
    INFO(record.report);
    const auto report = boost::json::parse(record.report);
    CHECK(report.at("privacy").at("spent_tonight").to_number<double>() > 0);
    return report.at("privacy").at("spent").to_number<double>();
  };
  const double first = spent(bedroom.running->sleep(bedroom.night(true)));
  CHECK(bedroom.version() == 0);  // on trial, and yet the budget is touched
  bedroom.start();                // the account outlives the process
  const memory::SleepRecord again = bedroom.running->sleep(bedroom.night(true));
  CHECK(spent(again) > first);
  CHECK(spent(again) <= 20);

  bedroom.options.privacy.dp->epsilon = spent(again);
  bedroom.start();
  CHECK_THROWS_WITH(bedroom.running->wait(
                        bedroom.running->nights().start({"colours", learning::Strategy::ridge, false, {}})),
                    Catch::Contains("privacy.dp does not cover"));
  const auto nights = [&] {
    return bedroom.running->on_storage([&] { return bedroom.running->service().store().sleeps(9).size(); });
  };
  const std::size_t before = nights();
  CHECK_THROWS_WITH(bedroom.running->wait(bedroom.running->nights().start(bedroom.night())),
                    Catch::Contains("privacy budget is spent"));
  CHECK(nights() == before);
}

TEST_CASE("a private night that fails has spent what it looked at", "[nights]") {
  Bedroom bedroom;
  bedroom.options.privacy.dp = DpOptions{{.epsilon = 20, .delta = 1e-5, .clip = 1, .noise = 2}};
  bedroom.options.sleep.cycle.steps = 20;
  bedroom.start();
  bedroom.teach_grey();
  const std::filesystem::path versions = bedroom.folder.file("state/models/colours");
  std::filesystem::remove_all(versions);
  std::filesystem::create_directories(versions.parent_path());
  std::ofstream(versions) << "not a folder";
  const memory::SleepRecord night = bedroom.running->sleep(bedroom.night());
  INFO(night.report);
  CHECK(night.state == memory::SleepState::failed);
  const auto account =
      bedroom.running->on_storage([&] { return bedroom.running->service().store().get("privacy/colours"); });
  REQUIRE(account);
  CHECK(learning::PrivacyLoss::parse(*account).epsilon(1e-5) > 0);
}

TEST_CASE("status says why no night begins", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.idle = std::chrono::milliseconds(0);
  bedroom.options.sleep.every = 50;
  bedroom.start();
  bedroom.teach_grey();
  CHECK(bedroom.status().at("waits").at("colours") == "20 of 50 labels");
  bedroom.options.sleep.every = 20;
  bedroom.start();
  FakeBoard(bedroom.folder).supply("BAT0", "Battery", "status", "Discharging");
  bedroom.running->wait(bedroom.running->nights().consider());
  CHECK_FALSE(bedroom.running->on_io([&] { return bedroom.running->nights().asleep(); }));
  CHECK(parsed(bedroom.running->get("/v1/status")).at("sleep").at("waits").at("colours") == "on battery");
}

TEST_CASE("a night can be stopped over the administrators' socket", "[nights]") {
  Bedroom bedroom;
  bedroom.options.sleep.cycle.steps = 100'000'000;
  bedroom.start();
  bedroom.teach_grey();
  CHECK(bedroom.running->admin("/v1/sleep/stop", "{}").status == 409);
  const std::int64_t id = bedroom.running->wait(bedroom.running->nights().start(bedroom.night()));
  CHECK(bedroom.running->post("/v1/sleep/stop", "{}").status == 403);
  CHECK(parsed(bedroom.running->admin("/v1/sleep/stop", "{}")).at("sleep") == id);
  bedroom.wait_until_awake();
  CHECK(bedroom.record(id).state == memory::SleepState::stopped);
  bedroom.running->wait(bedroom.running->nights().start(bedroom.night()));  // the next one may
}

/// The percentage of 300 unseen examples of a colour that is answered right.
double accuracy(Bedroom& bedroom, const std::string& colour) {
  std::size_t right = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const Answered answered = bedroom.running->ask(bedroom.model.example(colour, 900'000 + i));
    right += answered.labels[answered.result.rows[0].decision.predicted] == colour;
  }
  return static_cast<double>(right) / 3;
}

// Sixty seed examples of either class stand against them. Many more wrong labels than that would move the
// fast weights until somebody takes them back, but no night.
TEST_CASE("labels swapped for a night: the guard rejects, and nothing old falls by more than a point",
          "[nights]") {
  const std::size_t poisoned = GENERATE(40u, 160u);
  INFO("seed " << kSeed << ", " << poisoned << " labels each");
  Bedroom bedroom;
  bedroom.teach_grey();
  REQUIRE(bedroom.running->sleep(bedroom.night()).state == memory::SleepState::accepted);
  const std::vector<std::string> old{"red", "green", "blue", "grey"};
  std::map<std::string, double> before;
  for (const std::string& colour : old) before[colour] = accuracy(bedroom, colour);
  for (std::uint64_t i = 0; i < poisoned; ++i) {
    bedroom.running->teach(bedroom.model.example("red", 1000 + i), "green");
    bedroom.running->teach(bedroom.model.example("green", 1000 + i), "red");
  }
  const bool outnumbered = poisoned > 60;
  for (const std::string& colour : old) {
    INFO(colour << " as taught");
    if (!outnumbered) CHECK(accuracy(bedroom, colour) >= before[colour] - 1);
  }
  const memory::SleepRecord night = bedroom.running->sleep(bedroom.night());
  INFO(night.report);
  CHECK(night.state == memory::SleepState::rejected);
  CHECK(bedroom.version() == 1);
  for (const std::string& colour : old) {
    INFO(colour << " as slept");
    if (!outnumbered) CHECK(accuracy(bedroom, colour) >= before[colour] - 1);
  }
}

/// People say for a while that what looks green is red now.
void change_the_world(Bedroom& bedroom) {
  for (std::uint64_t i = 0; i < 30; ++i)
    bedroom.running->teach(bedroom.model.example(i % 2 ? "green" : "blue", 2000 + i), "red");
}

/// Thirty right answers, and a night that is accepted.
std::int64_t do_well(Bedroom& bedroom) {
  for (std::uint64_t i = 0; i < 30; ++i) bedroom.running->teach(bedroom.model.example("red", i), "red");
  bedroom.teach_grey();
  const memory::SleepRecord night = bedroom.running->sleep(bedroom.night());
  REQUIRE(night.state == memory::SleepState::accepted);
  return night.id;
}

TEST_CASE("a version that people's labels show to be worse is rolled back by itself", "[nights]") {
  Bedroom bedroom;
  const std::int64_t id = do_well(bedroom);
  bedroom.running->wait(bedroom.running->nights().consider());
  CHECK(bedroom.version() == 1);
  change_the_world(bedroom);
  bedroom.start();  // the record of a version outlives the process
  CHECK(bedroom.version() == 1);
  bedroom.running->wait(bedroom.running->nights().consider());
  CHECK(bedroom.version() == 0);
  const auto report = parsed(bedroom.running->get("/v1/sleeps/" + std::to_string(id)));
  CHECK(report.at("version") == 1);
  CHECK_THAT(std::string(report.at("rolled_back").as_string()),
             Catch::StartsWith("people's labels show version 1 to be worse than 0"));
  bedroom.start();
  CHECK(bedroom.version() == 0);
}

TEST_CASE("a version put in service by hand stays, and so does any where the live guard is off", "[nights]") {
  Bedroom bedroom;
  const bool by_hand = GENERATE(true, false);
  bedroom.options.sleep.live_guard = by_hand;
  bedroom.start();
  do_well(bedroom);
  if (by_hand) bedroom.running->wait(bedroom.running->service().roll_back("colours", 1));
  change_the_world(bedroom);
  bedroom.running->wait(bedroom.running->nights().consider());
  CHECK(bedroom.version() == 1);
}

TEST_CASE("the core set is the seed's and the first held-out episodes of later classes, for ever",
          "[nights]") {
  Bedroom bedroom;
  const auto core = [&] {
    return bedroom.running->on_storage([&] {
      const auto text = bedroom.running->service().store().get("core/colours");
      return text ? learning::parse_core_set(*text, "core") : learning::CoreSet();
    });
  };
  bedroom.teach_grey();
  CHECK(core().examples().empty());
  REQUIRE(bedroom.running->sleep(bedroom.night()).state == memory::SleepState::accepted);
  const learning::CoreSet first = core();
  for (const std::string label : {"red", "green", "blue", "grey"}) CHECK(first.knows(label));
  CHECK(first.classes() == 4);

  for (std::uint64_t i = 0; i < 20; ++i) {
    bedroom.running->teach(bedroom.model.example("pink", i), "pink");
    bedroom.running->teach(bedroom.model.example("grey", 100 + i), "grey");
  }
  bedroom.start();
  REQUIRE(bedroom.running->sleep(bedroom.night()).state == memory::SleepState::accepted);
  const learning::CoreSet second = core();
  CHECK(second.knows("pink"));
  CHECK(second.classes() == 5);
  REQUIRE(second.examples().size() > first.examples().size());
  for (std::size_t i = 0; i < first.examples().size(); ++i) {
    CHECK(second.examples()[i].codes == first.examples()[i].codes);
    CHECK(second.examples()[i].label == first.examples()[i].label);
  }

  memory::Selection all_grey;
  all_grey.model = "colours";
  all_grey.label = "grey";
  bedroom.running->wait(bedroom.running->service().forget(all_grey, false));
  CHECK_FALSE(core().knows("grey"));
  CHECK(core().knows("pink"));
}

}  // namespace
}  // namespace dormouse::daemon
