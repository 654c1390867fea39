#include "learning/sleep.h"

#include <boost/json.hpp>

#include "learning/calibration.h"
#include "learning/night.h"
#include "learning/ridge.h"
#include "tests/learning/clusters.h"
#include "tests/learning/parts.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 2024;
constexpr std::size_t kWidth = 32, kOld = 8, kAll = 10;

std::vector<std::string> digits() {
  std::vector<std::string> labels;
  for (std::size_t c = 0; c < kAll; ++c) labels.push_back("digit " + std::to_string(c));
  return labels;
}

/// A world of ten clusters, a model that knows eight, its seed, and a person who teaches the other two.
struct World {
  Clusters clusters{kAll, kWidth, 0.6, kSeed};
  SleepInputs inputs;
  LabelledLatents test;

  explicit World(engine::Graph untrained, std::size_t taught_per_class = 40) {
    inputs.id = "1";
    inputs.model = "test";
    inputs.labels = digits();
    inputs.labels.resize(kOld);
    inputs.replay = clusters.draw(150, 0, kOld);
    inputs.heldout = clusters.draw(25, 0, kOld);
    inputs.scale = scale_of(statistics_of(inputs.replay, kOld), kWidth);
    // The shipped model: balanced training on the old classes.
    inputs.trainable = std::move(untrained);
    SleepCycle factory(inputs, {.strategy = Strategy::joint, .seed = kSeed});
    while (factory.advance()) {
    }
    inputs.trainable = factory.result().trainable;
    inputs.temperature = factory.result().temperature;
    inputs.fisher = factory.result().fisher;

    inputs.labels = digits();
    inputs.taught = clusters.draw(taught_per_class, kOld, kAll);
    for (std::size_t i = 0; i < inputs.taught.size(); ++i) inputs.episodes.push_back(i + 1);
    inputs.taught_heldout = clusters.draw(10, kOld, kAll);
    RidgeHead fast(kWidth, statistics_of(inputs.replay, kOld), {});
    fast.grow(kAll);
    for (std::size_t i = 0; i < inputs.taught.size(); ++i)
      fast.observe(inputs.taught.row(i), inputs.taught.classes[i]);
    inputs.fast = fast.head();
    test = clusters.draw(100, 0, kAll);
  }

  double accuracy_of(const engine::Graph& part, std::size_t first, std::size_t last) const {
    return accuracy(predictions(run_part(part, test.latents, {})), test.classes, first, last);
  }
};

SleepResult sleep(const SleepInputs& inputs, SleepOptions options) {
  SleepCycle night(inputs, options);
  while (night.advance()) {
  }
  return night.result();
}

engine::Graph untrained(bool deep) {
  Parts parts(kSeed);
  return deep ? parts.mlp(kWidth, 48, kOld) : parts.linear(kWidth, kOld, 0.01);
}

bool same(const Parameters& a, const Parameters& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first &&
           std::ranges::equal(x.second.template values<float>(), y.second.template values<float>());
  });
}

}  // namespace

TEST_CASE("a night learns two new classes nearly as joint training does, and fine-tuning forgets",
          "[sleep]") {
  const bool deep = GENERATE(false, true);
  const World world(untrained(deep));
  const SleepResult night = sleep(world.inputs, {.seed = kSeed});
  const SleepResult joint = sleep(world.inputs, {.strategy = Strategy::joint, .seed = kSeed});
  const SleepResult finetune = sleep(world.inputs, {.strategy = Strategy::finetune, .seed = kSeed});
  INFO("seed " << kSeed << ", deep " << deep << "\n" << to_text(night.report) << to_text(joint.report));
  const auto old_classes = [&](const SleepResult& r) { return world.accuracy_of(r.trainable, 0, kOld); };
  const auto new_classes = [&](const SleepResult& r) { return world.accuracy_of(r.trainable, kOld, kAll); };
  CAPTURE(old_classes(night), new_classes(night), old_classes(joint), new_classes(joint),
          old_classes(finetune), new_classes(finetune));

  CHECK(night.accepted);
  CHECK(new_classes(night) > 0.8);
  CHECK(old_classes(night) > old_classes(joint) - 0.02);
  CHECK(world.accuracy_of(night.trainable, 0, kAll) > world.accuracy_of(joint.trainable, 0, kAll) - 0.03);
  CHECK(old_classes(finetune) < old_classes(night) - 0.08);
  CHECK_FALSE(finetune.accepted);
}

