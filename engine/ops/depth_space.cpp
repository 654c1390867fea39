#include "engine/ops/depth_space.h"

#include <string>

namespace dormouse::engine {

std::int64_t block_size(const InferContext& context) {
  const std::int64_t block = context.attributes().integer("blocksize", 0);
  context.require(block >= 1 && block <= 1 << 15, "blocksize is missing or out of range");
  const std::string mode = context.attributes().get<std::string>("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") context.unsupported("mode " + mode);
  context.require(!context.has_shape(0) || context.shape(0).rank() == 4, "expects [N, C, H, W]");
  return block;
}

StridedLoop<2> depth_space_loop(const Attributes& attributes, const Shape& space) {
  const std::int64_t b = attributes.integer("blocksize", 1), channels = space[1], h = space[2] / b,
                     w = space[3] / b, plane = h * w;
  const bool channel_first = attributes.get<std::string>("mode", "DCR") == "CRD";
  const std::int64_t channel = channel_first ? b * b * plane : plane,
                     column = channel_first ? plane : channels * plane, row = b * column;
  return {Shape{space[0], channels, h, b, b, w},  // the longest rows
          {std::vector{channels * b * b * plane, b * b * plane, b * b * w, b * w, std::int64_t{1}, b},
           std::vector{channels * b * b * plane, channel, w, row, column, std::int64_t{1}}}};
}

}  // namespace dormouse::engine
