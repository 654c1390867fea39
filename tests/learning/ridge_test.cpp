#include "learning/ridge.h"

#include <numeric>

#include "learning/calibration.h"
#include "learning/lift.h"
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

/// [a | b] solved by plain elimination, b having `columns`.
std::vector<double> eliminate(std::vector<std::vector<double>> system, std::size_t columns) {
  const std::size_t n = system.size();
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t i = 0; i < n; ++i) {
      if (i == p) continue;
      const double factor = system[i][p] / system[p][p];
      for (std::size_t j = p; j < n + columns; ++j) system[i][j] -= factor * system[p][j];
    }
  std::vector<double> solution;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < columns; ++c) solution.push_back(system[i][n + c] / system[i][i]);
  return solution;
}

/// What an example of a class of `count` weighs in the scatter.
double weight_of(double count, bool balanced) {
  if (!balanced) return 1;
  double shares = 8;
  while (shares < count) shares *= 2;
  return 1 / shares;
}

/// λ as the seed fixes it.
double penalty_of(const LabelledLatents& seed, const RidgeHead::Options& options) {
  const Statistics by_class = statistics_of(seed, std::ranges::max(seed.classes) + 1);
  double trace = 0;
  for (std::size_t r = 0; r < seed.size(); ++r) {
    const ClassStatistics& s = by_class[seed.classes[r]];
    for (std::size_t i = 0; i < seed.width(); ++i)
      trace +=
          weight_of(s.count, options.balanced) * std::pow(double{seed.row(r)[i]} - s.sum[i] / s.count, 2);
  }
  return options.ridge * trace / double(seed.width());
}

/// Ridge regression by its normal equations.
std::vector<double> plain_solution(const LabelledLatents& all, double penalty) {
  const std::size_t n = all.width() + 1, classes = std::ranges::max(all.classes) + 1;
  std::vector<std::vector<double>> system(n, std::vector<double>(n + classes));
  for (std::size_t i = 0; i < n; ++i) system[i][i] = penalty;
  for (std::size_t r = 0; r < all.size(); ++r) {
    std::vector<double> x(all.row(r).begin(), all.row(r).end());
    x.push_back(1);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) system[i][j] += x[i] * x[j];
      system[i][n + all.classes[r]] += x[i];
    }
  }
  return eliminate(std::move(system), classes);
}

/// By the definition in the header: a class is its mean, and its examples' weighed distances from that.
std::vector<double> balanced_solution(const LabelledLatents& all, double penalty) {
  const std::size_t n = all.width() + 1, classes = std::ranges::max(all.classes) + 1;
  const Statistics by_class = statistics_of(all, classes);
  std::vector<std::vector<double>> system(n, std::vector<double>(n + classes)), means;
  for (std::size_t i = 0; i < n; ++i) system[i][i] = penalty;
  for (std::size_t c = 0; c < classes; ++c) {
    std::vector<double> mean = by_class[c].sum;
    for (double& x : mean) x /= by_class[c].count;
    mean.push_back(1);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) system[i][j] += mean[i] * mean[j];
      system[i][n + c] += mean[i];
    }
    means.push_back(std::move(mean));
  }
  for (std::size_t r = 0; r < all.size(); ++r) {
    const std::size_t c = all.classes[r];
    const auto away = [&](std::size_t i) { return double{all.row(r)[i]} - means[c][i]; };
    for (std::size_t i = 0; i + 1 < n; ++i)
      for (std::size_t j = 0; j + 1 < n; ++j)
        system[i][j] += weight_of(by_class[c].count, true) * away(i) * away(j);
  }
  return eliminate(std::move(system), classes);
}

