#include <algorithm>

#include "engine/ops/inference.h"

/// OneOf(x, choices): x, every element of which is one of the choices; or it fails, saying which is not.
/// Attribute "for" names who asks.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<std::string>(context, "for");
  for (const std::size_t i : {0, 1})
    context.require(context.dtype(i) == DType::i64, "chooses among integers of i64");
  if (context.has_shape(1)) context.require(context.shape(1).rank() == 1, "choices are not a list");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  context.set_output(0, context.dtype(0), context.shape(0));
}

std::string listed(std::span<const std::int64_t> choices) {
  constexpr std::size_t kMost = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(choices.size(), kMost); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(choices[i]);
  return choices.size() > kMost ? text + ", …" : text;
}

void compute(const Op&, const KernelContext& context) {
  const auto x = context.in<std::int64_t>(0), choices = context.in<std::int64_t>(1);
  std::vector<std::int64_t> sorted(choices.begin(), choices.end());
  std::ranges::sort(sorted);
  for (const std::int64_t value : x)
    if (!std::ranges::binary_search(sorted, value))
      throw Failure(Errc::invalid, context.attributes.get<std::string>("for", "OneOf") + ": is given " +
                                       std::to_string(value) + ", which is none of its " +
                                       std::to_string(choices.size()) + " categories: " + listed(choices));
  std::ranges::copy(x, context.out<std::int64_t>(0).begin());
}

}  // namespace

namespace ops {
extern const Op one_of{.name = "OneOf",
                       .domain = "dormouse",
                       .min_inputs = 2,
                       .max_inputs = 2,
                       .infer = infer,
                       .routine = compute,
                       .samples = {{.shapes = {{2, 2}, {3}},
                                    .fixed = {{0, Tensor::from<std::int64_t>({2, 2}, {7, -1, 7, 0})},
                                              {1, Tensor::from<std::int64_t>({3}, {0, 7, -1})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
