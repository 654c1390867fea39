#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace dormouse::engine {

/// How a kernel slides over up to three spatial dimensions (depth, height, width; unused ones are 1, in
/// front).
struct SlidingWindow {
  using Extents = std::array<std::int64_t, 3>;
  Extents input{1, 1, 1};
  Extents output{1, 1, 1};
  Extents kernel{1, 1, 1};
  Extents stride{1, 1, 1};
  Extents dilation{1, 1, 1};
  Extents pad_begin{0, 0, 0};
  Extents pad_end{0, 0, 0};

  static std::int64_t volume(const Extents& extents) { return extents[0] * extents[1] * extents[2]; }
};

/// A run of neighbouring outputs in one output row, as one kernel element sees it: output `column + j` reads
/// input `input + j * step`, for j in [valid_begin, valid_end); the rest of the `length` outputs lies in the
/// padding.
struct SlidingRun {
  std::int64_t column, length, valid_begin, valid_end, input, step;
};

/// Calls f(SlidingRun) for the outputs [first, first + count) under kernel element `element`, in order.
template <class F>
void for_runs(const SlidingWindow& window, std::int64_t element, std::int64_t first, std::int64_t count,
              F f) {
  const auto& [in, out, kernel, stride, dilation, pad, pad_end] = window;
  const std::int64_t kw = element % kernel[2], kh = element / kernel[2] % kernel[1],
                     kd = element / kernel[2] / kernel[1];
  const std::int64_t shift = kw * dilation[2] - pad[2];  // input column of output column 0
  const auto strides = [&](std::int64_t columns) {  // rounded up; a division takes as long as a short run
    return stride[2] == 1 ? columns : (columns + stride[2] - 1) / stride[2];
  };
  std::int64_t ow = 0, oh = 0, od = 0;
  if (count > 0) ow = first % out[2], oh = first / out[2] % out[1], od = first / out[2] / out[1];
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t length = std::min(out[2] - ow, count - done);
    const std::int64_t id = od * stride[0] - pad[0] + kd * dilation[0],
                       ih = oh * stride[1] - pad[1] + kh * dilation[1];
    SlidingRun run{done, length, 0, 0, 0, stride[2]};
    if (id >= 0 && id < in[0] && ih >= 0 && ih < in[1]) {
      const std::int64_t start = ow * stride[2] + shift;
      run.input = (id * in[1] + ih) * in[2] + start;
      run.valid_begin = std::min(length, start >= 0 ? 0 : strides(-start));
      run.valid_end =
          std::clamp<std::int64_t>(start >= in[2] ? 0 : strides(in[2] - start), run.valid_begin, length);
    }
    f(run);
    done += length;
    ow = 0;
    if (++oh == out[1]) oh = 0, ++od;
  }
}

/// Calls f(input offset, kernel element) for the inputs under the window of output `position`, padding left
/// out.
template <class F>
void for_window(const SlidingWindow& window, std::int64_t position, F f) {
  const auto& [in, out, kernel, stride, dilation, pad, pad_end] = window;
  const std::int64_t d0 = position / out[2] / out[1] * stride[0] - pad[0];
  const std::int64_t h0 = position / out[2] % out[1] * stride[1] - pad[1];
  const std::int64_t w0 = position % out[2] * stride[2] - pad[2];
  for (std::int64_t kd = 0; kd < kernel[0]; ++kd) {
    const std::int64_t d = d0 + kd * dilation[0];
    if (d < 0 || d >= in[0]) continue;
    for (std::int64_t kh = 0; kh < kernel[1]; ++kh) {
      const std::int64_t h = h0 + kh * dilation[1];
      if (h < 0 || h >= in[1]) continue;
      for (std::int64_t kw = 0; kw < kernel[2]; ++kw) {
        const std::int64_t w = w0 + kw * dilation[2];
        if (w >= 0 && w < in[2]) f((d * in[1] + h) * in[2] + w, (kd * kernel[1] + kh) * kernel[2] + kw);
      }
    }
  }
}

