#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace dormouse::bench {

/// Durations of repeated work, in microseconds.
class Samples {
 public:
  /// Times one call of `work`.
  template <class Work>
  void time(Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    add(std::chrono::steady_clock::now() - start);
  }
  void add(std::chrono::nanoseconds duration) {
    values_.push_back(std::chrono::duration<double, std::micro>(duration).count());
  }
  /// Sample number ⌊q · n⌋ of the sorted ones. There must be some.
  double quantile(double q) const;
  double median() const { return quantile(0.5); }
  /// "123.4 µs (p5 120.1, p95 140.0)"
  std::string text() const;

 private:
  std::vector<double> values_;
};

}  // namespace dormouse::bench
