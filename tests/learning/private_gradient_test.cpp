#include "learning/private_gradient.h"

#include <cmath>

#include "learning/step.h"
#include "tests/learning/clusters.h"
#include "tests/learning/parts.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 11;
constexpr double kSilent = 1e-9, kNoClip = 1e6;

std::vector<double> flat(const Parameters& parameters) {
  std::vector<double> all;
  for (const auto& [name, tensor] : parameters)
    for (const float x : tensor.values<float>()) all.push_back(double{x});
  return all;
}

double norm(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x * x;
  return std::sqrt(sum);
}

double distance(std::vector<double> a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return norm(a);
}

/// The mean gradient over all rows, by one plain step of rate 1.
std::vector<double> mean_gradient(const engine::Graph& part, const LabelledLatents& rows,
                                  std::size_t classes) {
  Trainer trainer(part, nullptr, {.momentum = 0});
  trainer.step(rows.latents, one_hot(rows.classes, classes), {}, 1);
  std::vector<double> before = flat(parameters_by_name(part));
  const std::vector<double> after = flat(trainer.parameters());
  for (std::size_t i = 0; i < before.size(); ++i) before[i] -= after[i];
  return before;
}

}  // namespace

TEST_CASE("a private gradient of everybody, unclipped and silent, is the mean gradient", "[privacy]") {
  const bool deep = GENERATE(false, true);
  Parts parts(kSeed);
  Clusters clusters(3, 6, 1, kSeed);
  const engine::Graph part = deep ? parts.mlp(6, 5, 3) : parts.linear(6, 3);
  const LabelledLatents rows = clusters.draw(4, 0, 3);
  PrivateGradient gradient(part, kNoClip, kSilent / kNoClip);
  const std::vector<double> drawn = flat(gradient.draw(parameters_by_name(part), rows, 1));
  const std::vector<double> plain = mean_gradient(part, rows, 3);
  CHECK(distance(drawn, plain) < 1e-4 * norm(plain));
}

TEST_CASE("each example's gradient is clipped by itself, over all parameters together", "[privacy]") {
  Parts parts(kSeed);
  Clusters clusters(3, 6, 1, kSeed);
  const engine::Graph part = parts.mlp(6, 5, 3);
  const Parameters at = parameters_by_name(part);
  const LabelledLatents rows = clusters.draw(4, 0, 3);
  PrivateGradient whole(part, kNoClip, kSilent / kNoClip), clipped(part, 0.1, kSilent);
  std::vector<double> sum(flat(at).size());
  std::size_t clipped_rows = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t row[] = {i};
    const LabelledLatents one = gather(rows, row);
    const std::vector<double> full = flat(whole.draw(at, one, 1)), cut = flat(clipped.draw(at, one, 1));
    const double factor = std::min(1.0, 0.1 / norm(full));
    clipped_rows += factor < 1;
    CHECK(norm(cut) <= 0.1001);
    for (std::size_t p = 0; p < sum.size(); ++p) {
      CHECK(cut[p] == Approx(full[p] * factor).margin(1e-6));
      sum[p] += cut[p] / double(rows.size());
    }
  }
  CHECK(clipped_rows > 0);
  CHECK(distance(flat(clipped.draw(at, rows, 1)), sum) < 1e-5);
}

TEST_CASE("the noise has deviation σ·C on the sum, on every parameter", "[privacy]") {
  Parts parts(kSeed);
  Clusters clusters(40, 100, 1, kSeed);
  const engine::Graph part = parts.linear(100, 40);
  const Parameters at = parameters_by_name(part);
  const LabelledLatents rows = clusters.draw(1, 0, 40);
  PrivateGradient silent(part, 0.5, kSilent), noisy(part, 0.5, 3);
  const std::vector<double> clean = flat(silent.draw(at, rows, 1));
  const double deviation = distance(flat(noisy.draw(at, rows, 1)), clean) / std::sqrt(double(clean.size()));
  // Of 4040 elements: six standard errors.
  CHECK(deviation == Approx(0.5 * 3 / 40).epsilon(6 / std::sqrt(2.0 * double(clean.size()))));
  CHECK(flat(noisy.draw(at, rows, 1)) != flat(noisy.draw(at, rows, 1)));
}

TEST_CASE("a Poisson sample's gradient is right on average, and draws differ", "[privacy]") {
  Parts parts(kSeed);
  Clusters clusters(2, 3, 1, kSeed);
  const engine::Graph part = parts.linear(3, 2);
  const Parameters at = parameters_by_name(part);
  const LabelledLatents rows = clusters.draw(10, 0, 2);
  PrivateGradient gradient(part, kNoClip, kSilent / kNoClip);
  const std::vector<double> plain = flat(gradient.draw(at, rows, 1));
  constexpr int kDraws = 4000;
  std::vector<double> mean(plain.size());
  double spread = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<double> drawn = flat(gradient.draw(at, rows, 0.3));
    spread += distance(drawn, plain) * distance(drawn, plain) / kDraws;
    for (std::size_t p = 0; p < mean.size(); ++p) mean[p] += drawn[p] / kDraws;
  }
  CHECK(spread > 0);
  CHECK(distance(mean, plain) < 6 * std::sqrt(spread / kDraws));
}

TEST_CASE("an example whose gradient is not finite adds nothing", "[privacy]") {
  Parts parts(kSeed);
  const engine::Graph part = parts.linear(2, 2);
  const float values[] = {1, 2, INFINITY, 1};
  const LabelledLatents rows{Tensor::from<float>(Shape{2, 2}, std::span(values)), {0, 1}};
  const std::size_t first[] = {0};
  PrivateGradient gradient(part, 1, kSilent);
  const Parameters at = parameters_by_name(part);
  std::vector<double> both = flat(gradient.draw(at, rows, 1)),
                      one = flat(gradient.draw(at, gather(rows, first), 1));
  for (double& x : both) x *= 2;
  CHECK(distance(both, one) < 1e-6);
}

TEST_CASE("a trainer adds a gradient from elsewhere to its own", "[privacy]") {
  Parts parts(kSeed);
  Clusters clusters(3, 6, 1, kSeed);
  const engine::Graph part = parts.mlp(6, 5, 3);
  const LabelledLatents rows = clusters.draw(4, 0, 3);
  StepRows step{rows.latents, one_hot(rows.classes, 3), std::vector<float>(rows.size(), 0.1f)};
  step.gradient = parameters_by_name(part);  // whatever it is
  Trainer plain(part, nullptr, {.momentum = 0}), added(part, nullptr, {.momentum = 0, .gradient = true});
  plain.step(step, 0.5f);
  added.step(step, 0.5f);
  std::vector<double> expected = flat(plain.parameters());
  const std::vector<double> more = flat(step.gradient);
  for (std::size_t i = 0; i < more.size(); ++i) expected[i] -= 0.5 * more[i];
  CHECK(distance(flat(added.parameters()), expected) < 1e-5);
}
