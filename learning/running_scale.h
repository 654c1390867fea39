#pragma once

#include <algorithm>
#include <cmath>

namespace dormouse::learning {

/// The usual size of the numbers of a stream: a root mean square, of all at first and of about the last
/// `horizon` later. Numbers many times as large count as if they were less, so that it is moved by what
/// stays and not by what is rare.
struct RunningScale {
  static constexpr double kMost = 6;    ///< times the scale that a number counts as at most
  static constexpr double kFirst = 32;  ///< numbers that count as they are

  double square = 0;  ///< mean
  double count = 0;

  double value() const { return std::sqrt(square); }
  /// `least`: what the scale counts as at least.
  void add(double number, double horizon, double least) {
    count = std::min(count + 1, horizon);
    double size = std::min(std::abs(number), 1e100);
    if (count > kFirst) size = std::min(size, kMost * std::max(value(), least));
    square += (size * size - square) / count;
  }
};

}  // namespace dormouse::learning
