#include <algorithm>

#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

// Which dimensions are listed: [start, end), negative ones counted from the end, clamped to the rank.
struct Range {
  std::size_t first, last;
};

Range listed(const Attributes& attributes, std::size_t rank) {
  const std::int64_t end = static_cast<std::int64_t>(rank);
  const auto clamped = [end](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + end : at, 0, end);
  };
  const std::int64_t first = clamped(attributes.integer("start", 0)),
                     last = clamped(attributes.integer("end", end));
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(std::max(first, last))};
}

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "start");
  check_attribute<std::int64_t>(context, "end");
  if (!context.has_shape(0)) return context.set_output(0, DType::i64);
  const auto [first, last] = listed(context.attributes(), context.shape(0).rank());
  context.set_output(0, DType::i64, {static_cast<std::int64_t>(last - first)});
}

void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const auto [first, last] = listed(context.attributes, shape.rank());
  std::copy(shape.begin() + static_cast<std::ptrdiff_t>(first),
            shape.begin() + static_cast<std::ptrdiff_t>(last), context.out<std::int64_t>(0).begin());
}

}  // namespace

namespace ops {
extern const Op shape_of{
    .name = "Shape",
    .infer = infer,
    .kernels = moving_kernels(compute, compute, compute, compute),
    .of_shape = true,
    .samples = {
        {.shapes = {{2, 3, 4}}},
        {.shapes = {{2, 3, 4}}, .attributes = {{"start", std::int64_t{-2}}, {"end", std::int64_t{9}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
