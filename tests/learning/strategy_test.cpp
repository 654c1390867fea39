#include "learning/strategy_trainer.h"

#include <set>

#include "learning/calibration.h"
#include "learning/night.h"
#include "tests/learning/clusters.h"
#include "tests/learning/parts.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 404;
constexpr std::int64_t kWidth = 4, kClasses = 5;

LabelledLatents examples(Parts& parts, std::vector<ClassIndex> classes) {
  return {parts.weights(Shape{std::int64_t(classes.size()), kWidth}, 1.0), std::move(classes)};
}

/// The gradient that a step took on the bias of a linear part: (before − after) / rate.
std::vector<double> bias_gradient(const engine::Graph& before, const Parameters& after, double rate) {
  const auto from = parameters_by_name(before).at("head.bias").values<float>();
  const auto to = after.at("head.bias").values<float>();
  std::vector<double> gradient;
  for (std::size_t c = 0; c < from.size(); ++c) gradient.push_back((double{from[c]} - double{to[c]}) / rate);
  return gradient;
}

/// softmax of the logits that `mask` leaves, minus the one-hot label: what one row does to the bias.
std::vector<double> row_gradient(std::span<const float> logits, ClassIndex label,
                                 const std::set<std::size_t>& left) {
  double sum = 0;
  for (const std::size_t c : left) sum += std::exp(double{logits[c]});
  std::vector<double> gradient(logits.size());
  for (const std::size_t c : left) gradient[c] = std::exp(double{logits[c]}) / sum;
  gradient[label] -= 1;
  return gradient;
}

void add(std::vector<double>& to, const std::vector<double>& more, double weight) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += weight * more[i];
}

const std::set<std::size_t> kAll{0, 1, 2, 3, 4};

}  // namespace

TEST_CASE("every strategy has one recipe, found by its name", "[strategy]") {
  std::set<std::string_view> names;
  for (const Recipe& each : recipes()) {
    CHECK(&recipe(each.strategy) == &each);
    CHECK(strategy_named(each.word) == each.strategy);
    CHECK(names.insert(each.word).second);
    CHECK_FALSE(each.summary.empty());
  }
  CHECK(names.size() == 13);
  CHECK_FALSE(strategy_named("er"));
}

TEST_CASE("replay weighs fresh and replayed rows alike", "[strategy]") {
  INFO("seed " << kSeed);
  Parts parts(kSeed);
  const engine::Graph part = parts.linear(kWidth, kClasses, 1.0);
  const LabelledLatents fresh = examples(parts, {0, 1}), old = examples(parts, {2, 3, 4});
  StrategyTrainer trainer(part, {.strategy = Strategy::replay});
  trainer.step(fresh, {.labelled = old}, 0.1f);

  std::vector<double> expected(kClasses);
  for (const LabelledLatents* rows : {&fresh, &old}) {
    const Tensor logits = run_part(part, rows->latents, {});
    for (std::size_t i = 0; i < rows->size(); ++i)
      add(expected,
          row_gradient(logits.values<float>().subspan(i * kClasses, kClasses), rows->classes[i], kAll), 0.2);
  }
  const auto actual = bias_gradient(part, trainer.parameters(), 0.1);
  for (std::size_t c = 0; c < kClasses; ++c) CHECK(actual[c] == Approx(expected[c]).margin(1e-5));
}

TEST_CASE("ER-ACE compares fresh rows with the classes of their batch and those never met", "[strategy]") {
  INFO("seed " << kSeed);
  Parts parts(kSeed);
  const engine::Graph part = parts.linear(kWidth, kClasses, 1.0);
  const LabelledLatents fresh = examples(parts, {2, 3, 2}), old = examples(parts, {0, 1});
  StrategyTrainer trainer(part, {.strategy = Strategy::ace, .met = {true, true}});
  trainer.step(fresh, {.labelled = old}, 0.1f);

  std::vector<double> expected(kClasses);
  const Tensor now = run_part(part, fresh.latents, {}), then = run_part(part, old.latents, {});
  for (std::size_t i = 0; i < 3; ++i)  // 0 and 1 were met; 4 never was
    add(expected,
        row_gradient(now.values<float>().subspan(i * kClasses, kClasses), fresh.classes[i], {2, 3, 4}),
        1.0 / 3);
  for (std::size_t i = 0; i < 2; ++i)
    add(expected, row_gradient(then.values<float>().subspan(i * kClasses, kClasses), old.classes[i], kAll),
        0.5);
  const auto actual = bias_gradient(part, trainer.parameters(), 0.1);
  for (std::size_t c = 0; c < kClasses; ++c) CHECK(actual[c] == Approx(expected[c]).margin(1e-5));
}

