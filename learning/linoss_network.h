#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "learning/linoss_layer.h"
#include "learning/random.h"

namespace dormouse::learning {

/// What stands before the oscillators of a block.
enum class BlockNorm : std::uint8_t {
  layer,  ///< over the channels of each sample: the same in a stream as in a sequence
  batch,  ///< by means and variances that are given and stay: they fold into the layer
};

/// Which of a sequence's answers are read.
enum class Readout : std::uint8_t {
  mean,   ///< one, of the mean over time: classification
  every,  ///< that of every `readout_steps`-th sample: regression
  last,   ///< those of the last `readout_steps` samples: forecasting, the input masked over the horizon
};

/// A LinOSS network: an affine encoder, blocks x + GLU(GELU(LinOSS(norm(x)))) and an affine head.
struct LinossOptions {
  Discretisation discretisation = Discretisation::damped;
  std::int64_t inputs = 1;
  std::int64_t hidden = 64;
  std::int64_t oscillators = 64;
  std::int64_t blocks = 2;
  std::int64_t outputs = 1;
  BlockNorm norm = BlockNorm::layer;
  Readout readout = Readout::mean;
  std::int64_t readout_steps = 1;
  bool bounded = false;  ///< tanh of the answers
  OscillatorLimits limits = {};
};

/// The tensors of a network by name:
///
///     encoder.weight [inputs, H]   encoder.bias [H]   head.weight [H, outputs]   head.bias [outputs]
///     block0.stiffness, .damping (damped only), .step [m]
///     block0.input [H, 2m]   .output [2m, H]   .feedthrough [H]   (see LinossParameters)
///     block0.gate.weight [H, 2H]   .gate.bias [2H]                 GLU: values, then gates
///     block0.norm.scale, .shift  or  .norm.mean, .variance [H]
using LinossWeights = std::map<std::string, engine::Tensor>;

/// Where the eigenvalues radius·exp(±i·angle) of a damped oscillator of step h come from: exactly
/// G = (1/radius² − 1)/h and A = (1 + radius² − 2·radius·cos(angle))/(h·radius)².
struct Placed {
  double stiffness, damping;
};
Placed placed(double radius, double angle, double step);

/// Random f32 weights. Damped oscillators: s ~ N(0, ½²), eigenvalues uniform over the area of the half ring
/// of radii 0.9 to 1; others: a, s ~ U(0, 1). Matrices ~ U(±1/√fan-in), feedthrough ~ N(0, 1).
LinossWeights initial_weights(const LinossOptions& options, Random& random);

/// samples [N, T, inputs] → answers: [N, outputs] of the mean, else [N, answers, outputs]. The weights are
/// constants of their names; they may be f32 or f64.
engine::Graph linoss_graph(const LinossOptions& options, const LinossWeights& weights);

/// What leaves the last block, [N, T, H], and the state of each block after the last sample.
struct LinossSequence {
  engine::Value output;
  std::vector<engine::Value> states;
};

/// What the network makes of samples [N, T, inputs] before its head. Its weights become constants of the
/// samples' graph, called as they are behind `prefix`. `states` are those of the blocks before the first
/// sample; empty: at rest.
LinossSequence linoss_sequence(engine::Value samples, const LinossOptions& options,
                               const LinossWeights& weights, const std::string& prefix,
                               std::span<const engine::Value> states);

/// The same network a sample at a time, its state given and given back: samples [N, 1, inputs] and the state
/// → the answer [N, outputs] and the state after it. The state is the inputs behind the first one, the
/// outputs behind the first one, in the same order; all zeros is the start. It is block0.state [N, 2, 2m],
/// …: 4m numbers a block.
///
/// With Readout::mean the answer is that of the mean so far, and mean [N, H] and count [N, 1] come last; the
/// mean is over about the last `window` samples (an exponential average from there on). Else each sample is
/// answered for itself.
engine::Graph linoss_stream_graph(const LinossOptions& options, const LinossWeights& weights,
                                  std::int64_t window = 1 << 20);

}  // namespace dormouse::learning
