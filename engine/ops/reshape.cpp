#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

// `wanted` with its zeros filled in from `in`; where it says -1 is `open`.
struct Wanted {
  Shape shape;
  std::optional<std::size_t> open;
};

Wanted read(InferContext& context, std::vector<std::int64_t> wanted, const Shape& in) {
  const bool literal_zero = context.attributes().integer("allowzero", 0) != 0;
  std::optional<std::size_t> open;
  for (std::size_t d = 0; d < wanted.size(); ++d) {
    context.require(wanted[d] >= -1, "an extent of the new shape is below -1");
    if (wanted[d] == -1) {
      context.require(!open.has_value(), "the new shape has more than one -1");
      open = d;
    } else if (wanted[d] == 0 && !literal_zero) {
      context.require(d < in.rank(), "a 0 in the new shape has no input dimension to copy");
      wanted[d] = in[d];
    }
  }
  return {Shape(std::move(wanted)), open};
}

struct Count {
  std::int64_t known = 1;   // product of the known extents
  std::size_t dynamic = 0;  // how many are not
};

Count count(InferContext& context, const Shape& shape, std::optional<std::size_t> except) {
  Count result;
  for (std::size_t d = 0; d < shape.rank(); ++d) {
    if (d == except) continue;
    if (shape[d] == kDynamic) {
      ++result.dynamic;
    } else {
      context.require(shape[d] == 0 || result.known <= INT64_MAX / shape[d], "the new shape is too large");
      result.known *= shape[d];
    }
  }
  return result;
}

void infer(InferContext& context) {
  const IntegerList list = integer_list(context, "shape", 1);
  context.require(list.given, "the new shape is missing");
  const DType type = context.dtype(0);
  if (!list.known) return set_output_of_length(context, type, 1);
  if (!context.has_shape(0)) return context.set_output(0, type);
  const Shape& in = context.shape(0);
  auto [out, open] = read(context, list.values, in);
  const Count from = count(context, in, {}), to = count(context, out, open);
  // As many dynamic extents copied as there are: they cancel, and the rest must agree.
  if (from.dynamic == to.dynamic) {
    if (open) {
      context.require(to.known != 0 ? from.known % to.known == 0 : from.known == 0,
                      "the elements do not divide into the new shape");
      out[*open] = to.known == 0 ? 0 : from.known / to.known;
    } else {
      context.require(from.known == to.known, "the new shape has another number of elements");
    }
  }
  set_checked_output(context, 0, type, std::move(out));
}

Gradients gradient(const GradientContext& context) {
  return {reshape_to(context.upstream(), context.input(0))};
}

Sample sample(Shape shape, std::vector<std::int64_t> wanted) {
  const std::int64_t rank = static_cast<std::int64_t>(wanted.size());
  return {.shapes = {std::move(shape), {rank}},
          .fixed = {{1, Tensor::from<std::int64_t>({rank}, std::span<const std::int64_t>(wanted))}}};
}

}  // namespace

namespace ops {
extern const Op reshape{.name = "Reshape",
                        .max_inputs = 2,
                        .infer = infer,
                        .kernels = copy_kernels(),
                        .gradient = gradient,
                        .is_view = true,
                        .samples = {sample({2, 3, 4}, {0, -1}), sample({6}, {2, 3}), sample({1, 1}, {})}};
}  // namespace ops

}  // namespace dormouse::engine
