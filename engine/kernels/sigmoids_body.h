// The loops of sigmoids.h, included by one file per instruction set, each compiled with its own flags: as
// gemm_tile_body.h, nothing here may be shared between them.

#pragma once

#include "engine/kernels/exponential.h"
#include "engine/kernels/sigmoids.h"

namespace dormouse::engine {
namespace {

void logistic(float* values, std::int64_t count) noexcept {
  for (std::int64_t i = 0; i < count; ++i) values[i] = fast_logistic(values[i]);
}

void tanh(float* values, std::int64_t count) noexcept {
  for (std::int64_t i = 0; i < count; ++i) values[i] = fast_tanh(values[i]);
}

}  // namespace
}  // namespace dormouse::engine
