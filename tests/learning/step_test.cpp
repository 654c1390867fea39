#include "learning/step.h"

#include "learning/calibration.h"
#include "learning/fisher.h"
#include "learning/night.h"
#include "tests/learning/clusters.h"
#include "tests/learning/parts.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 42;

double loss_of(const engine::Graph& part, const Tensor& latents, const Tensor& targets,
               const std::vector<float>& weights) {
  const Tensor p = probabilities(run_part(part, latents, {}), 1);
  const std::size_t width = std::size_t(p.shape()[1]);
  double loss = 0, total = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    total += double{weights[i]};
    for (std::size_t c = 0; c < width; ++c)
      loss -= double{weights[i]} * double{targets.values<float>()[i * width + c]} *
              std::log(double{p.values<float>()[i * width + c]});
  }
  return loss / total;
}

Tensor soft_targets(Parts& parts, std::int64_t rows, std::int64_t classes) {
  return probabilities(parts.weights(Shape{rows, classes}, 1.0), 1);
}

}  // namespace

TEST_CASE("a training step moves every parameter against its finite-difference gradient", "[step]") {
  const bool deep = GENERATE(false, true);
  INFO("seed " << kSeed << ", deep " << deep);
  Parts parts(kSeed);
  const engine::Graph part = deep ? parts.mlp(5, 7, 3) : parts.linear(5, 3);
  const Tensor latents = parts.weights(Shape{6, 5}, 1.0), targets = soft_targets(parts, 6, 3);
  const std::vector<float> weights{1, 2, 0.5f, 0, 1, 3};
  constexpr float kRate = 0.5f;

  Trainer trainer(part, nullptr, {});
  CHECK(trainer.step(latents, targets, weights, kRate) == Approx(loss_of(part, latents, targets, weights)));
  const Parameters moved = trainer.parameters();
  REQUIRE(moved.size() == (deep ? 4 : 2));
  for (const auto& [name, start] : parameters_by_name(part))
    for (std::size_t i = 0; i < start.values<float>().size(); i += 3) {
      constexpr float kDelta = 1e-2f;
      Parameters up{{name, start.clone()}}, down{{name, start.clone()}};
      up.at(name).mutable_values<float>()[i] += kDelta;
      down.at(name).mutable_values<float>()[i] -= kDelta;
      const double slope = (loss_of(with_parameters(part, up), latents, targets, weights) -
                            loss_of(with_parameters(part, down), latents, targets, weights)) /
                           (2 * double{kDelta});
      INFO(name << "[" << i << "]");
      CHECK(double{start.values<float>()[i]} - double{moved.at(name).values<float>()[i]} ==
            Approx(double{kRate} * slope).margin(2e-3));
    }
}

TEST_CASE("steps with momentum bring the loss down", "[step]") {
  INFO("seed " << kSeed);
  Parts parts(kSeed);
  Clusters clusters(4, 8, 1.5, kSeed);
  const LabelledLatents data = clusters.draw(16, 0, 4);
  const Standardised part(parts.linear(8, 4), scale_of(statistics_of(data, 4), 8));
  Trainer trainer(part.graph(), nullptr, {});
  const Tensor z = part.apply(data.latents), targets = one_hot(data.classes, 4);
  const float first = trainer.step(z, targets, {}, 0.05f);
  float last = first;
  for (int i = 0; i < 100; ++i) last = trainer.step(z, targets, {}, 0.05f);
  CHECK(last < 0.2f * first);
}

TEST_CASE("EWC holds what the Fisher information marks, at any strength, and leaves the rest free",
          "[step]") {
  INFO("seed " << kSeed);
  Parts parts(kSeed);
  const engine::Graph part = parts.linear(5, 3);
  Ewc ewc{parameters_by_name(part), {}, 1e6f};
  Tensor fisher(engine::DType::f32, Shape{3, 5});
  fisher.mutable_values<float>()[0] = 1;
  ewc.fisher.emplace("head.weight", fisher);
  Trainer trainer(part, &ewc, {});
  const Tensor latents = parts.weights(Shape{8, 5}, 1.0), targets = soft_targets(parts, 8, 3);
  for (int i = 0; i < 50; ++i) trainer.step(latents, targets, {}, 0.1f);

  const Parameters now = trainer.parameters();
  const auto start = ewc.anchor.at("head.weight").values<float>(),
             after = now.at("head.weight").values<float>();
  CHECK(after[0] == Approx(start[0]).margin(1e-4));
  float farthest = 0;
  for (std::size_t i = 1; i < 15; ++i) farthest = std::max(farthest, std::abs(after[i] - start[i]));
  CHECK(farthest > 0.1f);
}

TEST_CASE("the Fisher diagonal of a softmax layer is p(1 - p)x², never the square of a batch mean",
          "[fisher]") {
  INFO("seed " << kSeed);
  Parts parts(kSeed);
  const engine::Graph part = parts.linear(4, 3, 0.5);
  const Tensor latents = parts.weights(Shape{40, 4}, 1.0);
  const Tensor p = probabilities(run_part(part, latents, {}), 1);
  std::vector<double> expected(12);
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t j = 0; j < 4; ++j) {
        const double q = double{p.values<float>()[i * 3 + c]}, x = double{latents.values<float>()[i * 4 + j]};
        expected[c * 4 + j] += q * (1 - q) * x * x / 40;
      }
  Random random(kSeed);
  FisherEstimator exact(part), sampled(part);
  for (std::size_t i = 0; i < 40; ++i)
    exact.add(latents.values<float>().subspan(i * 4, 4), FisherLabels::exact, random);
  for (std::size_t i = 0; i < 4000; ++i)
    sampled.add(latents.values<float>().subspan(i % 40 * 4, 4), FisherLabels::sampled, random);
  const Parameters by_all = exact.mean(), by_draw = sampled.mean();
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(by_all.at("head.weight").values<float>()[i] == Approx(expected[i]).epsilon(1e-3));
    CHECK(by_draw.at("head.weight").values<float>()[i] == Approx(expected[i]).epsilon(0.15));
  }
}

TEST_CASE("Fisher information accumulates with decay, new rows starting from nothing", "[fisher]") {
  const Parameters old{{"w", Tensor::from<float>(Shape{2, 2}, {1, 2, 3, 4})}};
  const Parameters fresh{{"w", Tensor::from<float>(Shape{3, 2}, {1, 1, 1, 1, 1, 1})},
                         {"b", Tensor::from<float>(Shape{3}, {1, 1, 1})}};
  const Parameters sum = accumulate_fisher(old, fresh, 0.5f);
  const auto w = sum.at("w").values<float>();
  CHECK(std::vector<float>(w.begin(), w.end()) == std::vector<float>{1.5f, 2, 2.5f, 3, 1, 1});
  CHECK(sum.at("b").values<float>()[2] == 1);
}

TEST_CASE("training that diverges says so", "[step]") {
  Parts parts(kSeed);
  Trainer trainer(parts.mlp(5, 7, 3), nullptr, {});
  const Tensor latents = parts.weights(Shape{8, 5}, 1e6), targets = soft_targets(parts, 8, 3);
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 50; ++i) trainer.step(latents, targets, {}, 1e30f);
      }(),
      Failure);
}
