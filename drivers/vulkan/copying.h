#pragma once

#include "drivers/vulkan/recorder.h"

namespace dormouse::drivers::vulkan {

/// Elements copied by strides, which may be 0 or negative: those at (i, j, …) of the extents.
struct Copy {
  std::vector<std::int64_t> extents, from_strides, to_strides;
  std::int64_t from_offset = 0, to_offset = 0;

  void axis(std::int64_t extent, std::int64_t from, std::int64_t to);
};

/// Whether it is of few enough axes, those joined that lie together.
bool copyable(const Copy& copy);
/// `beside`: it writes where the calls before it that wrote to `to` did not.
void add_copy(Recorder& recorder, const Copy& copy, Slot from, Slot to, bool beside = false);

}  // namespace dormouse::drivers::vulkan