/// Whether outputs lie as inputs do, so that each kernel element sees a plane shifted by so much.
inline bool is_shift(const SlidingWindow& window) {
  return window.stride == SlidingWindow::Extents{1, 1, 1} && window.input == window.output &&
         window.input[0] == 1;
}

/// A window that is_shift() under kernel element `element`, over the outputs [first, first + count): output
/// `first + j` reads input `first + j + by` for j in [begin, end), but in the columns that clear() is for.
struct Shift {
  Shift(const SlidingWindow& window, std::int64_t element, std::int64_t first_output, std::int64_t outputs)
      : width(window.input[2]), first(first_output), count(outputs) {
    const std::int64_t kw = element % window.kernel[2], kh = element / window.kernel[2];
    aside = std::clamp(kw * window.dilation[2] - window.pad_begin[2], -width, width);
    const std::int64_t plane = window.input[1] * width;
    by = std::clamp((kh * window.dilation[1] - window.pad_begin[1]) * width, -plane - width, plane + width) +
         aside;
    begin = std::clamp<std::int64_t>(-by - first, 0, count);
    end = std::clamp<std::int64_t>(plane - by - first, begin, count);
  }

  /// Sets to 0 what of `line`, one element an output, sees the padding left or right of a row.
  template <class T>
  void clear(T* line) const {
    if (aside == 0) return;
    const std::int64_t from = aside < 0 ? 0 : width - aside, to = aside < 0 ? -aside : width;
    for (std::int64_t row = first / width * width; row < first + count; row += width) {
      const std::int64_t low = std::clamp<std::int64_t>(row + from - first, 0, count);
      std::fill(line + low, line + std::clamp<std::int64_t>(row + to - first, low, count), T{0});
    }
  }

  std::int64_t width, first, count, aside, by, begin, end;
};

/// Columns of a convolution as a matrix: row (channel, kernel element), column output [first, first + count).
template <class T>
void im2col(const T* image, std::int64_t channels, const SlidingWindow& window, std::int64_t first,
            std::int64_t count, T* columns) {
  const std::int64_t plane = SlidingWindow::volume(window.input),
                     elements = SlidingWindow::volume(window.kernel);
  const bool shifts = is_shift(window);
  for (std::int64_t row = 0; row < channels * elements; ++row) {
    const T* const from = image + row / elements * plane;
    T* const to = columns + row * count;
    if (shifts) {
      const Shift shift(window, row % elements, first, count);
      std::fill(to, to + shift.begin, T{0});
      std::copy(from + first + shift.begin + shift.by, from + first + shift.end + shift.by, to + shift.begin);
      std::fill(to + shift.end, to + count, T{0});
      shift.clear(to);
      continue;
    }
    for_runs(window, row % elements, first, count, [&](const SlidingRun& run) {
      T* const line = to + run.column;
      std::fill(line, line + run.valid_begin, T{0});
      for (std::int64_t j = run.valid_begin; j < run.valid_end; ++j) line[j] = from[run.input + j * run.step];
      std::fill(line + run.valid_end, line + run.length, T{0});
    });
  }
}

/// Adds columns back to the image they were taken from: the transpose of im2col(). Overwrites the columns.
template <class T>
void col2im(T* columns, std::int64_t channels, const SlidingWindow& window, std::int64_t first,
            std::int64_t count, T* image) {
  const std::int64_t plane = SlidingWindow::volume(window.input),
                     elements = SlidingWindow::volume(window.kernel);
  const bool shifts = is_shift(window);
  for (std::int64_t row = 0; row < channels * elements; ++row) {
    T* const to = image + row / elements * plane;
    T* const from = columns + row * count;
    if (shifts) {
      const Shift shift(window, row % elements, first, count);
      shift.clear(from);
      T* const line = to + first + shift.by;
      for (std::int64_t j = shift.begin; j < shift.end; ++j) line[j] += from[j];
      continue;
    }
    for_runs(window, row % elements, first, count, [&](const SlidingRun& run) {
      for (std::int64_t j = run.valid_begin; j < run.valid_end; ++j)
        to[run.input + j * run.step] += from[run.column + j];
    });
  }
}

}  // namespace dormouse::engine
