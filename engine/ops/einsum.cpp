#include <algorithm>
#include <string>

#include "engine/kernels/gemm.h"
#include "engine/kernels/strided.h"
#include "engine/ops/einsum_plan.h"
#include "engine/ops/inference.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

EinsumEquation equation_of(const Attributes& attributes) {
  return EinsumEquation(attributes.get<std::string>("equation", ""));
}

void require_small(const InferContext& context, const Shape& shape) {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) {
    if (extent <= 0) continue;
    context.require(extent <= kMaxElements / product, "an intermediate has over 2^30 elements");
    product *= extent;
  }
}

void infer(InferContext& context) {
  context.require(context.attributes().has("equation"), "equation is missing");
  const EinsumEquation equation = equation_of(context.attributes());
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i < context.inputs(); ++i) {
    context.require(context.has_input(i) && context.dtype(i) == context.dtype(0), "operands differ in type");
    if (!context.has_shape(i)) return context.set_output(0, context.dtype(0));
    shapes.push_back(context.shape(i));
  }
  const EinsumPlan plan(equation, shapes);
  if (std::ranges::all_of(shapes, &Shape::is_static))
    for (const Shape& shape : plan.intermediates()) require_small(context, shape);
  set_checked_output(context, 0, context.dtype(0), EinsumTerm{plan.result}.shape(plan.extents));
}

EinsumPlan plan_of(const KernelContext& context) {
  std::vector<Shape> shapes;
  for (const View& input : context.inputs) shapes.push_back(*input.shape);
  return {equation_of(context.attributes), shapes};
}

// The scratch, as offsets in elements: both sides of a product, two products in turn, and what gemm() needs.
struct Layout {
  std::int64_t left = 0, right = 0, product = 0;
  std::size_t gemm = 0;

  explicit Layout(const EinsumPlan& plan) {
    for (const EinsumStep& step : plan.steps) {
      left = std::max(left, plan.extent(step.left().labels));
      right = std::max(right, plan.extent(step.right().labels));
      product = std::max(product, plan.extent(step.product().labels));
      gemm = std::max(gemm, gemm_scratch(plan.extent(step.m), plan.extent(step.n), plan.extent(step.k)));
    }
    for (std::int64_t* const size : {&left, &right, &product}) *size = (*size + 15) / 16 * 16;
  }
  std::int64_t elements() const { return left + right + 2 * product; }
};

std::size_t scratch(const KernelContext& context) {
  const Layout layout(plan_of(context));
  return static_cast<std::size_t>(layout.elements()) * sizeof(double) + layout.gemm;
}

template <class T>
struct Operand {
  const T* data;
  EinsumLabels labels;
  Shape shape;  // extents of 1 are repeated
};

// Element strides of `operand` along `labels`: 0 for those it lacks; a diagonal has the sum of both.
template <class T>
std::vector<std::int64_t> strides_along(const Operand<T>& operand, const EinsumLabels& labels) {
  const std::vector<std::int64_t> own = strides(operand.shape);
  std::vector<std::int64_t> result(labels.size(), 0);
  for (std::size_t i = 0; i < labels.size(); ++i)
    for (std::size_t d = 0; d < own.size(); ++d)
      if (operand.labels[d] == labels[i] && operand.shape[d] != 1) result[i] += own[d];
  return result;
}

// The operand with the dimensions of `to`, summed over the rest.
template <class T>
void lay_out(const EinsumPlan& plan, const Operand<T>& operand, const EinsumLabels& to, T* target) {
  EinsumLabels all = to;
  for (const int label : operand.labels)
    if (std::ranges::find(all, label) == all.end()) all.push_back(label);
  const Shape kept = EinsumTerm{to}.shape(plan.extents), extents = EinsumTerm{all}.shape(plan.extents);
  std::vector<std::int64_t> steps = strides(kept);
  steps.resize(all.size(), 0);
  std::fill_n(target, kept.elements(), T{0});
  StridedLoop<2>(extents, {steps, strides_along(operand, all)})
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        for (std::int64_t i = 0; i < length; ++i)
          target[offset[0] + i * step[0]] += operand.data[offset[1] + i * step[1]];
      });
}

