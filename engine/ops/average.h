#pragma once

#include "engine/ops/pooling.h"

/// What AveragePool and its gradient share.
namespace dormouse::engine {

inline bool counts_padding(const Attributes& attributes) {
  return attributes.integer("count_include_pad", 0) != 0;
}

/// How many elements the mean under the window of output `position` is over: inputs, or with `with_padding`
/// also the pads, but never what ceil_mode reaches beyond them. At least 1.
inline std::int64_t averaged(const SlidingWindow& window, std::int64_t position, bool with_padding) {
  std::int64_t count = 0;
  if (with_padding) {
    SlidingWindow padded = window;
    for (std::size_t d = 0; d < 3; ++d) {
      padded.input[d] += window.pad_begin[d] + window.pad_end[d];
      padded.pad_begin[d] = 0;
    }
    for_window(padded, position, [&](std::int64_t, std::int64_t) { ++count; });
  } else {
    for_window(window, position, [&](std::int64_t, std::int64_t) { ++count; });
  }
  return std::max<std::int64_t>(count, 1);
}

}  // namespace dormouse::engine
