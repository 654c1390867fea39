#include "learning/ridge.h"

#include <numeric>

#include "learning/calibration.h"
#include "tests/learning/clusters.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::size_t kWidth = 12;
constexpr std::uint64_t kSeed = 20240601;

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

void observe_all(RidgeHead& head, const LabelledLatents& data) {
  for (std::size_t i = 0; i < data.size(); ++i) head.observe(data.row(i), data.classes[i]);
}

}  // namespace

TEST_CASE("ridge taught one by one equals the batch solution", "[ridge]") {
  const double balance = GENERATE(0.0, 0.5, 1.0);
  INFO("balance " << balance << ", seed " << kSeed);
  Clusters clusters(6, kWidth, 1.0, kSeed);
  const LabelledLatents seed = clusters.draw(40, 0, 4);
  const LabelledLatents taught = clusters.draw(7, 4, 6);

  RidgeHead online(kWidth, statistics_of(seed, 4), {.balance = balance});
  online.grow(6);
  observe_all(online, taught);

  // The batch solution, by the normal equations solved with plain elimination; the penalty is the one fixed
  // by the seed in plain mode, and by all statistics in balanced mode.
  const LabelledLatents all = concatenate(seed, taught);
  const Statistics by_class = statistics_of(all, 6);
  const std::size_t n = kWidth + 1;
  std::vector<std::vector<double>> system(n, std::vector<double>(n + 6));
  double trace = 0;
  for (std::size_t r = 0; r < all.size(); ++r) {
    const ClassIndex c = all.classes[r];
    const double weight = std::pow(by_class[c].count, -balance);
    std::vector<double> x(all.row(r).begin(), all.row(r).end());
    if (balance != 0 || r < seed.size())
      trace += weight * std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
    x.push_back(1);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) system[i][j] += weight * x[i] * x[j];
      system[i][n + c] += weight * x[i];
    }
  }
  for (std::size_t i = 0; i < n; ++i) system[i][i] += RidgeHead::Options{}.ridge * trace / kWidth;
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t i = 0; i < n; ++i) {
      if (i == p) continue;
      const double factor = system[i][p] / system[p][p];
      for (std::size_t j = p; j < n + 6; ++j) system[i][j] -= factor * system[p][j];
    }
  std::vector<double> batch;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < 6; ++c) batch.push_back(system[i][n + c] / system[i][i]);

  CHECK(largest_difference(online.weights(), batch) < 1e-9);
}

TEST_CASE("ridge rebuilt from the same statistics and labels is bit-identical", "[ridge]") {
  const double balance = GENERATE(0.0, 0.5, 1.0);
  Clusters clusters(4, kWidth, 1.0, kSeed);
  const Statistics seed = statistics_of(clusters.draw(30, 0, 3), 3);
  const LabelledLatents taught = clusters.draw(9, 3, 4);
  const auto build = [&] {
    RidgeHead head(kWidth, seed, {.balance = balance});
    head.grow(4);
    observe_all(head, taught);
    return head.weights();
  };
  CHECK(build() == build());
}

TEST_CASE("the order of labels does not matter to ridge", "[ridge]") {
  const double balance = GENERATE(0.0, 0.5, 1.0);
  INFO("balance " << balance << ", seed " << kSeed);
  Clusters clusters(5, kWidth, 1.0, kSeed);
  const Statistics seed = statistics_of(clusters.draw(30, 0, 4), 4);
  const LabelledLatents taught = clusters.draw(20, 2, 5);
  std::vector<std::size_t> order(taught.size());
  std::iota(order.begin(), order.end(), 0);
  Random random(kSeed);
  random.shuffle(order);

  RidgeHead one(kWidth, seed, {.balance = balance}), other(kWidth, seed, {.balance = balance});
  one.grow(5), other.grow(5);
  observe_all(one, taught);
  observe_all(other, gather(taught, order));
  CHECK(largest_difference(one.weights(), other.weights()) < 1e-9);
}

TEST_CASE("an unlearnt label leaves no trace in ridge", "[ridge]") {
  const double balance = GENERATE(0.0, 0.5, 1.0);
  Clusters clusters(4, kWidth, 1.0, kSeed);
  RidgeHead head(kWidth, statistics_of(clusters.draw(30, 0, 4), 4), {.balance = balance});
  const LabelledLatents wrong = clusters.draw(1, 0, 1);
  const std::vector<double> before = head.weights();
  head.observe(wrong.row(0), 3);
  CHECK(largest_difference(head.weights(), before) > 1e-6);
  head.unlearn(wrong.row(0), 3);
  CHECK(largest_difference(head.weights(), before) < 1e-9);
}

TEST_CASE("ten examples of a new class are enough when classes weigh alike", "[ridge]") {
  INFO("seed " << kSeed);
  Clusters clusters(10, 32, 0.8, kSeed);
  const Statistics seed = statistics_of(clusters.draw(200, 0, 8), 8);
  const LabelledLatents taught = clusters.draw(10, 8, 10);
  const LabelledLatents test = clusters.draw(100, 0, 10);
  const auto measure = [&](double balance, std::size_t first, std::size_t last) {
    RidgeHead head(32, seed, {.balance = balance});
    head.grow(10);
    observe_all(head, taught);
    return accuracy(predictions(logits_of(head.head(), test.latents)), test.classes, first, last);
  };
  CAPTURE(measure(0, 8, 10), measure(1, 8, 10), measure(0, 0, 8), measure(1, 0, 8));
  CHECK(measure(1, 8, 10) > 0.85);
  CHECK(measure(1, 8, 10) > measure(0, 8, 10) + 0.1);
  CHECK(measure(1, 0, 8) > measure(0, 0, 8) - 0.05);
}

TEST_CASE("ridge refuses what cannot be an example", "[ridge]") {
  RidgeHead head(2, Statistics(1, ClassStatistics(2)), {});
  CHECK_THROWS_AS(head.observe(std::vector<float>{1.0f}, 0), Failure);
  CHECK_THROWS_AS(head.observe(std::vector<float>{1.0f, 2.0f}, 1), Failure);
  CHECK_THROWS_AS(head.observe(std::vector<float>{1.0f, std::nanf("")}, 0), Failure);
  CHECK_THROWS_AS(head.unlearn(std::vector<float>{1.0f, 2.0f}, 0), Failure);
}
