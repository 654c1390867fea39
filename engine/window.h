#pragma once

#include <cstdint>
#include <vector>

#include "engine/published.h"
#include "engine/tensor.h"

namespace dormouse::engine {

/// How samples become a model's input: `rows` samples of `channels` values.
struct WindowShape {
  std::int64_t rows = 0;
  std::int64_t channels = 1;
  Shape input;  ///< of the model, batch first: [N, rows], [N, channels, rows], [N, rows, channels], …
};

/// Finds rows and channels in a model's input shape [N, …]: the axis that equals `channels` is the channel
/// axis, the other one is time; one channel needs no axis. Throws Failure(invalid) saying which shapes it
/// understands.
WindowShape window_shape(const Shape& input, std::int64_t channels);

/// One window as a model's input with a batch of one. `samples` f32 [T, channels] is cut or zero-padded at
/// its end to the window, and normalised first, so padding is the mean. Throws Failure(invalid) when the
/// channels differ.
Tensor window_input(const Tensor& samples, const WindowShape& shape, const InputNormaliser& normaliser);

/// Whether a recording [rows, columns] can be an input f32 `input` [N, …]: rows of a flat one, or a window.
bool takes_recording(const Shape& input, std::int64_t columns);

/// A recording f32 [rows, columns] as that input. Rows as wide as a flat input are an input each, so a table
/// is a batch; else it is one window of as many channels as it has columns. Normalised likewise. Throws
/// Failure(invalid) when it fits neither way, or the normaliser is of other channels.
Tensor recording_input(const Tensor& recording, const Shape& input, const InputNormaliser& normaliser);

/// Many inputs with a batch of one as one batch.
Tensor stack(const std::vector<Tensor>& inputs);

}  // namespace dormouse::engine