/// Linear discriminants by their definition: covariance, means, and what a mean of n examples is off by.
std::vector<double> discriminant_solution(const LabelledLatents& all, const RidgeHead::Options& options,
                                          double penalty) {
  const std::size_t n = all.width(), classes = std::ranges::max(all.classes) + 1;
  const Statistics by_class = statistics_of(all, classes);
  const auto mean = [&](std::size_t c, std::size_t i) { return by_class[c].sum[i] / by_class[c].count; };
  double total = 0;
  for (const ClassStatistics& s : by_class) total += s.count * weight_of(s.count, options.balanced);
  std::vector<std::vector<double>> covariance(n, std::vector<double>(n)), system;
  for (std::size_t r = 0; r < all.size(); ++r) {
    const std::size_t c = all.classes[r];
    const double weight = weight_of(by_class[c].count, options.balanced) / total;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        covariance[i][j] +=
            weight * (double{all.row(r)[i]} - mean(c, i)) * (double{all.row(r)[j]} - mean(c, j));
  }
  for (std::size_t i = 0; i < n; ++i) {  // beside it the covariance itself, and the means
    system.push_back(covariance[i]);
    system[i][i] += penalty / total;
    system[i].insert(system[i].end(), covariance[i].begin(), covariance[i].end());
    for (std::size_t c = 0; c < classes; ++c) system[i].push_back(mean(c, i));
  }
  const std::vector<double> solved = eliminate(std::move(system), n + classes);
  const auto at = [&](std::size_t i, std::size_t column) { return solved[i * (n + classes) + column]; };
  double trace = 0;
  for (std::size_t i = 0; i < n; ++i) trace += at(i, i);
  std::vector<double> weights((n + 1) * classes);
  for (std::size_t c = 0; c < classes; ++c) {
    double norm = 0;
    for (std::size_t i = 0; i < n; ++i) {
      weights[i * classes + c] = at(i, n + c);
      norm += mean(c, i) * at(i, n + c);
    }
    weights[n * classes + c] = -(norm - trace / by_class[c].count) / 2;
  }
  for (std::size_t i = 0; i <= n; ++i) {
    const auto row = std::span(weights).subspan(i * classes, classes);
    const double middle = std::accumulate(row.begin(), row.end(), 0.0) / double(classes);
    for (double& w : row) w -= middle;
  }
  return weights;
}

std::vector<double> batch_solution(const LabelledLatents& seed, const LabelledLatents& all,
                                   const RidgeHead::Options& options) {
  const double penalty = penalty_of(seed, options);
  if (options.rule == RidgeHead::Rule::discriminants) return discriminant_solution(all, options, penalty);
  return options.balanced ? balanced_solution(all, penalty) : plain_solution(all, penalty);
}

const RidgeHead::Options kWays[] = {
    {.balanced = false}, {}, RidgeHead::Options::discriminants()};  ///< how a head may read its sums

void observe_all(RidgeHead& head, const LabelledLatents& data) {
  for (std::size_t i = 0; i < data.size(); ++i) head.observe(data.row(i), data.classes[i]);
}

}  // namespace

TEST_CASE("ridge taught one by one equals the batch solution", "[ridge]") {
  const std::size_t way = GENERATE(0u, 1u, 2u);
  INFO("way " << way << ", seed " << kSeed);
  Clusters clusters(6, kWidth, 1.0, kSeed);
  const LabelledLatents seed = clusters.draw(40, 0, 4);
  const LabelledLatents taught = clusters.draw(7, 4, 6);

  RidgeHead online(kWidth, statistics_of(seed, 4), kWays[way]);
  online.grow(6);
  observe_all(online, taught);

  CHECK(largest_difference(online.weights(), batch_solution(seed, concatenate(seed, taught), kWays[way])) <
        1e-9);
}

TEST_CASE("ridge stays exact over many labels, taken back or not", "[ridge]") {
  INFO("seed " << kSeed);
  Clusters clusters(4, kWidth, 1.0, kSeed);
  const LabelledLatents seed = clusters.draw(20, 0, 4), taught = clusters.draw(1500, 0, 4),
                        wrong = clusters.draw(300, 0, 4);
  RidgeHead head(kWidth, statistics_of(seed, 4), {});
  observe_all(head, wrong);
  observe_all(head, taught);
  for (std::size_t i = 0; i < wrong.size(); ++i) head.unlearn(wrong.row(i), wrong.classes[i]);
  CHECK(largest_difference(head.weights(), batch_solution(seed, concatenate(seed, taught), {})) < 1e-9);
}