template <class T>
void multiply(const EinsumPlan& plan, const EinsumStep& step, const T* left, const T* right, T* product,
              std::span<std::byte> scratch) {
  const std::int64_t m = plan.extent(step.m), n = plan.extent(step.n), k = plan.extent(step.k);
  for (std::int64_t batch = plan.extent(step.batch); batch-- > 0;)
    gemm<T>(m, n, k, 1, {left + batch * m * k, k}, {right + batch * k * n, n}, false, product + batch * m * n,
            n, scratch);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const EinsumPlan plan = plan_of(context);
  const Layout layout(plan);
  T* const left = reinterpret_cast<T*>(context.scratch.data());
  T* const right = left + layout.left;
  T* products[2] = {right + layout.right, right + layout.right + layout.product};
  const std::span<std::byte> rest =
      context.scratch.subspan(static_cast<std::size_t>(layout.elements()) * sizeof(double));
  Operand<T> so_far{context.in<T>(0).data(), plan.operands[0], context.shape(0)};
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const EinsumStep& step = plan.steps[i];
    const Operand<T> next{context.in<T>(i + 1).data(), plan.operands[i + 1], context.shape(i + 1)};
    lay_out(plan, so_far, step.left().labels, left);
    lay_out(plan, next, step.right().labels, right);
    multiply(plan, step, left, right, products[i % 2], rest);
    so_far = {products[i % 2], step.product().labels, step.product().shape(plan.extents)};
  }
  lay_out(plan, so_far, plan.result, context.out<T>(0).data());
}

// The gradient of an operand is what arrives times the other operands, with the operand's own term as result:
// the same operator. Letters that only this operand has were summed; there every element gets the same.
Value operand_gradient(const GradientContext& context, const EinsumEquation& equation, std::size_t which) {
  const Value x = context.input(which);
  const std::string& term = equation.operand(which);
  std::string terms = einsum_term(equation.result()), elsewhere = equation.result();
  std::vector<ValueId> inputs{context.upstream().id};
  for (std::size_t i = 0; i < equation.operands(); ++i) {
    if (i == which) continue;
    terms += ',';
    terms += einsum_term(equation.operand(i));
    elsewhere += equation.operand(i);
    inputs.push_back(context.input(i).id);
  }
  std::string reached;
  std::vector<std::int64_t> missing;
  for (std::size_t d = 0; d < term.size(); ++d) {
    if (std::ranges::count(term, term[d]) > 1)
      throw Failure(Errc::unsupported, "Einsum: no gradient of a diagonal");
    if (elsewhere.find(term[d]) != std::string::npos)
      reached += term[d];
    else
      missing.push_back(static_cast<std::int64_t>(d));
  }
  if (term.find('.') != std::string::npos && !missing.empty())
    throw Failure(Errc::unsupported, "Einsum: no gradient of a sum over a term with an ellipsis");
  Graph& graph = context.graph();
  const Attributes attributes{{"equation", terms + "->" + einsum_term(reached)}};
  Value result{&graph, graph.add_node(*find_op("", "Einsum"), inputs, attributes).front()};
  if (!missing.empty()) result = unsqueeze(result, missing);
  const Value whole = broadcast_to(scalar_like(x, 1), x);
  return missing.empty() ? sum_to(result, x) : sum_to(result * whole, x);
}

Gradients gradient(const GradientContext& context) {
  const EinsumEquation equation = equation_of(context.attributes());
  Gradients result;
  for (std::size_t i = 0; i < equation.operands(); ++i)
    result.push_back(operand_gradient(context, equation, i));
  return result;
}

Attributes equation(std::string text) { return {{"equation", std::move(text)}}; }

}  // namespace

namespace ops {
extern const Op einsum{
    .name = "Einsum",
    .since = 12,
    .max_inputs = SIZE_MAX,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .scratch = scratch,
    .samples = {{.shapes = {{2, 3, 4}, {2, 4, 5}}, .attributes = equation("bij, bjk -> bik")},
                {.shapes = {{2, 3}}, .attributes = equation("ij->i")},
                {.shapes = {{2, 3}, {4, 3}, {2, 4, 2}}, .attributes = equation("ac,bc,abd->db")},
                {.shapes = {{3, 1, 2, 4}, {5, 4, 3}}, .attributes = equation("...ij,...jk")},
                {.shapes = {{2, 3, 3}}, .attributes = equation("...ii->...i"), .frozen = {0}}}};
}  // namespace ops

}  // namespace dormouse::engine
