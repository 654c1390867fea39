#include "engine/ops/arg_extremum.h"

namespace dormouse::engine {
namespace {

Attributes along(std::int64_t axis, std::int64_t keep) { return {{"axis", axis}, {"keepdims", keep}}; }

}  // namespace

void infer_arg_extremum(InferContext& context) {
  const std::int64_t axis = context.attributes().integer("axis", 0);
  const bool keep = context.attributes().integer("keepdims", 1) != 0;
  check_attribute<std::int64_t>(context, "select_last_index");
  if (!context.has_shape(0)) return context.set_output(0, DType::i64);
  const Shape& in = context.shape(0);
  const std::size_t along_axis = context.axis(axis, in.rank());
  context.require(in[along_axis] != 0, "there is no extreme of no elements");
  Shape out;
  for (std::size_t d = 0; d < in.rank(); ++d) {
    if (d != along_axis)
      out.push_back(in[d]);
    else if (keep)
      out.push_back(1);
  }
  context.set_output(0, DType::i64, std::move(out));
}

std::vector<Sample> arg_extremum_samples() {
  return {{.shapes = {{2, 3, 4}}, .attributes = along(1, 1)},
          {.shapes = {{2, 3, 4}}, .attributes = along(-1, 0)}};
}

}  // namespace dormouse::engine
