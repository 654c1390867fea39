#include "drivers/vulkan/reduction.h"

#include <algorithm>
#include <array>

#include "drivers/vulkan/operands.h"

namespace dormouse::drivers::vulkan {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;

constexpr std::size_t kAxes = 4;  // of each kind, as in the shader

/// Neighbouring axes of one kind joined.
struct Axes {
  std::vector<std::uint32_t> extents, strides;

  void add(std::uint32_t extent, std::uint32_t stride) {
    if (!extents.empty() && strides.back() == extent * stride) {
      extents.back() *= extent;
      strides.back() = stride;
    } else {
      extents.push_back(extent);
      strides.push_back(stride);
    }
  }
  std::uint32_t elements() const {
    std::uint32_t all = 1;
    for (const std::uint32_t extent : extents) all *= extent;
    return all;
  }
  void push(Push& push) const {
    for (std::size_t d = 0; d < kAxes; ++d)
      push.add(d < kAxes - extents.size() ? 1u : extents[d + extents.size() - kAxes]);
    for (std::size_t d = 0; d < kAxes; ++d)
      push.add(d < kAxes - extents.size() ? 0u : strides[d + extents.size() - kAxes]);
  }
};

struct Split {
  Axes kept, reduced;

  Split(const Shape& shape, const std::vector<bool>& is_reduced) {
    const std::vector<std::int64_t> strides = engine::strides(shape);
    for (std::size_t d = 0; d < shape.rank(); ++d)
      if (shape[d] != 1) (is_reduced[d] ? reduced : kept).add(word(shape[d]), word(strides[d]));
  }
};

/// How many outputs a work group makes: neighbours where that reads neighbours, else one.
std::uint32_t across(const Split& split) {
  const std::uint32_t length = split.reduced.elements(), count = split.kept.elements();
  const bool rows = !split.reduced.strides.empty() && split.reduced.strides.back() == 1;
  if (length < 16) return kThreads;
  if (rows) return length >= 512 ? 1 : length >= 64 ? 4 : 16;
  return count >= 65536 ? kThreads : count >= 32 ? 32 : 1;
}

std::optional<std::vector<bool>> reduced_axes(const Graph& graph, const Node& node) {
  const std::size_t rank = input_shape(graph, node, 0).rank();
  if (has_input(node, 1) &&
      (!constant(graph, node, 1) || constant(graph, node, 1)->dtype() != engine::DType::i64))
    return std::nullopt;
  std::vector<std::int64_t> given = node.attributes.integers("axes");
  if (const engine::Tensor* axes = constant(graph, node, 1))
    given.assign(axes->values<std::int64_t>().begin(), axes->values<std::int64_t>().end());
  std::vector<bool> result(rank, given.empty() && node.attributes.integer("noop_with_empty_axes", 0) == 0);
  for (const std::int64_t axis : given) result[*engine::normalise_axis(axis, rank)] = true;
  return result;
}

bool supports(const Graph& graph, const Node& node) {
  const auto axes = reduced_axes(graph, node);
  return axes && reducible(input_shape(graph, node, 0), *axes);
}

template <Fold fold, End end = End::plain, bool mean = false>
void emit(Recorder& recorder, const Node& node) {
  const Shape& shape = input_shape(recorder.graph(), node, 0);
  const std::vector<bool> axes = *reduced_axes(recorder.graph(), node);
  Reduction what{fold, end, 1};
  if (mean) what.factor = 1 / static_cast<float>(Split(shape, axes).reduced.elements());
  const Slot in = recorder.read(node.inputs[0]);
  add_reduction(recorder, what, shape, axes, in, recorder.write(node.outputs[0]));
}

std::vector<bool> spatial(const Shape& shape) {
  std::vector<bool> axes(shape.rank(), true);
  axes[0] = axes[1] = false;
  return axes;
}

template <Fold fold>
void emit_global(Recorder& recorder, const Node& node) {
  const Shape& shape = input_shape(recorder.graph(), node, 0);
  Reduction what{.fold = fold};
  if (fold == Fold::sum) what.factor = 1 / static_cast<float>(shape.elements(2, shape.rank()));
  const Slot in = recorder.read(node.inputs[0]);
  add_reduction(recorder, what, shape, spatial(shape), in, recorder.write(node.outputs[0]));
}

/// SumTo: the axes along which `like` was repeated.
std::vector<bool> repeated_axes(const Shape& shape, const Shape& like) {
  std::vector<bool> axes(shape.rank(), true);
  for (std::size_t d = 0; d < like.rank(); ++d) {
    const std::size_t axis = d + shape.rank() - like.rank();
    axes[axis] = like[d] != shape[axis];
  }
  return axes;
}

bool supports_sum_to(const Graph& graph, const Node& node) {
  const Shape& shape = input_shape(graph, node, 0);
  return reducible(shape, repeated_axes(shape, output_shape(graph, node)));
}

void emit_sum_to(Recorder& recorder, const Node& node) {
  const Shape &shape = input_shape(recorder.graph(), node, 0), &like = output_shape(recorder.graph(), node);
  const Slot in = recorder.read(node.inputs[0]);
  if (shape.elements() == like.elements()) return recorder.alias(node.outputs[0], in);
  add_reduction(recorder, {}, shape, repeated_axes(shape, like), in, recorder.write(node.outputs[0]));
}

}  // namespace

