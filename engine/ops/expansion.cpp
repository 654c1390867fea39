#include "engine/ops/expansion.h"

#include <algorithm>

#include "engine/kernels/strided.h"

namespace dormouse::engine {
namespace {

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.output_shape(0);
  const T* const from = context.in<T>(0).data();
  T* const to = context.out<T>(0).data();
  StridedLoop<2>(shape, {strides(shape), broadcast_strides(context.shape(0), shape)})
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        if (step[1] == 0)
          std::fill_n(to + offset[0], length, from[offset[1]]);
        else
          std::copy_n(from + offset[1], length, to + offset[0]);
      });
}

}  // namespace

Kernels expansion_kernels() {
  return moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>, compute<std::uint32_t>,
                        compute<std::uint64_t>);
}

}  // namespace dormouse::engine
