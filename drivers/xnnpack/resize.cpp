#include <xnnpack.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "drivers/xnnpack/steps.h"
#include "engine/kernel_call.h"
#include "engine/ops/resizing.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;
using engine::Resampling;
using engine::Shape;

/// How each axis of an image is resampled; nothing unless that is known, and images stay images of so many
/// channels.
std::optional<std::vector<Resampling>> resampled(const Graph& graph, const Node& node) {
  const Shape &x = input_shape(graph, node, 0), &y = output_shape(graph, node);
  if (x.rank() != 4 || engine::is_crop(node.attributes)) return std::nullopt;
  std::vector<engine::View> inputs{{engine::DType::f32, &x, nullptr}};
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (has_input(node, i) && !constant(graph, node, i)) return std::nullopt;
    inputs.push_back(has_input(node, i) ? engine::view_of(*constant(graph, node, i)) : engine::View{});
  }
  const engine::View output{engine::DType::f32, &y, nullptr};
  auto how = engine::resamplings({inputs, {&output, 1}, node.attributes, {}}, x, y, 1);
  return how[0].is_identity(x[0]) && how[1].is_identity(x[1]) ? std::optional(std::move(how)) : std::nullopt;
}

/// Every input comes as often as the others, one after the other.
bool repeats(const Resampling& how, std::int64_t inputs) {
  const std::int64_t outputs = how.outputs();
  if (outputs % inputs != 0 || how.position.size() != static_cast<std::size_t>(outputs)) return false;
  for (std::int64_t i = 0; i < outputs; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (how.begin[at] != at || how.weight[at] != 1 || how.position[at] != i / (outputs / inputs))
      return false;
  }
  return true;
}

/// Linear interpolation as XNNPACK has it: pixels have their coordinates at their centres, and the border
/// goes on.
bool is_linear(const Resampling& how, std::int64_t inputs) {
  const auto outputs = static_cast<double>(how.outputs()), last = static_cast<double>(inputs - 1);
  for (std::size_t i = 0; i + 1 < how.begin.size(); ++i) {
    double coordinate = 0, sum = 0;
    for (std::size_t tap = how.begin[i]; tap < how.begin[i + 1]; ++tap) {
      coordinate += how.weight[tap] * static_cast<double>(how.position[tap]);
      sum += how.weight[tap];
    }
    const double expected = (static_cast<double>(i) + 0.5) * static_cast<double>(inputs) / outputs - 0.5;
    const bool near =
        std::abs(coordinate - std::clamp(expected, 0.0, last)) < 1e-5 && std::abs(sum - 1) < 1e-6;
    if (!near || how.begin[i + 1] - how.begin[i] > 2) return false;
  }
  return true;
}

bool both(const Graph& graph, const Node& node, bool (*is)(const Resampling&, std::int64_t)) {
  const auto how = resampled(graph, node);
  const Shape& x = input_shape(graph, node, 0);
  return how && is((*how)[2], x[2]) && is((*how)[3], x[3]);
}

bool supports(const Graph& graph, const Node& node) {
  return both(graph, node, engine::is_nearest(node.attributes) ? repeats : is_linear);
}

/// Pixels are multiplied by ones: [rows, 1, columns, 1, channels] by [1, repeats, 1, repeats, 1].
void repeat(Builder& builder, Id from, Id to, const Extents& in, const Extents& out) {
  const std::size_t rows = in[0] * in[1], high = out[1] / in[1], wide = out[2] / in[2];
  const Extents spread{rows, high, in[2], wide, in[3]};
  const Id apart = builder.temporary({rows, 1, in[2], 1, in[3]});
  builder.reshape(from, apart, {rows, 1, in[2], 1, in[3]});
  engine::Tensor ones(engine::DType::f32,
                      {1, static_cast<std::int64_t>(high), 1, static_cast<std::int64_t>(wide), 1});
  std::ranges::fill(ones.mutable_values<float>(), 1.0f);
  const Id repeated = Steps(builder, spread).binary(xnn_binary_multiply, apart, builder.table(ones));
  builder.reshape(repeated, to, out);
}

void emit(Builder& builder, const Node& node) {
  const Extents in = extents(input_shape(builder.graph(), node, 0), Layout::channels_last);
  const Extents out = extents(output_shape(builder.graph(), node), Layout::channels_last);
  const Id from = builder.in(node.inputs[0], Layout::channels_last);
  const Id to = builder.out(node.outputs[0], Layout::channels_last);
  if (engine::is_nearest(node.attributes)) return repeat(builder, from, to, in, out);
  check(xnn_define_static_resize_bilinear_2d(builder.subgraph(), out[1], out[2], from, to, 0), "a Resize");
}

}  // namespace

extern const Kernel resize{"Resize", supports, emit};

}  // namespace dormouse::drivers::xnnpack
