#include "tests/bench/ladder/har_features.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <span>

#include "config/error.h"

namespace dormouse::bench {
namespace {

constexpr std::size_t kWindow = 128;
constexpr double kRate = 50;

double log_of(double positive) { return std::log(positive + 1e-4); }

double mean_of(const Signal& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

Signal centred(Signal x) {
  const double mean = mean_of(x);
  for (double& value : x) value -= mean;
  return x;
}

/// Mean of a(t)·b(t + lag).
double product(const Signal& a, const Signal& b, std::size_t lag = 0) {
  return std::inner_product(a.begin(), a.end() - static_cast<std::ptrdiff_t>(lag),
                            b.begin() + static_cast<std::ptrdiff_t>(lag), 0.0) /
         static_cast<double>(a.size() - lag);
}

double deviation_of(const Signal& x) {
  const Signal centre = centred(x);
  return std::sqrt(product(centre, centre));
}

/// Interpolated between the two nearest order statistics.
double quantile(Signal x, double q) {
  std::ranges::sort(x);
  const double position = q * static_cast<double>(x.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, x.size() - 1);
  return x[below] + (position - static_cast<double>(below)) * (x[above] - x[below]);
}

double spread_between_quartiles(const Signal& x) { return quantile(x, 0.75) - quantile(x, 0.25); }

double deviation_from_median(const Signal& x) {
  const double median = quantile(x, 0.5);
  double sum = 0;
  for (const double value : x) sum += std::abs(value - median);
  return sum / static_cast<double>(x.size());
}

Signal jerk(const Signal& x) {
  Signal result(x.size() - 1);
  for (std::size_t t = 0; t < result.size(); ++t) result[t] = (x[t + 1] - x[t]) * kRate;
  return result;
}

Signal magnitude(const Axes& axes) {
  Signal result(axes[0].size());
  for (std::size_t t = 0; t < result.size(); ++t) result[t] = std::hypot(axes[0][t], axes[1][t], axes[2][t]);
  return result;
}

/// Power at k/128 turns a sample, k = 1 to 64, of a centred signal.
Signal spectrum(const Signal& x) {
  static const auto turns = [] {
    std::array<std::pair<double, double>, kWindow> table;
    for (std::size_t i = 0; i < kWindow; ++i) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(i) / kWindow;
      table[i] = {std::cos(angle), std::sin(angle)};
    }
    return table;
  }();
  const Signal centre = centred(x);
  Signal power(kWindow / 2);
  for (std::size_t k = 1; k <= power.size(); ++k) {
    double real = 0, imaginary = 0;
    for (std::size_t t = 0; t < centre.size(); ++t) {
      const auto& [cosine, sine] = turns[k * t % kWindow];
      real += centre[t] * cosine;
      imaginary += centre[t] * sine;
    }
    power[k - 1] = real * real + imaginary * imaginary;
  }
  return power;
}

double sum_of(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

double entropy(const Signal& power) {
  const double total = sum_of(power) + 1e-12;
  double result = 0;
  for (const double p : power) result -= p / total * std::log(p / total + 1e-12);
  return result;
}

double mean_frequency(const Signal& power) {
  double weighted = 0;
  for (std::size_t k = 0; k < power.size(); ++k) weighted += power[k] * static_cast<double>(k + 1);
  return weighted / (sum_of(power) + 1e-12);
}

/// Appends features in order.
class Features {
 public:
  void add(double value) { values_.push_back(static_cast<float>(value)); }

  void add_axis(const Signal& x) {
    const Signal power = spectrum(x), centre = centred(x);
    const double deviation = deviation_of(x);
    add(log_of(deviation));
    add(log_of(deviation_from_median(x)));
    add(std::ranges::min(x));
    add(std::ranges::max(x));
    add(log_of(spread_between_quartiles(x)));
    add(entropy(power));
    add(mean_frequency(power));
    add(product(centre, centre, 1) / (deviation * deviation + 1e-8));
  }

  void add_gravity(const Axes& gravity) {
    const double norm = std::hypot(mean_of(gravity[0]), mean_of(gravity[1]), mean_of(gravity[2]));
    for (const Signal& x : gravity) {
      add(mean_of(x));
      add(std::ranges::min(x));
      add(std::ranges::max(x));
      add(log_of(deviation_of(x)));
      add(mean_of(x) / norm);
    }
  }

  void add_magnitude(const Signal& x) {
    const Signal power = spectrum(x);
    add(mean_of(x));
    add(log_of(deviation_of(x)));
    add(std::ranges::max(x));
    add(log_of(spread_between_quartiles(x)));
    add(entropy(power));
    add(mean_frequency(power));
  }

  void add_correlations(const Axes& axes) {
    for (const auto& [a, b] : {std::pair{0, 1}, std::pair{0, 2}, std::pair{1, 2}})
      add(product(centred(axes[a]), centred(axes[b])) /
          ((deviation_of(axes[a]) + 1e-6) * (deviation_of(axes[b]) + 1e-6)));
  }

  /// Bands end before the harmonics `ends`, of 0.39 Hz each.
  void add_bands(const Signal& x, std::initializer_list<std::size_t> ends) {
    const Signal power = spectrum(x);
    std::size_t first = 0;
    for (const std::size_t end : ends) {
      add(log_of(sum_of(std::span(power).subspan(first, end - first))));
      first = end;
    }
  }

  std::vector<float> take() { return std::move(values_); }

 private:
  std::vector<float> values_;
};

Axes jerk(const Axes& axes) { return {jerk(axes[0]), jerk(axes[1]), jerk(axes[2])}; }

/// One direction of low_pass(): a first-order section and a second-order one with Q = 1, by the bilinear
/// transform.
Signal filter(const Signal& x, double k) {
  const double b = k / (1 + k), a = (k - 1) / (k + 1);
  const double n = 1 / (1 + k + k * k), b0 = k * k * n, a1 = 2 * (k * k - 1) * n, a2 = (1 - k + k * k) * n;
  Signal y(x.size());
  double x1 = x[0], u = x[0], u1 = x[0], u2 = x[0], y1 = x[0], y2 = x[0];
  for (std::size_t t = 0; t < x.size(); ++t) {
    u = b * (x[t] + x1) - a * u;
    y[t] = b0 * (u + 2 * u1 + u2) - a1 * y1 - a2 * y2;
    x1 = x[t];
    u2 = std::exchange(u1, u);
    y2 = std::exchange(y1, y[t]);
  }
  return y;
}

}  // namespace

Signal low_pass(const Signal& signal, double cutoff_hz, double rate_hz) {
  const double k = std::tan(std::numbers::pi * cutoff_hz / rate_hz);
  Signal result = filter(signal, k);
  std::ranges::reverse(result);
  result = filter(result, k);
  std::ranges::reverse(result);
  return result;
}

std::vector<float> motion_features(const Motion& motion) {
  const Axes body_jerk = jerk(motion.body), gyro_jerk = jerk(motion.gyro);
  Features features;
  for (const Axes* axes : {&motion.body, &motion.gyro, &body_jerk, &gyro_jerk})
    for (const Signal& axis : *axes) features.add_axis(axis);
  features.add_gravity(motion.gravity);
  const Signal body = magnitude(motion.body), gyro = magnitude(motion.gyro);
  for (const Signal& x : {body, gyro, magnitude(body_jerk), magnitude(gyro_jerk)}) features.add_magnitude(x);
  features.add_correlations(motion.body);
  features.add_correlations(motion.gyro);
  features.add_bands(body, {2, 4, 6, 9, 13, 20, 64});
  features.add_bands(gyro, {2, 4, 7, 12, 20, 64});
  std::vector<float> result = features.take();
  ensure(result.size() == kMotionFeatures, "all features are there");
  return result;
}

}  // namespace dormouse::bench