TEST_CASE("every strategy sleeps: new classes are learnt, and old ones stay where it rehearses", "[sleep]") {
  const bool deep = GENERATE(false, true);
  const World world(untrained(deep));
  for (const Recipe& how : recipes()) {
    const SleepResult night = sleep(world.inputs, {.strategy = how.strategy, .steps = 600, .seed = kSeed});
    const double old_classes = world.accuracy_of(night.trainable, 0, kOld),
                 new_classes = world.accuracy_of(night.trainable, kOld, kAll);
    INFO("seed " << kSeed << ", deep " << deep << ", " << how.word << "\n" << to_text(night.report));
    CAPTURE(old_classes, new_classes);
    CHECK(new_classes > 0.65);
    if (how.rehearses || how.analytic) CHECK(old_classes > 0.85);
    CHECK(night.report.strategy == how.word);
  }
}

TEST_CASE("the control without EWC changes nothing of the night and is reported beside it", "[sleep]") {
  World world(untrained(false));
  world.inputs.replay = gather(world.inputs.replay, std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7});
  const SleepOptions controlled{.steps = 100, .ewc_lambda = 1000.0f, .kernel_examples = 0, .seed = kSeed};
  SleepOptions plain = controlled, without = controlled;
  plain.control = false;
  without.strategy = Strategy::replay;
  const SleepResult night = sleep(world.inputs, plain), both = sleep(world.inputs, controlled);
  CHECK(same(night.weights, both.weights));
  CHECK_FALSE(night.report.right_without_ewc);
  REQUIRE(both.report.right_without_ewc);
  const SleepResult free = sleep(world.inputs, without);
  CHECK_FALSE(same(free.weights, night.weights));
  CHECK(*both.report.right_without_ewc == Approx(free.report.verdict.all.after()));
  CHECK_THAT(to_text(both.report), Catch::Contains("control without EWC"));
}

TEST_CASE("a night gives the same weights however it is interrupted", "[sleep]") {
  World world(untrained(false));
  const SleepOptions options{.steps = 60, .seed = 3};
  const SleepResult one = sleep(world.inputs, options);
  SleepCycle a(world.inputs, options), b(world.inputs, options);
  bool more = true;
  for (int i = 0; more; ++i)
    more = (i % 3 == 0 ? b.advance() : a.advance()),
    more = a.stage() != Stage::done || b.stage() != Stage::done;
  CHECK(same(a.result().weights, one.weights));
  CHECK(same(b.result().weights, one.weights));
  CHECK(same(b.result().fisher, one.fisher));
  CHECK_FALSE(same(sleep(world.inputs, {.steps = 60, .seed = 4}).weights, one.weights));
}

namespace {

/// Cuts the night off after every `stride`th piece, takes it up, and compares how it ends.
void cut_off_anywhere(const SleepInputs& inputs, SleepOptions options, std::size_t stride) {
  options.kernel_examples = 60;  // they are fitted again after every piece
  const SleepResult whole = sleep(inputs, options);
  SleepCycle first(inputs, options);
  for (std::size_t piece = 0; first.advance(); ++piece) {
    if (piece % stride != 0 && first.stage() == Stage::rehearse) continue;
    INFO("cut off after piece " << piece << " in stage " << word(first.stage()));
    SleepCycle second(inputs, options);
    second.restore(first.save());
    CHECK(second.stage() == first.stage());
    while (second.advance()) {
    }
    CHECK(same(second.result().weights, whole.weights));
    CHECK(same(second.result().fisher, whole.fisher));
    CHECK(second.result().kernel.has_value() == whole.kernel.has_value());
    if (whole.kernel) CHECK(second.result().kernel->kernel == whole.kernel->kernel);
    CHECK(second.result().accepted == whole.accepted);
    CHECK(second.result().temperature == whole.temperature);
    CHECK(second.result().report.steps == whole.report.steps);
    CHECK(second.result().report.loss == whole.report.loss);
    CHECK(second.result().report.right_without_ewc == whole.report.right_without_ewc);
    CHECK(second.result().report.verdict.reason == whole.report.verdict.reason);
  }
}

}  // namespace

