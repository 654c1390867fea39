#include "learning/slda.h"

#include <numeric>

#include "learning/calibration.h"
#include "tests/learning/clusters.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::size_t kWidth = 5, kClasses = 3;
constexpr std::uint64_t kSeed = 9;

SldaHead fresh() { return {kWidth, Statistics(kClasses, ClassStatistics(kWidth)), {}}; }

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

/// log-likelihood of x under class c, up to what all classes share, by definition: covariance first, an
/// inverse by elimination after.
class Batch {
 public:
  explicit Batch(const LabelledLatents& data) : mean_(kClasses, std::vector<double>(kWidth)) {
    std::vector<double> count(kClasses);
    for (std::size_t r = 0; r < data.size(); ++r) {
      ++count[data.classes[r]];
      for (std::size_t i = 0; i < kWidth; ++i) mean_[data.classes[r]][i] += double{data.row(r)[i]};
    }
    for (std::size_t c = 0; c < kClasses; ++c)
      for (double& x : mean_[c]) x /= count[c];
    std::vector<std::vector<double>> system(kWidth, std::vector<double>(2 * kWidth));
    for (std::size_t i = 0; i < kWidth; ++i) system[i][i] = 1e-4, system[i][kWidth + i] = 1;
    for (std::size_t r = 0; r < data.size(); ++r)
      for (std::size_t i = 0; i < kWidth; ++i)
        for (std::size_t j = 0; j < kWidth; ++j)
          system[i][j] += (1 - 1e-4) / double(data.size()) *
                          (double{data.row(r)[i]} - mean_[data.classes[r]][i]) *
                          (double{data.row(r)[j]} - mean_[data.classes[r]][j]);
    for (std::size_t p = 0; p < kWidth; ++p)
      for (std::size_t i = 0; i < kWidth; ++i) {
        if (i == p) continue;
        const double factor = system[i][p] / system[p][p];
        for (std::size_t j = 0; j < 2 * kWidth; ++j) system[i][j] -= factor * system[p][j];
      }
    for (std::size_t i = 0; i < kWidth; ++i)
      for (std::size_t j = 0; j < kWidth; ++j) precision_.push_back(system[i][kWidth + j] / system[i][i]);
  }

  double logit(std::span<const float> x, std::size_t c) const {
    double sum = 0;
    for (std::size_t i = 0; i < kWidth; ++i)
      for (std::size_t j = 0; j < kWidth; ++j)
        sum += mean_[c][i] * precision_[i * kWidth + j] * (double{x[j]} - 0.5 * mean_[c][j]);
    return sum;
  }

 private:
  std::vector<std::vector<double>> mean_;
  std::vector<double> precision_;
};

}  // namespace

TEST_CASE("streaming discriminant analysis is that of the batch, in any order", "[slda]") {
  INFO("seed " << kSeed);
  Clusters clusters(kClasses, kWidth, 1.0, kSeed);
  const LabelledLatents data = clusters.draw(30, 0, kClasses), test = clusters.draw(5, 0, kClasses);
  std::vector<std::size_t> order(data.size());
  std::iota(order.begin(), order.end(), 0);
  Random random(kSeed);
  random.shuffle(order);
  SldaHead streamed = fresh(), shuffled = fresh();
  for (std::size_t i = 0; i < data.size(); ++i) {
    streamed.observe(data.row(i), data.classes[i]);
    shuffled.observe(data.row(order[i]), data.classes[order[i]]);
  }
  const SldaHead seeded(kWidth, statistics_of(data, kClasses), {});
  CHECK(largest_difference(streamed.weights(), shuffled.weights()) < 1e-9);
  CHECK(largest_difference(streamed.weights(), seeded.weights()) < 1e-9);

  const Batch batch(data);
  const Tensor logits = logits_of(streamed.head(), test.latents);
  for (std::size_t r = 0; r < test.size(); ++r)
    for (std::size_t c = 0; c < kClasses; ++c)
      CHECK(double{logits.values<float>()[r * kClasses + c]} ==
            Approx(batch.logit(test.row(r), c)).epsilon(1e-4).margin(1e-3));
}

TEST_CASE("discriminant analysis unlearns exactly, and a class without examples never wins", "[slda]") {
  INFO("seed " << kSeed);
  Clusters clusters(kClasses, kWidth, 1.0, kSeed);
  SldaHead head(kWidth, statistics_of(clusters.draw(20, 0, 2), kClasses), {});
  const std::vector<double> before = head.weights();
  const LabelledLatents odd = clusters.draw(1, 2, 3), more = clusters.draw(40, 0, 2);
  head.observe(odd.row(0), 2);
  head.observe(more.row(0), 1);
  CHECK(largest_difference(head.weights(), before) > 1e-3);
  head.unlearn(odd.row(0), 2);
  head.unlearn(more.row(0), 1);
  CHECK(largest_difference(head.weights(), before) < 1e-9);
  for (const ClassIndex named : predictions(logits_of(head.head(), more.latents))) CHECK(named < 2);
  CHECK_THROWS_AS(head.unlearn(odd.row(0), 2), Failure);
  head.grow(5);
  CHECK(head.head().classes() == 5);
}