TEST_CASE("statistics absorbed are examples observed", "[ridge]") {
  const std::size_t way = GENERATE(0u, 1u, 2u);
  INFO("way " << way << ", seed " << kSeed);
  Clusters clusters(5, kWidth, 1.0, kSeed);
  const Statistics seed = statistics_of(clusters.draw(30, 0, 3), 3);
  const LabelledLatents taught = clusters.draw(12, 2, 4);
  RidgeHead observed(kWidth, seed, kWays[way]), absorbed(kWidth, seed, kWays[way]);
  observed.grow(5), absorbed.grow(5);
  observe_all(observed, taught);
  absorbed.absorb(statistics_of(taught, 5));
  CHECK(largest_difference(observed.weights(), absorbed.weights()) < 1e-9);
}

TEST_CASE("a lifted head is the ridge of its random features", "[ridge][lift]") {
  INFO("seed " << kSeed);
  Clusters clusters(4, 6, 1.0, kSeed);
  const LabelledLatents seed = clusters.draw(30, 0, 4), taught = clusters.draw(9, 0, 4);
  const auto lift = random_lift(scale_of(statistics_of(seed, 4), 6), 40, kSeed);
  CHECK(std::ranges::equal(lift->values<float>(),
                           random_lift(scale_of(statistics_of(seed, 4), 6), 40, kSeed)->values<float>()));
  const LabelledLatents high = lifted(*lift, seed);
  RidgeHead head(6, statistics_of(high, 4), {}, lift), plain(40, statistics_of(high, 4), {});
  observe_all(head, taught);
  observe_all(plain, lifted(*lift, taught));
  CHECK(head.weights() == plain.weights());
  CHECK(head.latent_size() == 6);
  const Tensor direct = logits_of(head.head(), taught.latents),
               by_features = logits_of(plain.head(), lifted(*lift, taught).latents);
  CHECK(std::ranges::equal(direct.values<float>(), by_features.values<float>()));
}

TEST_CASE("a lift solves what no linear head can", "[ridge][lift]") {
  INFO("seed " << kSeed);
  Random random(kSeed);
  LabelledLatents data{Tensor(engine::DType::f32, Shape{400, 2}), {}};
  for (std::size_t i = 0; i < 400; ++i) {  // exclusive or
    const double x = random.normal(), y = random.normal();
    data.latents.mutable_values<float>()[2 * i] = static_cast<float>(x);
    data.latents.mutable_values<float>()[2 * i + 1] = static_cast<float>(y);
    data.classes.push_back(x * y > 0);
  }
  const auto right = [&](std::shared_ptr<const Tensor> lift) {
    RidgeHead head(2, Statistics(2, ClassStatistics(lift ? 64 : 2)), {.penalty = 0.1}, lift);
    observe_all(head, data);
    return accuracy(predictions(logits_of(head.head(), data.latents)), data.classes, 0, 2);
  };
  CHECK(right(nullptr) < 0.65);
  CHECK(right(random_lift({{0, 0}, {1, 1}}, 64, kSeed)) > 0.93);
}

TEST_CASE("ridge rebuilt from the same statistics and labels is bit-identical", "[ridge]") {
  const std::size_t way = GENERATE(0u, 1u, 2u);
  Clusters clusters(4, kWidth, 1.0, kSeed);
  const Statistics seed = statistics_of(clusters.draw(30, 0, 3), 3);
  const LabelledLatents taught = clusters.draw(9, 3, 4);
  const auto build = [&] {
    RidgeHead head(kWidth, seed, kWays[way]);
    head.grow(4);
    observe_all(head, taught);
    return head.weights();
  };
  CHECK(build() == build());
}