TEST_CASE("a night that is cut off at any piece and taken up ends with the same weights", "[sleep]") {
  const bool deep = GENERATE(false, true);
  INFO("deep " << deep);
  const World world(untrained(deep));
  const SleepOptions options{.steps = 30, .seed = 3};
  const SleepResult whole = sleep(world.inputs, options);
  REQUIRE(whole.accepted);
  REQUIRE(whole.report.right_without_ewc);
  cut_off_anywhere(world.inputs, options, 1);
}

TEST_CASE("a night by any strategy can be taken up", "[sleep]") {
  const World world(untrained(false));
  for (const Recipe& how : recipes()) {
    INFO(how.word);
    SleepOptions options{.strategy = how.strategy, .steps = 24, .seed = 3};
    options.guard.max_regression = 1;  // whatever it forgets: an accepted night has more to take up
    cut_off_anywhere(world.inputs, options, 7);
  }
}

TEST_CASE("the state of another night is refused", "[sleep]") {
  const World world(untrained(false));
  SleepCycle night(world.inputs, {.steps = 30, .seed = 3});
  for (int i = 0; i < 10; ++i) REQUIRE(night.advance());
  engine::NamedTensors state = night.save();
  SleepInputs inputs = world.inputs;
  SECTION("fewer examples") { inputs.taught = {}; }
  SECTION("another part") { state.tensors.erase("parameter.head.bias"); }
  SECTION("no counts") { state.tensors.erase("counts"); }
  SECTION("no classes that were met") { state.tensors.erase("met"); }
  SECTION("a sampler cut short") {
    state.tensors.insert_or_assign("sampler", Tensor(engine::DType::u64, Shape{3}));
  }
  SleepCycle other(inputs, {.steps = 30, .seed = 3});
  CHECK_THROWS_AS(other.restore(state), Failure);
}

TEST_CASE("stages follow one another and hooks are called in theirs until they have done", "[sleep]") {
  World world(untrained(false));
  std::vector<std::string> calls;
  int consolidations = 0;
  const SleepHooks hooks{
      .consolidate =
          [&] {
            calls.push_back("consolidate");
            return ++consolidations < 3;
          },
      .tidy =
          [&] {
            calls.push_back("tidy");
            return false;
          },
      .commit = [&](const SleepResult& result) { calls.push_back(result.accepted ? "commit" : "keep"); }};
  SleepCycle night(world.inputs, {.seed = kSeed}, hooks);
  Stage last = Stage::select;
  while (night.advance()) {
    CHECK(night.stage() >= last);
    last = night.stage();
  }
  CHECK(calls == std::vector<std::string>{"consolidate", "consolidate", "consolidate", "tidy", "commit"});
  CHECK(night.progress() == 1);
}

TEST_CASE("a night asked to stop ends without a candidate", "[sleep]") {
  World world(untrained(false));
  bool committed = false;
  SleepCycle night(world.inputs, {.seed = kSeed}, {.commit = [&](const auto&) { committed = true; }});
  std::stop_source source;
  for (int i = 0; i < 20; ++i) REQUIRE(night.advance(source.get_token()));
  source.request_stop();
  CHECK_FALSE(night.advance(source.get_token()));
  CHECK(night.stage() == Stage::done);
  CHECK_FALSE(night.result().accepted);
  CHECK(night.result().report.stopped);
  CHECK_FALSE(committed);
}

TEST_CASE("what the model labelled itself weighs less than what a person did", "[sleep]") {
  World world(untrained(false), 8);
  LabelledLatents wrong = world.clusters.draw(40, kOld, kAll);
  for (ClassIndex& c : wrong.classes) c = c == kOld ? kOld + 1 : kOld;  // each under the other's name
  SleepInputs guessed = world.inputs, told = world.inputs;
  guessed.self_labelled = wrong;
  told.taught = concatenate(told.taught, wrong);
  told.episodes.resize(told.taught.size(), 1);
  const SleepOptions options{.steps = 300, .kernel_examples = 0, .seed = kSeed};
  const SleepResult without = sleep(world.inputs, options), guesses = sleep(guessed, options),
                    labels = sleep(told, options);
  const auto right = [&](const SleepResult& r) { return world.accuracy_of(r.trainable, kOld, kAll); };
  INFO("seed " << kSeed);
  CAPTURE(right(without), right(guesses), right(labels));
  CHECK(guesses.report.self_labelled == 16);  // no more than there are labels
  CHECK(guesses.report.taught == without.report.taught);
  CHECK(guesses.report.heldout == without.report.heldout);
  CHECK_FALSE(same(guesses.weights, without.weights));
  CHECK(right(guesses) > right(without) - 0.2);
  CHECK(right(labels) < right(guesses) - 0.2);
}

