#include "engine/ops/class_loss.h"

#include <numeric>
#include <string>

namespace dormouse::engine {
namespace {

std::string reduction_name(const Attributes& attributes) {
  return attributes.get<std::string>("reduction", "mean");
}

void check_types(const InferContext& context) {
  const DType labels = context.dtype(1);
  context.require(labels == DType::i64 || labels == DType::i32, "labels are expected as i64 or i32");
  context.require(!context.has_input(2) || context.dtype(2) == context.dtype(0),
                  "weights differ from the scores in type");
}

void check_shapes(const InferContext& context) {
  const Shape &scores = context.shape(0), &labels = context.shape(1);
  context.require(scores.rank() >= 2, "expects scores [N, C, …]");
  context.require(labels.rank() + 1 == scores.rank(),
                  "expects labels [N, …]: the scores' shape without classes");
  for (std::size_t d = 0; d < labels.rank(); ++d)
    context.require(compatible(labels[d], scores[d == 0 ? 0 : d + 1]),
                    "there is not one label per line of scores");
  if (!context.has_input(2) || !context.has_shape(2)) return;
  const Shape& weights = context.shape(2);
  context.require(weights.rank() == 1 && compatible(weights[0], scores[1]),
                  "there is not one weight per class");
}

std::vector<std::int64_t> all_axes(std::size_t rank) {
  std::vector<std::int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

// [1, C, 1…], to stand beside scores of this rank.
std::vector<std::int64_t> per_class(std::size_t rank) {
  std::vector<std::int64_t> extents(rank, 1);
  extents[1] = -1;
  return extents;
}

// Where among the scores [N, C, D…] the labels are that count: 1, elsewhere 0.
Value chosen(const GradientContext& context) {
  const Value scores = context.input(0), labels = context.input(1);
  const std::int64_t classes = scores.shape()[1];
  if (classes == kDynamic)
    throw Failure(Errc::unsupported, "no gradient of a loss whose number of classes is not known");
  std::vector<std::int64_t> names(static_cast<std::size_t>(classes));
  std::iota(names.begin(), names.end(), 0);
  const Value column = reshape(integers(*scores.graph, names), per_class(scores.shape().rank()));
  const Value label = unsqueeze(cast(labels, DType::i64), {1});
  const Value hits = cast(apply("Equal", {label, column}), scores.dtype());
  const std::int64_t* const ignored = context.attributes().find<std::int64_t>("ignore_index");
  if (!ignored) return hits;
  const Value out = apply("Equal", {label, scalar_like(label, static_cast<double>(*ignored))});
  return where(out, scalar_like(scores, 0), hits);
}

}  // namespace

void infer_class_loss(InferContext& context) {
  const std::string reduction = reduction_name(context.attributes());
  context.require(reduction == "none" || reduction == "sum" || reduction == "mean",
                  "reduction is none of none, sum and mean");
  check_attribute<std::int64_t>(context, "ignore_index");
  check_types(context);
  if (context.has_shape(0) && context.has_shape(1)) check_shapes(context);
  const DType type = context.dtype(0);
  if (reduction != "none") return context.set_output(0, type, Shape{});
  context.has_shape(1) ? context.set_output(0, type, context.shape(1)) : context.set_output(0, type);
}

Reduction reduction_of(const Attributes& attributes) {
  const std::string name = reduction_name(attributes);
  return name == "none" ? Reduction::none : name == "sum" ? Reduction::sum : Reduction::mean;
}

std::int64_t label_at(const View& labels, std::size_t i) {
  return labels.dtype == DType::i64 ? labels.values<std::int64_t>()[i] : labels.values<std::int32_t>()[i];
}

// With h what chosen() says, w the weights and u what arrives: d log p = -u · h · w. A mean's u is divided by
// the weights' sum, whose own change moves the mean: dw = u · h · (-log p - loss).
Gradients class_loss_gradient(const GradientContext& context, Value log_p) {
  const std::size_t rank = log_p.shape().rank();
  const Reduction reduction = reduction_of(context.attributes());
  const bool weighted = context.has_input(2);
  const Value h = chosen(context);
  const Value w = weighted ? reshape(context.input(2), per_class(rank)) : Value{};
  const Value weights = weighted ? h * w : h;
  Value u = context.upstream(), loss = -log_p;
  if (reduction == Reduction::none) u = unsqueeze(u, {1});
  if (reduction == Reduction::mean) {
    u = u / reduce_sum(weights, all_axes(rank), false);
    loss = loss - context.output(0);
  }
  Gradients result{-(u * weights), Value{}};
  if (weighted) result.push_back(reshape_to(sum_to(u * h * loss, w), context.input(2)));
  return result;
}

std::vector<Sample> class_loss_samples() {
  const Tensor flat = Tensor::from<std::int64_t>({4}, {0, 2, 1, 2});
  const Tensor image = Tensor::from<std::int32_t>({2, 1, 2}, {1, 0, 2, 1});
  const auto reduced = [](std::string how) { return Attributes{{"reduction", std::move(how)}}; };
  Attributes ignoring = reduced("mean");
  ignoring.set("ignore_index", std::int64_t{1});
  return {
      {.shapes = {{4, 3}, {4}}, .low = 0.1, .fixed = {{1, flat}}},
      {.shapes = {{4, 3}, {4}, {3}}, .attributes = reduced("sum"), .low = 0.1, .fixed = {{1, flat}}},
      {.shapes = {{2, 3, 1, 2}, {2, 1, 2}, {3}},
       .attributes = reduced("none"),
       .low = 0.1,
       .fixed = {{1, image}}},
      {.shapes = {{2, 3, 1, 2}, {2, 1, 2}, {3}}, .attributes = ignoring, .low = 0.1, .fixed = {{1, image}}}};
}

}  // namespace dormouse::engine