bool reducible(const Shape& shape, const std::vector<bool>& reduced) {
  const Split split(shape, reduced);
  return split.kept.extents.size() <= kAxes && split.reduced.extents.size() <= kAxes;
}

namespace {

Call call_for(Reduction what, const Split& split, Slot in, Slot out, Finish finish) {
  const std::uint32_t count = split.kept.elements(), width = across(split);
  Call call{
      .shader = Shader::reduce,
      .constants = {kThreads, width, static_cast<std::uint32_t>(what.fold),
                    static_cast<std::uint32_t>(what.end), kThreads, static_cast<std::uint32_t>(finish.what)},
      .slots = {in, out},
      .first_written = 1,
      .groups = groups_for(count, width)};
  call.push.add(count).add(split.reduced.elements()).add(what.factor);
  split.kept.push(call.push);
  split.reduced.push(call.push);
  call.push.add(finish.a).add(finish.b);
  return call;
}

}  // namespace

void add_reduction(Recorder& recorder, Reduction what, const Shape& shape, const std::vector<bool>& reduced,
                   Slot in, Slot out) {
  const Split split(shape, reduced);
  Call call = call_for(what, split, in, out, {});
  if (across(split) == 1 && recorder.device().subgroups_add()) call.shader = Shader::reduce_subgroups;
  recorder.add(std::move(call));
}

Call parts_call(Slot parts, std::uint32_t count, std::uint32_t elements, Slot out, Finish finish) {
  return call_for({}, Split({count, elements}, {true, false}), parts, out, finish);
}

extern const std::array<Kernel, 13> reduction_kernels;
const std::array<Kernel, 13> reduction_kernels{
    Kernel{.op = "ReduceSum", .supports = supports, .emit = emit<Fold::sum>},
    Kernel{.op = "ReduceMean", .supports = supports, .emit = emit<Fold::sum, End::plain, true>},
    Kernel{.op = "ReduceMax", .supports = supports, .emit = emit<Fold::max>},
    Kernel{.op = "ReduceMin", .supports = supports, .emit = emit<Fold::min>},
    Kernel{.op = "ReduceProd", .supports = supports, .emit = emit<Fold::product>},
    Kernel{.op = "ReduceL1", .supports = supports, .emit = emit<Fold::magnitudes>},
    Kernel{.op = "ReduceL2", .supports = supports, .emit = emit<Fold::squares, End::root>},
    Kernel{.op = "ReduceSumSquare", .supports = supports, .emit = emit<Fold::squares>},
    Kernel{.op = "ReduceLogSum", .supports = supports, .emit = emit<Fold::sum, End::logarithm>},
    Kernel{.op = "ReduceLogSumExp", .supports = supports, .emit = emit<Fold::exponentials, End::logarithm>},
    Kernel{.op = "GlobalAveragePool", .supports = nullptr, .emit = emit_global<Fold::sum>},
    Kernel{.op = "GlobalMaxPool", .supports = nullptr, .emit = emit_global<Fold::max>},
    Kernel{.op = "SumTo", .supports = supports_sum_to, .emit = emit_sum_to, .shapes = 2},
};

}  // namespace dormouse::drivers::vulkan