TEST_CASE("a spent budget brings what was learnt to the dream check", "[sleep]") {
  World world(untrained(false));
  struct Ticking final : Clock {
    mutable Steady at{};
    Steady now() const override { return at += std::chrono::seconds(1); }
    Wall wall() const override { return {}; }
  } clock;
  const SleepResult night = sleep(world.inputs, {.budget_seconds = 50, .seed = kSeed, .clock = &clock});
  CHECK(night.report.stopped);
  CHECK(night.report.steps >= 45);
  CHECK(night.report.steps <= 51);
  CHECK(night.report.verdict.all.examples > 0);
}

TEST_CASE("a night without anything to rehearse, or to prove, is not accepted", "[sleep]") {
  World world(untrained(false));
  SleepInputs nothing = world.inputs;
  nothing.replay = nothing.taught = {};
  CHECK(sleep(nothing, {.seed = kSeed}).report.verdict.reason == "there is nothing to rehearse");
  SleepInputs unproved = world.inputs;
  unproved.heldout = unproved.taught_heldout = {};
  CHECK_FALSE(sleep(unproved, {.steps = 20, .seed = kSeed}).accepted);
}

TEST_CASE("without a seed distillation still keeps more of the old classes than fine-tuning", "[sleep]") {
  World world(untrained(false));
  world.inputs.replay = {};
  const SleepResult night = sleep(world.inputs, {.steps = 600, .seed = kSeed});
  const SleepResult finetune =
      sleep(world.inputs, {.strategy = Strategy::finetune, .steps = 600, .seed = kSeed});
  INFO("seed " << kSeed << "\n" << to_text(night.report));
  CAPTURE(world.accuracy_of(night.trainable, kOld, kAll));
  CHECK(world.accuracy_of(night.trainable, 0, kOld) > world.accuracy_of(finetune.trainable, 0, kOld));
  CHECK_THAT(night.report.notes.front(), Catch::Contains("no seed memory"));
}

TEST_CASE("inputs that contradict each other are refused", "[sleep]") {
  World world(untrained(false));
  SleepInputs wrong = world.inputs;
  SECTION("fewer labels than the slow head has") { wrong.labels.resize(3); }
  SECTION("an unknown class") { wrong.taught.classes[0] = 99; }
  SECTION("another width") { wrong.taught.latents = Tensor(engine::DType::f32, Shape{80, 5}); }
  SleepCycle night(wrong, {});
  CHECK_THROWS_AS(night.advance(), Failure);
}

TEST_CASE("the report says everything in JSON and in words", "[sleep]") {
  World world(untrained(false));
  const SleepReport report = sleep(world.inputs, {.seed = kSeed}).report;
  const boost::json::object json = to_json(report);
  CHECK(json.at("accepted").as_bool());
  CHECK(json.at("classes").as_array().size() == kAll);
  CHECK(json.at("classes").at(9).at("label").as_string() == "digit 9");
  CHECK(json.at("loss").as_array().size() > 10);
  CHECK(json.at("stages").as_object().contains("dream check"));
  CHECK(json.at("ewc_lambda").as_double() > 0);
  CHECK(json.at("right_without_ewc").as_double() > 0.5);
  CHECK(json.at("drivers").at("reference").as_double() > 0);
  CHECK_THAT(to_text(report), Catch::Contains("computed by") && Catch::Contains("reference"));
  CHECK_THAT(to_text(report), Catch::Contains("digit 9") && Catch::Contains("accepted"));
}

