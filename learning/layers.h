#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/binder.h"
#include "engine/value.h"
#include "learning/random.h"

namespace dormouse::learning {

/// What layers remember from sample to sample, in a graph that is given one at a time: the state before is an
/// input of the graph, the state after an output called NAME.next, in the same order.
class StreamStates {
 public:
  engine::Value before(engine::Graph& graph, const std::string& name, engine::Shape shape,
                       engine::DType type = engine::DType::f32);
  void after(const std::string& name, engine::Value state) { after_.emplace_back(name, state.id); }
  /// The mean of x [N, H] so far; from sample `window` on an exponential average of about so many.
  engine::Value mean(engine::Value x, const std::string& prefix, double window = 1 << 20);
  /// Makes the states after the last outputs of `graph`, the one they were made in wherever it is by now.
  void give(engine::Graph& graph) const;
  /// The states after, by name: where none is also an answer, they can be outputs without a copy.
  std::span<const std::pair<std::string, engine::ValueId>> list() const { return after_; }

 private:
  std::vector<std::pair<std::string, engine::ValueId>> after_;
};

/// What a layer that reads a sequence gives: what it has made of all of it, or something for each sample.
enum class SequenceOutput : std::uint8_t {
  last,      ///< [N, units] after the last sample
  mean,      ///< [N, units] over time
  sequence,  ///< [N, units, rows]
};

/// What a layer may draw on while it appends itself to a graph.
struct LayerContext {
  std::int64_t labels = 0;  ///< or how many numbers it answers with
  Random& random;
  std::string prefix = {};  ///< of the names of this layer's weights: "conv0."
  engine::Value mean = {};  ///< set by `normalise`
  engine::Value deviation = {};
  engine::Value normalised = {};
  StreamStates* stream = nullptr;  ///< set: the graph is given one sample at a time
  bool over_time = true;           ///< what comes is a sequence, of which a stream shows one sample
  std::int64_t horizon = 0;        ///< rows of a forecast

  /// A sequence [N, rows, units] as `output` says, [N, units] or [N, units, rows].
  engine::Value read_out(engine::Value sequence, SequenceOutput output);
  /// A constant of that name behind the prefix.
  engine::Value weight(engine::Graph& graph, const std::string& name, engine::Tensor value) const {
    return {&graph, graph.add_constant(prefix + name, std::move(value))};
  }
};

/// Random weights of deviation √(2/fan-in), for layers followed by a rectifier (He et al. 2015).
engine::Tensor he_normal(engine::Shape shape, std::int64_t fan_in, Random& random);
/// Random weights from −1/√fan-in to 1/√fan-in.
engine::Tensor uniform(engine::Shape shape, std::int64_t fan_in, Random& random);

/// [N, rows] or [N, channels, rows] as [N, rows, channels]. Throws Failure(configuration) at `node`.
engine::Value by_time(engine::Value x, const config::Node& node);
/// `value`, renamed where there is a name.
engine::Value named(engine::Value value, const std::string& name);

/// One kind of layer of a model spec, in a table (layers.cpp).
struct LayerKind {
  std::string_view name;
  bool trainable = false;
  /// Whether it can be given a sequence sample by sample: it looks at one at a time, or remembers what it
  /// needs of the others.
  bool streams = false;
  /// Reads its options and appends itself behind `x`. Throws Failure(configuration).
  engine::Value (*append)(engine::Value x, const config::Node& options, LayerContext& context);
};

std::span<const LayerKind> layer_kinds();

/// The log-mel front end: x [N, samples] → log(power in mel bands) [N, bands, frames], made of convolutions,
/// so that any ONNX runtime can run it. Hann windows; triangular filters on the mel scale 2595·log10(1 + f /
/// 700), between `low` and `high` Hz.
struct LogMelOptions {
  double rate = 16000;
  std::int64_t frame = 400;
  std::int64_t hop = 160;
  std::int64_t bands = 40;
  double low = 20;
  double high = 0;      ///< 0: half the rate
  double floor = 1e-6;  ///< added to the power
};
engine::Value log_mel(engine::Value x, const LogMelOptions& options);

}  // namespace dormouse::learning
