#include "tests/bench/nab/baselines.h"

#include <cmath>
#include <cstddef>
#include <deque>
#include <numeric>
#include <optional>

#include "learning/random.h"

namespace dormouse::bench::nab {
namespace {

constexpr std::size_t kWindow = 6400;
constexpr std::size_t kStep = 100;

struct Gaussian {
  double mean;
  double deviation;
};

Gaussian fit(const std::deque<double>& values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double deviation = std::sqrt(squares / count);
  return {mean, deviation == 0 ? 1e-6 : deviation};
}

/// NAB's figures come from Python 2, whose text of a score has twelve digits: far in the tail scores are
/// equal.
double as_published(double score) { return std::round(score * 1e12) / 1e12; }

}  // namespace

std::vector<double> null_scores(const Series& series) { return std::vector<double>(series.rows.size(), 0.5); }

std::vector<double> random_scores(const Series& series, std::uint64_t seed) {
  learning::Random random(seed);
  std::vector<double> scores(series.rows.size());
  for (double& score : scores) score = random.uniform();
  return scores;
}

std::vector<double> windowed_gaussian_scores(const Series& series) {
  std::deque<double> window;
  std::optional<Gaussian> gaussian;
  std::vector<double> scores;
  for (const Row& row : series.rows) {
    scores.push_back(gaussian ? as_published(1 - 0.5 * std::erfc(std::abs(row.value - gaussian->mean) /
                                                                 gaussian->deviation / std::sqrt(2)))
                              : 0);
    window.push_back(row.value);
    if (window.size() == kWindow + kStep) window.erase(window.begin(), window.begin() + kStep);
    if (window.size() <= kWindow) gaussian = fit(window);
  }
  return scores;
}

}  // namespace dormouse::bench::nab
