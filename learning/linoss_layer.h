#pragma once

#include <cstdint>

#include "engine/value.h"

namespace dormouse::learning {

/// How the oscillators y'' = −A·y − G·y' + B·u of a LinOSS layer become steps of size h. With z = y' each is
///
///   z_t = S·(z_{t−1} + h·(β_t − A·y_{t−1})),  y_t = y_{t−1} + h·z_t,  β = B·u,
///
/// and they differ in S alone.
enum class Discretisation : std::uint8_t {
  im,      ///< LinOSS-IM, implicit: S = 1/(1 + h²A); forgets, the faster the stiffer. G is 0
  imex,    ///< LinOSS-IMEX, symplectic: S = 1; never forgets. G is 0
  damped,  ///< D-LinOSS, implicit damping: S = 1/(1 + hG); forgets as it learns to
};

/// What A and G are held above, so that no oscillator integrates for ever.
struct OscillatorLimits {
  double stiffness = 1e-4;
  double damping = 1e-4;  ///< of damped ones: memory fades within about 2/(h·G) samples
};

/// The raw parameters of m oscillators, each [m].
struct OscillatorParameters {
  engine::Value stiffness;  ///< a
  engine::Value damping;    ///< g; damped only
  engine::Value step;       ///< s: h = σ(s)
};

/// w_t = matrices·w_{t−1} + gains·β_t on w = (z, y), for 2m channels: the real and the imaginary part of a
/// drive share an oscillator.
struct Recurrence {
  engine::Value matrices;  ///< [2, 2, 2m]
  engine::Value gains;     ///< [2, 2m]
};

/// The step of each oscillator, held in its stable range whatever the raw parameters say:
///
/// - im: A ≥ limit;
/// - imex: limit ≤ A < 4/h², beyond which it would grow without bound;
/// - damped: G ≥ limit, and A between limit, (r − 1)²/h² and (r + 1)²/h² with r = √(1 + hG), where the
///   eigenvalues are complex and of modulus 1/√(1 + hG).
///
/// A clamped A passes its gradient to the bound (to G and h).
Recurrence discretise(Discretisation kind, const OscillatorParameters& raw, const OscillatorLimits& limits);

/// A layer of m oscillators from p inputs to q outputs: o = Re(C·y) + D·u in real arithmetic.
struct LinossParameters {
  OscillatorParameters oscillators;
  engine::Value input;        ///< [p, 2m]: Re B, then Im B, transposed
  engine::Value output;       ///< [2m, q]: Re C, then −Im C, transposed
  engine::Value feedthrough;  ///< D: [p, q], or [q] where it is diagonal
};

/// A layer's answer to a sequence, and what it takes to go on.
struct LinossOutput {
  engine::Value output;  ///< [N, T, q]
  engine::Value states;  ///< [N, T, 2, 2m]: after each step
  engine::Value last;    ///< [N, 2, 2m]: after the last one
  Recurrence recurrence;
  engine::Value drive;  ///< β = B·u [N, T, 2m]
};

/// `input` is [N, T, p]; `state` [N, 2, 2m] as `last` gave it, or absent: at rest.
LinossOutput linoss_layer(Discretisation kind, const LinossParameters& parameters,
                          const OscillatorLimits& limits, engine::Value input, engine::Value state);

}  // namespace dormouse::learning
