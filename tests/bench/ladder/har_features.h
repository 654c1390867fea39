#pragma once

#include <array>
#include <vector>

namespace dormouse::bench {

using Signal = std::vector<double>;
using Axes = std::array<Signal, 3>;

/// 128 samples at 50 Hz of a phone's motion.
struct Motion {
  Axes body;     ///< acceleration without gravity, g
  Axes gravity;  ///< its slow part, g
  Axes gyro;     ///< rad/s
};

inline constexpr std::size_t kMotionFeatures = 154;

/// Statistics after the kinds of UCI-HAR's own feature set (Anguita et al., ESANN 2013), fewer of them: of
/// every axis of body acceleration, rotation and their jerks (8 each), of gravity (5 each axis), of the four
/// magnitudes (6 each), correlations between axes (6), and the energy in bands of the two magnitudes (7 + 6).
/// What is positive by nature is taken as its logarithm, which is nearer to a normal distribution.
std::vector<float> motion_features(const Motion& motion);

/// Third-order Butterworth low-pass, forwards and backwards, so that it delays nothing.
Signal low_pass(const Signal& signal, double cutoff_hz, double rate_hz);

}  // namespace dormouse::bench