TEST_CASE("DER++ adds the mean square of kept logits and the labels of others", "[strategy]") {
  INFO("seed " << kSeed);
  Parts parts(kSeed);
  const engine::Graph part = parts.linear(kWidth, kClasses, 1.0);
  const LabelledLatents fresh = examples(parts, {4, 3}), old = examples(parts, {0}),
                        dark = examples(parts, {1, 2, 0});
  const Tensor kept = parts.weights(Shape{3, kClasses}, 1.0);
  StrategyTrainer trainer(part, {.strategy = Strategy::derpp, .knobs = {.alpha = 0.7f, .beta = 0.4f}});
  trainer.step(fresh, {.labelled = old, .dark = dark, .dark_logits = kept}, 0.1f);

  std::vector<double> expected(kClasses);
  const Tensor now = run_part(part, fresh.latents, {}), then = run_part(part, old.latents, {}),
               again = run_part(part, dark.latents, {});
  for (std::size_t i = 0; i < 2; ++i)
    add(expected, row_gradient(now.values<float>().subspan(i * kClasses, kClasses), fresh.classes[i], kAll),
        0.5);
  add(expected, row_gradient(then.values<float>(), 0, kAll), 0.4);
  for (std::size_t i = 0; i < 3 * kClasses; ++i)
    expected[i % kClasses] +=
        0.7 * 2 * double{again.values<float>()[i] - kept.values<float>()[i]} / (3 * kClasses);
  const auto actual = bias_gradient(part, trainer.parameters(), 0.1);
  for (std::size_t c = 0; c < kClasses; ++c) CHECK(actual[c] == Approx(expected[c]).margin(1e-5));
  CHECK(std::ranges::equal(trainer.fresh_logits().values<float>(), now.values<float>(),
                           [](float a, float b) { return std::abs(a - b) < 1e-5f; }));
}

TEST_CASE("LwF holds the old classes' answers at its temperature and leaves the new ones alone",
          "[strategy]") {
  INFO("seed " << kSeed);
  Parts parts(kSeed);
  const engine::Graph part = parts.linear(kWidth, kClasses, 1.0),
                      before = parts.linear(kWidth, kClasses, 1.0);
  const LabelledLatents fresh = examples(parts, {3});
  StrategyTrainer trainer(part, {.strategy = Strategy::lwf,
                                 .knobs = {.temperature = 2, .distillation = 0.5f},
                                 .before = before,
                                 .met = {true, true, true}});
  trainer.step(fresh, {}, 0.1f);

  const Tensor now = run_part(part, fresh.latents, {}), then = run_part(before, fresh.latents, {});
  std::vector<double> expected = row_gradient(now.values<float>(), 3, kAll);
  double sum_now = 0, sum_then = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    sum_now += std::exp(double{now.values<float>()[c]} / 2);
    sum_then += std::exp(double{then.values<float>()[c]} / 2);
  }
  for (std::size_t c = 0; c < 3; ++c)  // T² · 1/T
    expected[c] += 0.5 * 2 *
                   (std::exp(double{now.values<float>()[c]} / 2) / sum_now -
                    std::exp(double{then.values<float>()[c]} / 2) / sum_then);
  const auto actual = bias_gradient(part, trainer.parameters(), 0.1);
  for (std::size_t c = 0; c < kClasses; ++c) CHECK(actual[c] == Approx(expected[c]).margin(1e-5));
}

TEST_CASE("the path of synaptic intelligence is the rate times the squared gradient, summed", "[strategy]") {
  INFO("seed " << kSeed);
  Parts parts(kSeed);
  engine::Graph part = parts.linear(kWidth, kClasses, 1.0);
  const LabelledLatents fresh = examples(parts, {0, 3, 1});
  StrategyTrainer trainer(part, {.strategy = Strategy::si});
  std::vector<double> expected(kClasses);
  for (int step = 0; step < 3; ++step) {
    const engine::Graph before = trainer.graph();
    trainer.step(fresh, {}, 0.1f);
    const auto gradient = bias_gradient(before, trainer.parameters(), 0.1);
    for (std::size_t c = 0; c < kClasses; ++c) expected[c] += 0.1 * gradient[c] * gradient[c];
  }
  const auto path = trainer.path().at("head.bias").values<float>();
  for (std::size_t c = 0; c < kClasses; ++c)
    CHECK(double{path[c]} == Approx(expected[c]).epsilon(1e-3).margin(1e-7));
}
