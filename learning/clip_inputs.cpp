#include "learning/clip_inputs.h"

#include <algorithm>
#include <cmath>

namespace dormouse::learning {

using engine::DType;
using engine::InputNormaliser;

Tensor arranged(const Dataset& data, std::size_t row, std::int64_t channels) {
  Tensor clip = data.clip(row);
  const Shape& shape = clip.shape();
  if (shape[1] == channels) return clip;
  if (shape.elements() % channels != 0 || (shape[0] != 1 && shape[1] != 1))
    throw Failure(Errc::invalid, data.names[row] + ": is " + engine::to_string(shape) +
                                     " [time, channels], and the model takes " + std::to_string(channels) +
                                     " channels");
  return clip.reshaped({shape.elements() / channels, channels});
}

InputNormaliser measure_normaliser(const Dataset& data, const Rows& rows, std::int64_t width) {
  const auto channels = static_cast<std::size_t>(width);
  std::vector<double> sum(channels), squares(channels);
  double count = 0;
  for (const std::size_t row : rows) {
    const Tensor clip = arranged(data, row, width);
    const auto values = clip.values<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      sum[i % channels] += values[i];
      squares[i % channels] += double{values[i]} * values[i];
    }
    count += static_cast<double>(values.size() / channels);
  }
  InputNormaliser normaliser;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const double mean = sum[channel] / count;
    const double variance = std::max(0.0, squares[channel] / count - mean * mean);
    normaliser.mean.push_back(static_cast<float>(mean));
    normaliser.deviation.push_back(variance > 1e-12 ? static_cast<float>(std::sqrt(variance)) : 1.0f);
  }
  return normaliser;
}

ClipInputs::ClipInputs(const Dataset& data, const Shape& input, std::int64_t channels,
                       InputNormaliser normaliser)
    : data_(data), input_(input), normaliser_(std::move(normaliser)) {
  // Images are windows of one channel whose samples are the pixels.
  const bool image = input.rank() > 3 && input.elements(1, input.rank()) > 0;
  window_ = engine::window_shape(image ? Shape{input[0], input.elements(1, input.rank())} : input,
                                 image ? 1 : channels);
}

std::vector<Tensor> ClipInputs::clips(std::span<const std::size_t> rows) const {
  std::vector<Tensor> clips;
  for (const std::size_t row : rows) clips.push_back(arranged(data_, row, window_.channels));
  return clips;
}

std::vector<Tensor> ClipInputs::augmented(std::span<const std::size_t> rows, const TrainOptions& options,
                                          Random& random) const {
  std::vector<Tensor> result = clips(rows);
  for (Tensor& clip : result) clip = augment(clip, options, random);
  return result;
}

Tensor ClipInputs::of(std::span<const Tensor> clips) const {
  std::vector<Tensor> inputs;
  for (const Tensor& clip : clips) inputs.push_back(engine::window_input(clip, window_, normaliser_));
  Shape shape = input_;
  shape[0] = std::ssize(inputs);
  return engine::stack(inputs).reshaped(shape);
}

Tensor ClipInputs::augment(const Tensor& clip, const TrainOptions& options, Random& random) const {
  const std::int64_t length = clip.shape()[0];
  const std::int64_t slack = std::min(options.shift, std::max<std::int64_t>(0, window_.rows - length));
  const auto start = static_cast<std::int64_t>(random.below(static_cast<std::size_t>(slack) + 1));
  const double gain = std::pow(10.0, options.gain * (2 * random.uniform() - 1) / 20);
  const auto from = clip.values<float>();
  double power = 0;
  for (const float value : from) power += double{value} * value;
  const double noise = options.noise * random.uniform() *
                       std::sqrt(power / static_cast<double>(std::max<std::size_t>(1, from.size())));
  Tensor result(DType::f32, Shape{start + length, clip.shape()[1]});
  const auto to = result.mutable_values<float>();
  std::ranges::transform(from, to.begin() + start * clip.shape()[1],
                         [&](float value) { return static_cast<float>(gain * value); });
  if (noise > 0)
    for (float& value : to) value += static_cast<float>(noise * random.normal());
  return result;
}

}  // namespace dormouse::learning
