#include "daemon/verbs/draw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

namespace dormouse::daemon {
namespace {

constexpr std::size_t kMostChannels = 12;  // more parallel lines than this are an image
constexpr std::size_t kLoudness = 8;       // samples a column from which the swing tells more than the mean

/// Rows and columns of floats; columns of an image, or time by channels.
struct Grid {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> values;

  float at(std::size_t row, std::size_t column) const { return values[row * columns + column]; }
};

/// The mean over the channels of [C, H, W] or [H, W, C].
Grid mean_over_channels(std::span<const std::int64_t> shape, std::span<const float> values) {
  const bool first = shape[0] <= shape[2];
  const auto channels = static_cast<std::size_t>(first ? shape[0] : shape[2]);
  Grid grid{static_cast<std::size_t>(first ? shape[1] : shape[0]),
            static_cast<std::size_t>(first ? shape[2] : shape[1]),
            {}};
  const std::size_t pixels = grid.rows * grid.columns;
  grid.values.assign(pixels, 0);
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = 0; c < channels; ++c)
      grid.values[p] += values[first ? c * pixels + p : p * channels + c] / static_cast<float>(channels);
  return grid;
}

/// `values` in bins of equal length, at most `columns` of them.
std::vector<float> binned(const std::vector<float>& values, std::size_t columns) {
  const std::size_t bins = std::min(columns, values.size());
  const bool loudness = values.size() >= kLoudness * bins;
  std::vector<float> result;
  for (std::size_t b = 0; b < bins; ++b) {
    const std::size_t begin = b * values.size() / bins, end = (b + 1) * values.size() / bins;
    const auto [low, high] = std::ranges::minmax(std::span(values).subspan(begin, end - begin));
    float sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += values[i];
    result.push_back(loudness ? high - low : sum / static_cast<float>(end - begin));
  }
  return result;
}

/// Values as shares of their range, in [0, 1]; the middle when they are all alike.
std::vector<float> normalised(std::vector<float> values) {
  for (float& x : values)
    if (!std::isfinite(x)) x = 0;
  const auto [low, high] = std::ranges::minmax(values);
  for (float& x : values) x = high > low ? (x - low) / (high - low) : 0.5f;
  return values;
}

std::string line_of(const std::vector<float>& series, std::size_t columns) {
  static constexpr std::array<std::string_view, 8> kBlocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string line;
  for (const float x : normalised(binned(series, columns)))
    line += kBlocks[std::min<std::size_t>(7, static_cast<std::size_t>(x * 8))];
  return line + "\n";
}

std::string waveforms(const Grid& series, bool channels_are_rows, std::size_t columns) {
  std::string text;
  const std::size_t channels = channels_are_rows ? series.rows : series.columns;
  const std::size_t length = channels_are_rows ? series.columns : series.rows;
  for (std::size_t c = 0; c < channels; ++c) {
    std::vector<float> one;
    for (std::size_t t = 0; t < length; ++t)
      one.push_back(channels_are_rows ? series.at(c, t) : series.at(t, c));
    text += line_of(one, columns);
  }
  return text;
}

/// Smaller by whole pixels, so that it fits.
Grid shrunk(const Grid& grid, std::size_t columns) {
  const std::size_t step = (grid.columns + columns - 1) / columns;
  if (step <= 1) return grid;
  Grid small{(grid.rows + step - 1) / step, (grid.columns + step - 1) / step, {}};
  for (std::size_t row = 0; row < small.rows; ++row)
    for (std::size_t column = 0; column < small.columns; ++column)
      small.values.push_back(grid.at(row * step, column * step));
  return small;
}

std::string shade(float value, int base) {
  const int grey = 232 + std::min(23, static_cast<int>(value * 24));
  return "\033[" + std::to_string(base) + ";5;" + std::to_string(grey) + "m";
}

std::string image(Grid grid, std::size_t columns, bool colour) {
  grid = shrunk(grid, columns);
  grid.values = normalised(std::move(grid.values));
  static constexpr std::array<std::string_view, 4> kHalves{" ", "▄", "▀", "█"};
  std::string text;
  for (std::size_t row = 0; row < grid.rows; row += 2) {
    for (std::size_t column = 0; column < grid.columns; ++column) {
      const float upper = grid.at(row, column), lower = row + 1 < grid.rows ? grid.at(row + 1, column) : 0;
      if (colour)
        text += shade(upper, 38) + shade(lower, 48) + "▀";
      else
        text += kHalves[(upper > 0.5f ? 2u : 0u) + (lower > 0.5f ? 1u : 0u)];
    }
    text += colour ? "\033[0m\n" : "\n";
  }
  return text;
}

}  // namespace

std::string draw(std::span<const std::int64_t> shape, std::span<const float> values, std::size_t columns,
                 bool colour) {
  if (values.empty() || columns == 0) return "";
  while (shape.size() > 1 && shape.front() == 1) shape = shape.subspan(1);
  while (shape.size() > 2 && shape.back() == 1) shape = shape.first(shape.size() - 1);
  if (shape.size() == 3) {
    const std::int64_t channels = std::min(shape[0], shape[2]);
    if (channels <= 4) return image(mean_over_channels(shape, values), columns, colour);
  }
  if (shape.size() == 2) {
    const Grid grid{static_cast<std::size_t>(shape[0]),
                    static_cast<std::size_t>(shape[1]),
                    {values.begin(), values.end()}};
    if (std::min(grid.rows, grid.columns) > kMostChannels) return image(grid, columns, colour);
    return waveforms(grid, grid.rows < grid.columns, columns);
  }
  return line_of({values.begin(), values.end()}, columns);
}

}  // namespace dormouse::daemon
