#pragma once

#include "learning/linoss_layer.h"

/// The exact gradient of a LinOSS layer without its past (real-time recurrent learning, Williams and Zipser
/// 1989): how the state depends on the parameters is itself a state, carried along with it.
///
/// For dense recurrences that costs the fourth power of the width; here oscillators do not see each other,
/// and it is the same scan of 2×2 systems again: for each parameter θ of an oscillator
///
///   ς_t = M·ς_{t−1} + (∂M/∂θ)·w_{t−1} + (∂f/∂θ)·β_t,   ∂ℓ_t/∂θ = ȳ_t·ς_t,
///
/// and for each input j one trace τ_t = M·τ_{t−1} + f·u_j, from which ∂ℓ_t/∂B = ȳ_t·τ_t. So a layer of m
/// oscillators and p inputs carries 2m·(p + 6) numbers, whatever the length of the stream. Summed over a
/// stream these are the gradients that the adjoint gives of the whole sequence, exactly: for one layer. Of
/// what lies before the layer only the current sample is seen.
namespace dormouse::learning {

/// What a layer carries along: all zeros at the start.
struct OscillatorTraces {
  engine::Value parameters;  ///< [3, 2, 2m]: ∂w of stiffness, damping and step; without damping [2, 2, 2m]
  engine::Value input;       ///< [p, 2, m]: of u_j → z, y
};

/// The traces after one sample: `input` [1, 1, p] is what the layer was given, `step` what it gave, `before`
/// [1, 2, 2m] its state before, `traces` those before.
OscillatorTraces traces_after(const LinossParameters& parameters, engine::Value input,
                              const LinossOutput& step, engine::Value before, const OscillatorTraces& traces);

/// ∂ℓ_t, with all of the past, of the parameters that the state depends on.
struct OscillatorGradients {
  engine::Value stiffness, damping, step;  ///< [m]; no damping, no gradient
  engine::Value input;                     ///< [p, 2m]
};

/// `traces` are those after the sample, `upstream` [1, 1, 2, 2m] is ∂ℓ_t/∂w_t, that arrives at
/// LinossOutput::states.
OscillatorGradients online_gradients(const LinossParameters& parameters, const OscillatorTraces& traces,
                                     engine::Value upstream);

}  // namespace dormouse::learning
