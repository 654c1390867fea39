#include "engine/kernels/lines.h"
#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const std::int64_t axis = context.attributes().integer("axis", 0);
  const bool keep = context.attributes().integer("keepdims", 1) != 0;
  check_attribute<std::int64_t>(context, "select_last_index");
  if (!context.has_shape(0)) return context.set_output(0, DType::i64);
  const Shape& in = context.shape(0);
  const std::size_t along = context.axis(axis, in.rank());
  context.require(in[along] != 0, "there is no largest of no elements");
  Shape out;
  for (std::size_t d = 0; d < in.rank(); ++d) {
    if (d != along)
      out.push_back(in[d]);
    else if (keep)
      out.push_back(1);
  }
  context.set_output(0, DType::i64, std::move(out));
}

// The first of the largest, or with select_last_index the last; NaN is never the largest unless it comes
// first.
template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const Lines lines(shape, axis_index(context.attributes.integer("axis", 0), shape.rank()));
  const bool last = context.attributes.integer("select_last_index", 0) != 0;
  lines.each([&](std::int64_t first, std::int64_t number) {
    const T* const x = context.in<T>(0).data() + first;
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < lines.length; ++i) {
      const T value = x[i * lines.inner_count], highest = x[best * lines.inner_count];
      if (value > highest || (last && value == highest)) best = i;
    }
    context.out<std::int64_t>(0)[static_cast<std::size_t>(number)] = best;
  });
}

Attributes along(std::int64_t axis, std::int64_t keep) { return {{"axis", axis}, {"keepdims", keep}}; }

}  // namespace

namespace ops {
extern const Op arg_max{
    .name = "ArgMax",
    .infer = infer,
    .kernels = kernels<float, double, std::int8_t, std::uint8_t, std::int32_t, std::int64_t>(
        compute<float>, compute<double>, compute<std::int8_t>, compute<std::uint8_t>, compute<std::int32_t>,
        compute<std::int64_t>),
    .samples = {{.shapes = {{2, 3, 4}}, .attributes = along(1, 1)},
                {.shapes = {{2, 3, 4}}, .attributes = along(-1, 0)}}};
}  // namespace ops

}  // namespace dormouse::engine
