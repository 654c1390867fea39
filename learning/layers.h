#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "config/binder.h"
#include "engine/value.h"
#include "learning/random.h"

namespace dormouse::learning {

/// What a layer may draw on while it appends itself to a graph.
struct LayerContext {
  std::int64_t labels = 0;
  Random& random;
  std::string prefix = {};  ///< of the names of this layer's weights: "conv0."
  engine::Value mean = {};  ///< set by `normalise`
  engine::Value deviation = {};
  engine::Value normalised = {};

  /// A constant of that name behind the prefix.
  engine::Value weight(engine::Graph& graph, const std::string& name, engine::Tensor value) const {
    return {&graph, graph.add_constant(prefix + name, std::move(value))};
  }
};

/// Random weights of deviation √(2/fan-in), for layers followed by a rectifier (He et al. 2015).
engine::Tensor he_normal(engine::Shape shape, std::int64_t fan_in, Random& random);

/// One kind of layer of a model spec, in a table (layers.cpp).
struct LayerKind {
  std::string_view name;
  bool trainable = false;
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
