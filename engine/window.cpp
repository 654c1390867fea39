#include "engine/window.h"

#include <algorithm>
#include <cstring>

namespace dormouse::engine {
namespace {

/// Whether the channel axis comes before time: elements are written channel by channel then.
bool channels_first(const WindowShape& shape) {
  return shape.channels > 1 && shape.input.rank() == 3 && shape.input[1] == shape.channels;
}

}  // namespace

WindowShape window_shape(const Shape& input, std::int64_t channels) {
  const auto fail = [&]() -> Failure {
    return {Errc::invalid, "a stream of " + std::to_string(channels) +
                               " channels does not fit the model's input " + to_string(input) +
                               "; it may be [batch, time], [batch, channels, time] or "
                               "[batch, time, channels]"};
  };
  if (channels <= 0 || input.rank() < 2 || input.rank() > 3) throw fail();
  if (input.rank() == 2) {
    if (input[1] <= 0 || input[1] % channels != 0) throw fail();
    return {input[1] / channels, channels, input};
  }
  if (input[1] == channels && input[2] > 0) return {input[2], channels, input};
  if (input[2] == channels && input[1] > 0) return {input[1], channels, input};
  throw fail();
}

Tensor window_input(const Tensor& samples, const WindowShape& shape, const InputNormaliser& normaliser) {
  if (samples.shape().rank() != 2 || samples.shape()[1] != shape.channels)
    throw Failure(Errc::invalid, "expected samples [time, " + std::to_string(shape.channels) + "], given " +
                                     to_string(samples.shape()));
  const auto measured = std::ssize(normaliser.mean);
  if (measured > 1 && measured != shape.channels && measured != shape.rows * shape.channels)
    throw Failure(Errc::invalid, "samples of " + std::to_string(shape.channels) +
                                     " channels, and the model was trained on " + std::to_string(measured) +
                                     ", which are normalised one by one");
  const std::int64_t rows = std::min(shape.rows, samples.shape()[0]);
  Tensor window = samples.rows(0, rows).clone();
  if (!normaliser.empty()) normaliser.apply(window.mutable_values<float>());
  Shape target = shape.input;
  target[0] = 1;
  Tensor input(DType::f32, target);
  const auto from = window.values<float>();
  const auto to = input.mutable_values<float>();
  if (!channels_first(shape)) {
    std::ranges::copy(from, to.begin());
    return input;
  }
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t channel = 0; channel < shape.channels; ++channel)
      to[static_cast<std::size_t>(channel * shape.rows + row)] =
          from[static_cast<std::size_t>(row * shape.channels + channel)];
  return input;
}

bool takes_recording(const Shape& input, std::int64_t columns) {
  if (columns <= 0) return false;
  if (input.rank() == 2) return input[1] > 0 && input[1] % columns == 0;
  return input.rank() == 3 && input[1] > 0 && input[2] > 0 && (input[1] == columns || input[2] == columns);
}

Tensor recording_input(const Tensor& recording, const Shape& input, const InputNormaliser& normaliser) {
  if (recording.shape().rank() != 2)
    throw Failure(Errc::invalid, "a recording is [rows, columns], not " + to_string(recording.shape()));
  const std::int64_t rows = recording.shape()[0], columns = recording.shape()[1];
  const WindowShape window = window_shape(input, columns);
  const std::int64_t all = window.rows * columns, measured = std::ssize(normaliser.mean);
  const bool flat = input.rank() == 2, table = flat && input[1] == columns;
  // A flat input does not say how many channels it has: what it was trained on does, or a whole window.
  const bool told = columns == std::max<std::int64_t>(measured, 1) || columns == 1 || rows * columns == all;
  if (flat && !table && !told)
    throw Failure(Errc::invalid,
                  "a recording of " + std::to_string(columns) + " columns for an input " + to_string(input) +
                      ": give a whole window, " + std::to_string(measured > 1 ? measured : 1) +
                      (measured > 1 ? " columns" : " column") + ", or rows of " + std::to_string(input[1]));
  if (measured > 1 && measured != columns && (!flat || all % measured != 0 || (columns > 1 && !table)))
    throw Failure(Errc::invalid, "a recording of " + std::to_string(columns) +
                                     (columns == 1 ? " column" : " columns") +
                                     ", and the model was trained on " + std::to_string(measured) +
                                     ", which are normalised one by one");
  Tensor normalised = recording.clone();
  normaliser.apply(normalised.mutable_values<float>());
  return table ? normalised : window_input(normalised, window, {});
}

Tensor stack(const std::vector<Tensor>& inputs) {
  ensure(!inputs.empty(), "a batch has inputs");
  Shape shape = inputs.front().shape();
  shape[0] = static_cast<std::int64_t>(inputs.size());
  Tensor batch(inputs.front().dtype(), shape);
  std::byte* to = batch.mutable_data();
  for (const Tensor& input : inputs) {
    ensure(input.byte_size() == inputs.front().byte_size(), "inputs of a batch have one shape");
    std::memcpy(to, input.data(), input.byte_size());
    to += input.byte_size();
  }
  return batch;
}

}  // namespace dormouse::engine
