#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "learning/layers.h"

namespace dormouse::learning {
namespace {

using engine::Shape;
using engine::Tensor;
using engine::Value;

double mel(double frequency) { return 2595.0 * std::log10(1.0 + frequency / 700.0); }

/// The real and imaginary parts of a windowed DFT as filters [2·bins, 1, frame].
Tensor dft_filters(std::int64_t frame) {
  const std::int64_t bins = frame / 2 + 1;
  Tensor filters(engine::DType::f32, Shape{2 * bins, 1, frame});
  const auto values = filters.mutable_values<float>();
  for (std::int64_t bin = 0; bin < bins; ++bin)
    for (std::int64_t t = 0; t < frame; ++t) {
      const double turn = 2.0 * std::numbers::pi / static_cast<double>(frame);
      const double window = 0.5 - 0.5 * std::cos(turn * static_cast<double>(t));
      const double angle = turn * static_cast<double>(bin * t % frame);
      values[static_cast<std::size_t>(bin * frame + t)] = static_cast<float>(window * std::cos(angle));
      values[static_cast<std::size_t>((bins + bin) * frame + t)] =
          static_cast<float>(window * std::sin(angle));
    }
  return filters;
}

/// Triangles [bands, 2·bins, 1] that sum the squared real and imaginary parts of each band.
Tensor mel_filters(const LogMelOptions& options) {
  const std::int64_t bins = options.frame / 2 + 1;
  const double high = options.high > 0 ? options.high : options.rate / 2;
  const double step = (mel(high) - mel(options.low)) / static_cast<double>(options.bands + 1);
  Tensor filters(engine::DType::f32, Shape{options.bands, 2 * bins, 1});
  const auto values = filters.mutable_values<float>();
  for (std::int64_t band = 0; band < options.bands; ++band)
    for (std::int64_t bin = 0; bin < bins; ++bin) {
      const double frequency = static_cast<double>(bin) * options.rate / static_cast<double>(options.frame);
      const double position = (mel(frequency) - mel(options.low)) / step - static_cast<double>(band + 1);
      const auto weight = static_cast<float>(std::max(0.0, 1.0 - std::abs(position)));
      values[static_cast<std::size_t>(band * 2 * bins + bin)] = weight;
      values[static_cast<std::size_t>(band * 2 * bins + bins + bin)] = weight;
    }
  return filters;
}

}  // namespace

Value log_mel(Value x, const LogMelOptions& options) {
  engine::Graph& graph = *x.graph;
  const Value wave = engine::unsqueeze(x, {1});
  const Value filters = engine::constant(graph, dft_filters(options.frame));
  const Value spectrum =
      engine::apply("Conv", {wave, filters}, {{"strides", std::vector<std::int64_t>{options.hop}}});
  const Value power = spectrum * spectrum;
  const Value bands = engine::apply("Conv", {power, engine::constant(graph, mel_filters(options))});
  return engine::log(bands + options.floor);
}

}  // namespace dormouse::learning
