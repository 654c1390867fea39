#pragma once

#include "engine/kernels/lines.h"
#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// What ArgMax and ArgMin share: where along `axis` the first (with select_last_index the last) of the
/// extreme elements is.
namespace dormouse::engine {

void infer_arg_extremum(InferContext& context);
std::vector<Sample> arg_extremum_samples();

/// Better(a, b): a is more extreme than b. NaN is so only if it comes first.
template <class Better, class T>
void arg_extremum_kernel(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const Lines lines(shape, axis_index(context.attributes.integer("axis", 0), shape.rank()));
  const bool last = context.attributes.integer("select_last_index", 0) != 0;
  lines.each([&](std::int64_t first, std::int64_t number) {
    const T* const x = context.in<T>(0).data() + first;
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < lines.length; ++i) {
      const Widened<T> value = widen(x[i * lines.inner_count]), extreme = widen(x[best * lines.inner_count]);
      if (Better{}(value, extreme) || (last && value == extreme)) best = i;
    }
    context.out<std::int64_t>(0)[static_cast<std::size_t>(number)] = best;
  });
}

template <class Better>
Op arg_extremum_op(std::string_view name) {
  return {.name = name,
          .infer = infer_arg_extremum,
          .kernels = kernels_for(Numeric{}, []<class T>() { return arg_extremum_kernel<Better, T>; }),
          .samples = arg_extremum_samples()};
}

}  // namespace dormouse::engine
