#include "engine/ops/window_function.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/kernels/convert.h"

namespace dormouse::engine {

void infer_window(InferContext& context) {
  const std::optional<DType> type = onnx_element_type(context.attributes().integer("output_datatype", 1));
  if (!type) context.unsupported("output_datatype names no element type we have");
  check_attribute<std::int64_t>(context, "periodic");
  context.require(context.dtype(0) == DType::i32 || context.dtype(0) == DType::i64,
                  "the size is not i32 or i64");
  const Tensor* const size = context.constant(0);
  if (size == nullptr) return context.set_output(0, *type);
  context.require(size->elements() == 1, "the size is not a scalar");
  const std::int64_t length = integer_values(context, *size)[0];
  context.require(length >= 0, "the size is negative");
  set_checked_output(context, 0, *type, {length});
}

void compute_window(const KernelContext& context, CosineSum sum) noexcept {
  const bool periodic = context.attributes.integer("periodic", 1) != 0;
  std::vector<double> values(static_cast<std::size_t>(context.output_shape(0)[0]));
  if (values.empty()) return;
  // A window of one element has no turn to make.
  const std::size_t steps = std::max<std::size_t>(periodic ? values.size() : values.size() - 1, 1);
  for (std::size_t n = 0; n < values.size(); ++n) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(n) / static_cast<double>(steps);
    values[n] = sum.a0 - sum.a1 * std::cos(angle) + sum.a2 * std::cos(2 * angle);
  }
  convert(DType::f64, reinterpret_cast<const std::byte*>(values.data()), context.outputs[0].dtype,
          context.outputs[0].data, values.size());
}

std::vector<Sample> window_samples() {
  const auto size = [](std::int64_t n) { return Tensor::scalar<std::int64_t>(n); };
  return {{.shapes = {{}}, .fixed = {{0, size(10)}}},
          {.shapes = {{}},
           .attributes = {{"periodic", std::int64_t{0}}, {"output_datatype", std::int64_t{11}}},
           .fixed = {{0, size(7)}}}};
}

}  // namespace dormouse::engine
