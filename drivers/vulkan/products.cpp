#include <array>

#include "drivers/vulkan/operands.h"
#include "drivers/vulkan/product.h"

/// Matrix products.
namespace dormouse::drivers::vulkan {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;

bool supports_gemm(const Graph& graph, const Node& node) {
  return !has_input(node, 2) || input_shape(graph, node, 2).rank() <= 2;
}

void emit_gemm(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Shape &a = input_shape(graph, node, 0), &b = input_shape(graph, node, 1);
  const bool turned_a = node.attributes.integer("transA", 0) != 0,
             turned_b = node.attributes.integer("transB", 0) != 0;
  Product p{.m = word(a[turned_a]), .n = word(b[!turned_b]), .k = word(a[!turned_a])};
  p.of_model = true;
  p.alpha = node.attributes.get<float>("alpha", 1);
  p.beta = node.attributes.get<float>("beta", 1);
  (turned_a ? p.a_k : p.a_m) = word(a[1]);
  (turned_a ? p.a_m : p.a_k) = 1;
  (turned_b ? p.b_n : p.b_k) = word(b[1]);
  (turned_b ? p.b_k : p.b_n) = 1;
  Slot bias = recorder.nothing();
  if (has_input(node, 2)) {
    const Shape& c = input_shape(graph, node, 2);
    const std::int64_t columns = c.rank() > 0 ? c.back() : 1, rows = c.rank() > 1 ? c[0] : 1;
    p.bias_n = columns > 1 ? 1 : 0;
    p.bias_m = rows > 1 ? word(columns) : 0;
    bias = recorder.read(node.inputs[2]);
  }
  const Slot left = recorder.read_factor(node.inputs[0]), right = recorder.read_factor(node.inputs[1]);
  add_product(recorder, p, left, right, bias, recorder.write(node.outputs[0]));
}

/// The axes before the last two of `shape` within `batch`: strides of matrices, in elements, joined to three
/// axes; nothing where they do not join.
struct Batch {
  std::vector<std::uint32_t> extents;
  std::array<std::vector<std::uint32_t>, 2> strides;
};

/// A vector is a matrix of one row on the left, of one column on the right.
Shape as_matrix(const Shape& shape, bool left) {
  if (shape.rank() >= 2) return shape;
  return left ? Shape{1, shape[0]} : Shape{shape[0], 1};
}

Batch batch_of(const Shape& a, const Shape& b) {
  Batch batch;
  const std::size_t rank = std::max(a.rank(), b.rank()) - 2;
  std::array<std::uint32_t, 2> all{};
  for (std::size_t i = 0; i < 2; ++i) all[i] = word((i ? b : a).elements());
  std::array<std::uint32_t, 2> left = all;
  for (std::size_t d = 0; d < rank; ++d) {
    std::uint32_t extent = 1;
    std::array<std::uint32_t, 2> strides{};
    for (std::size_t i = 0; i < 2; ++i) {
      const Shape& shape = i ? b : a;
      const std::size_t missing = rank - (shape.rank() - 2);
      if (d < missing) continue;
      const std::uint32_t own = word(shape[d - missing]);
      left[i] /= own;
      if (own > 1) strides[i] = left[i], extent = own;
    }
    if (extent == 1) continue;
    const bool joins = !batch.extents.empty() && batch.strides[0].back() == strides[0] * extent &&
                       batch.strides[1].back() == strides[1] * extent;
    if (joins) batch.extents.back() *= extent;
    if (!joins) batch.extents.push_back(extent);
    for (std::size_t i = 0; i < 2; ++i) {
      if (joins) batch.strides[i].back() = strides[i];
      if (!joins) batch.strides[i].push_back(strides[i]);
    }
  }
  return batch;
}

bool supports_matmul(const Graph& graph, const Node& node) {
  const Batch batch =
      batch_of(as_matrix(input_shape(graph, node, 0), true), as_matrix(input_shape(graph, node, 1), false));
  std::uint32_t all = 1;
  for (const std::uint32_t extent : batch.extents) all *= extent;
  return batch.extents.size() <= 3 && all <= 65535;
}

void emit_matmul(Recorder& recorder, const Node& node) {
  const Shape a = as_matrix(input_shape(recorder.graph(), node, 0), true),
              b = as_matrix(input_shape(recorder.graph(), node, 1), false);
  Product p{.m = word(a[a.rank() - 2]), .n = word(b.back()), .k = word(a.back())};
  p.of_model = true;
  p.a_m = p.k, p.a_k = 1, p.b_k = p.n, p.b_n = 1;
  const Batch batch = batch_of(a, b);
  const std::size_t axes = batch.extents.size();
  // Many matrices on the left and one on the right: one tall matrix.
  if (axes == 1 && batch.strides[1][0] == 0 && batch.strides[0][0] == p.m * p.k) {
    p.m *= batch.extents[0];
  } else {
    for (std::size_t i = 0; i < axes; ++i) {
      p.batch[3 - axes + i] = batch.extents[i];
      p.a_batch[3 - axes + i] = batch.strides[0][i];
      p.b_batch[3 - axes + i] = batch.strides[1][i];
    }
  }
  const Slot left = recorder.read_factor(node.inputs[0]), right = recorder.read_factor(node.inputs[1]);
  add_product(recorder, p, left, right, recorder.nothing(), recorder.write(node.outputs[0]));
}

}  // namespace

extern const std::array<Kernel, 2> product_kernels;
const std::array<Kernel, 2> product_kernels{
    Kernel{.op = "Gemm", .supports = supports_gemm, .emit = emit_gemm, .finishes = true},
    Kernel{.op = "MatMul", .supports = supports_matmul, .emit = emit_matmul, .finishes = true},
};

}  // namespace dormouse::drivers::vulkan