TEST_CASE("the order of labels does not matter to ridge", "[ridge]") {
  const std::size_t way = GENERATE(0u, 1u, 2u);
  INFO("way " << way << ", seed " << kSeed);
  Clusters clusters(5, kWidth, 1.0, kSeed);
  const Statistics seed = statistics_of(clusters.draw(30, 0, 4), 4);
  const LabelledLatents taught = clusters.draw(20, 2, 5);
  std::vector<std::size_t> order(taught.size());
  std::iota(order.begin(), order.end(), 0);
  Random random(kSeed);
  random.shuffle(order);

  RidgeHead one(kWidth, seed, kWays[way]), other(kWidth, seed, kWays[way]);
  one.grow(5), other.grow(5);
  observe_all(one, taught);
  observe_all(other, gather(taught, order));
  CHECK(largest_difference(one.weights(), other.weights()) < 1e-9);
}

TEST_CASE("an unlearnt label leaves no trace in ridge", "[ridge]") {
  const std::size_t way = GENERATE(0u, 1u, 2u);
  Clusters clusters(4, kWidth, 1.0, kSeed);
  RidgeHead head(kWidth, statistics_of(clusters.draw(30, 0, 4), 4), kWays[way]);
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
  const auto measure = [&](bool balanced, std::size_t first, std::size_t last) {
    RidgeHead head(32, seed, {.balanced = balanced});
    head.grow(10);
    observe_all(head, taught);
    return accuracy(predictions(logits_of(head.head(), test.latents)), test.classes, first, last);
  };
  CAPTURE(measure(false, 8, 10), measure(true, 8, 10), measure(false, 0, 8), measure(true, 0, 8));
  CHECK(measure(true, 8, 10) > 0.85);
  CHECK(measure(true, 8, 10) > measure(false, 8, 10) + 0.1);
  CHECK(measure(true, 0, 8) > measure(false, 0, 8) - 0.05);
}

TEST_CASE("discriminants know a class that lies between two others, and regression does not", "[ridge]") {
  INFO("seed " << kSeed);
  Random random(kSeed);
  LabelledRows rows(1);
  for (int i = 0; i < 60; ++i)
    for (const ClassIndex c : {0, 1, 2})
      rows.add(std::vector<float>{static_cast<float>(4 * double(c) + random.normal())}, c);
  const LabelledLatents data = rows.take();
  const auto between = [&](const RidgeHead::Options& options) {
    const RidgeHead head(1, statistics_of(data, 3), options);
    return accuracy(predictions(logits_of(head.head(), data.latents)), data.classes, 1, 2);
  };
  CHECK(between(RidgeHead::Options::discriminants()) > 0.9);
  CHECK(between({}) < 0.3);
}

TEST_CASE("a discriminant of two examples is not held against its class", "[ridge]") {
  INFO("seed " << kSeed);
  Clusters clusters(10, 32, 0.8, kSeed);
  RidgeHead head(32, statistics_of(clusters.draw(300, 0, 8), 8), RidgeHead::Options::discriminants());
  head.grow(11);
  observe_all(head, clusters.draw(2, 8, 10));
  const LabelledLatents test = clusters.draw(200, 0, 10);
  const auto named = predictions(logits_of(head.head(), test.latents));
  CAPTURE(accuracy(named, test.classes, 8, 10), accuracy(named, test.classes, 0, 8));
  CHECK(accuracy(named, test.classes, 8, 10) > 0.6);
  CHECK(accuracy(named, test.classes, 0, 8) > 0.8);
  CHECK(std::ranges::count(named, ClassIndex{10}) == 0);  // of which there is none
}

TEST_CASE("ridge refuses what cannot be an example", "[ridge]") {
  RidgeHead head(2, Statistics(1, ClassStatistics(2)), {});
  CHECK_THROWS_AS(head.observe(std::vector<float>{1.0f}, 0), Failure);
  CHECK_THROWS_AS(head.observe(std::vector<float>{1.0f, 2.0f}, 1), Failure);
  CHECK_THROWS_AS(head.observe(std::vector<float>{1.0f, std::nanf("")}, 0), Failure);
  CHECK_THROWS_AS(head.unlearn(std::vector<float>{1.0f, 2.0f}, 0), Failure);
}