TEST_CASE("a private night learns new classes and says what that cost", "[sleep][privacy]") {
  World world(untrained(false), 1500);
  world.inputs.privacy = NightPrivacy{.options = {.noise = 1.1}, .spent = {}};
  const SleepResult night = sleep(world.inputs, {.seed = kSeed});
  const double learnt = world.accuracy_of(night.trainable, kOld, kAll);
  INFO("seed " << kSeed << ", new classes " << learnt << "\n" << to_text(night.report));
  CHECK(night.accepted);
  CHECK(learnt > 0.6);
  CHECK(world.accuracy_of(night.trainable, 0, kOld) >
        world.accuracy_of(world.inputs.trainable, 0, kOld) - 0.1);

  REQUIRE(night.report.privacy);
  const PrivacyReport& cost = *night.report.privacy;
  CHECK(cost.steps == night.report.steps);
  CHECK(cost.rate == Approx(64.0 / 3000));
  CHECK(cost.tonight().epsilon(1e-5) == Approx(PrivacyLoss(64.0 / 3000, 1.1, cost.steps).epsilon(1e-5)));
  CHECK(cost.total().epsilon(1e-5) <= 8);
  const auto report = to_json(night.report).at("privacy").as_object();
  CHECK(report.at("left").as_double() == Approx(8 - report.at("spent").as_double()));
  CHECK(report.at("unit") == "one labelled episode, added or removed");

  world.inputs.privacy->spent = cost.total();
  const SleepResult second = sleep(world.inputs, {.steps = 10, .seed = kSeed});
  CHECK(second.report.privacy->total().epsilon(1e-5) > cost.total().epsilon(1e-5));
}

TEST_CASE("a private night stays within its budget, and none begins when it is spent", "[sleep][privacy]") {
  World world(untrained(false));
  world.inputs.privacy = NightPrivacy{};
  const SleepResult night = sleep(world.inputs, {.seed = kSeed});
  INFO("seed " << kSeed << "\n" << to_text(night.report));
  CHECK(night.report.steps < 600);
  CHECK(night.report.privacy->total().epsilon(1e-5) <= 8);
  world.inputs.privacy->spent = night.report.privacy->total();
  SleepCycle refused(world.inputs, {.seed = kSeed});
  CHECK_THROWS_WITH(refused.advance(), Catch::Contains("privacy budget is spent"));
}

TEST_CASE("what a private night does without noise does not depend on what was taught", "[sleep][privacy]") {
  World world(untrained(false));
  SleepInputs a = world.inputs, b = world.inputs;
  a.privacy = b.privacy = NightPrivacy{};
  b.taught = world.clusters.draw(40, kOld, kAll);
  std::ranges::reverse(b.taught.classes);
  b.fast.reset();
  const NightPlan one = plan_night(a, {.seed = kSeed}), other = plan_night(b, {.seed = kSeed});
  CHECK(same(parameters_by_name(one.grown), parameters_by_name(other.grown)));
  CHECK(one.rows.classes == other.rows.classes);
  CHECK(std::ranges::equal(one.rows.latents.values<float>(), other.rows.latents.values<float>()));
  CHECK(one.rate == other.rate);
  CHECK(one.steps == other.steps);
  CHECK_FALSE(std::ranges::equal(one.secret.latents.values<float>(), other.secret.latents.values<float>()));

  SleepInputs unseeded = a;
  unseeded.replay = {};
  const SleepResult night = sleep(unseeded, {.seed = kSeed});
  CHECK_FALSE(night.accepted);
  CHECK(night.report.privacy->steps == 0);
  CHECK_THAT(night.report.notes.at(0), Catch::Contains("private night needs a seed"));
}

TEST_CASE("a private night that is taken up goes on with what it spent", "[sleep][privacy]") {
  World world(untrained(false), 400);
  world.inputs.privacy = NightPrivacy{};
  const SleepOptions options{.steps = 30, .seed = kSeed};
  SleepCycle first(world.inputs, options);
  while (first.report().steps < 20) REQUIRE(first.advance());
  CHECK(first.report().privacy->steps == 20);
  SleepCycle second(world.inputs, options);
  second.restore(first.save());
  CHECK(second.report().privacy->steps == 20);
  while (second.advance()) {
  }
  CHECK(second.result().report.privacy->steps == 30);
}

TEST_CASE("strategies that noise would not protect are refused in a private night", "[sleep][privacy]") {
  World world(untrained(false));
  world.inputs.privacy = NightPrivacy{.options = {.noise = 4}, .spent = {}};
  for (const Recipe& how : recipes()) {
    INFO(how.word);
    SleepCycle night(world.inputs, {.strategy = how.strategy, .steps = 5, .seed = kSeed});
    if (how.rehearses && !how.masks) {
      while (night.advance()) {
      }
      CHECK(night.result().report.privacy->steps == 5);
      CHECK_FALSE(night.result().report.right_without_ewc);
    } else {
      CHECK_THROWS_WITH(night.advance(), Catch::Contains("choose one of joint, replay, replay+ewc"));
    }
  }
}
