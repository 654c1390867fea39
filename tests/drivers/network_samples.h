#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/op.h"

namespace dormouse::drivers {

/// A sample of the operator called `op`, as images and networks have it.
struct Named {
  const char* op;
  engine::Sample sample;
};

const std::vector<Named>& network_samples();

/// The operator of that name, ONNX's or ours; null if there is none.
const engine::Op* named(std::string_view op);

/// Attributes of convolutions and pools.
engine::Attributes sliding(std::vector<std::int64_t> strides, std::vector<std::int64_t> pads,
                           std::vector<std::int64_t> dilations, std::int64_t group);
engine::Attributes pool(std::vector<std::int64_t> kernel, std::vector<std::int64_t> strides,
                        std::vector<std::int64_t> pads);
engine::Attributes ceil_pool(std::vector<std::int64_t> kernel, std::vector<std::int64_t> strides,
                             std::vector<std::int64_t> pads);

}  // namespace dormouse::drivers
