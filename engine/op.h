#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/graph.h"
#include "engine/value.h"

namespace dormouse::engine {

/// What an operator may ask while types and shapes are inferred.
///
/// `constant(i)` is there when input i is known now: at import for weights and axis lists; when a graph is
/// interpreted, for every input. An operator whose output shape depends on data it cannot see leaves that
/// output without a shape (set_output with no shape), and the plan runs it in the interpreter.
class InferContext {
 public:
  InferContext(const Graph& graph, const Node& node);
  InferContext(const Node& node, std::span<const Tensor* const> inputs);  ///< interpreted: all inputs known

  std::size_t inputs() const { return inputs_.size(); }
  bool has_input(std::size_t i) const { return i < inputs_.size() && inputs_[i].present; }
  DType dtype(std::size_t i) const { return inputs_[i].dtype; }
  bool has_shape(std::size_t i) const { return inputs_[i].shape_known; }
  const Shape& shape(std::size_t i) const { return inputs_[i].shape; }
  const Tensor* constant(std::size_t i) const { return has_input(i) ? inputs_[i].constant : nullptr; }
  const Attributes& attributes() const { return node_->attributes; }
  const Node& node() const { return *node_; }
  std::size_t outputs() const { return outputs_.size(); }

  void set_output(std::size_t i, DType type, Shape shape);
  void set_output(std::size_t i, DType type);  ///< the shape is not known yet

  /// Throws Failure(invalid): "<operator> (node <name>): <what>; inputs: f32 [2, 3], …".
  [[noreturn]] void fail(std::string_view what) const;
  /// The same with Errc::unsupported.
  [[noreturn]] void unsupported(std::string_view what) const;
  void require(bool condition, std::string_view what) const {
    if (!condition) fail(what);
  }
  /// Axis attribute or value in [0, rank), or fail().
  std::size_t axis(std::int64_t axis, std::size_t rank) const;

  struct Slot {
    bool present = false;
    DType dtype = DType::f32;
    bool shape_known = false;
    Shape shape;
    const Tensor* constant = nullptr;
  };
  const Slot& input(std::size_t i) const { return inputs_[i]; }
  void set_output(std::size_t i, Slot slot);
  const std::vector<Slot>& inferred() const { return outputs_; }

 private:
  const Node* node_;
  std::vector<Slot> inputs_;
  std::vector<Slot> outputs_;
};

/// All that is known of a value; the constant is borrowed from it.
InferContext::Slot slot_of(const ValueInfo& value);

/// A tensor as kernels see it: where the elements are, of which type and shape. Outputs are written through
/// it.
struct View {
  DType dtype = DType::f32;
  const Shape* shape = nullptr;
  std::byte* data = nullptr;  ///< null: the optional tensor is absent

  bool present() const { return data != nullptr; }
  std::int64_t elements() const { return shape->elements(); }
  template <class T>
  std::span<T> values() const {
    return {reinterpret_cast<T*>(data), static_cast<std::size_t>(elements())};
  }
};

/// One call of a kernel. Kernels are noexcept: whatever can be refused was refused by infer().
struct KernelContext {
  std::span<const View> inputs;  ///< never written through
  std::span<const View> outputs;
  const Attributes& attributes;
  std::span<std::byte> scratch;  ///< as many bytes as Op::scratch asked for, 64-byte aligned

  bool has_input(std::size_t i) const { return i < inputs.size() && inputs[i].present(); }
  const Shape& shape(std::size_t i) const { return *inputs[i].shape; }
  const Shape& output_shape(std::size_t i) const { return *outputs[i].shape; }
  template <class T>
  std::span<const T> in(std::size_t i) const {
    return inputs[i].values<T>();
  }
  template <class T>
  std::span<T> out(std::size_t i) const {
    return outputs[i].values<T>();
  }
};

using Kernel = void (*)(const KernelContext&) noexcept;

/// Which element types an operator computes on; the type of input `Op::kernel_input` chooses the kernel.
using Kernels = std::vector<std::pair<DType, Kernel>>;

/// What a gradient is built from: the node's values and the gradient that arrives at each of its outputs.
class GradientContext {
 public:
  GradientContext(Graph& graph, const Node& node, std::span<const Value> upstream)
      : graph_(&graph), node_(&node), upstream_(upstream) {}
  Value input(std::size_t i) const { return {graph_, node_->inputs[i]}; }
  bool has_input(std::size_t i) const { return i < node_->inputs.size() && node_->inputs[i] != kAbsent; }
  Value output(std::size_t i) const { return {graph_, node_->outputs[i]}; }
  /// Absent (no gradient reaches it) tests false.
  Value upstream(std::size_t i = 0) const { return upstream_[i]; }
  const Attributes& attributes() const { return node_->attributes; }
  Graph& graph() const { return *graph_; }
  const Node& node() const { return *node_; }

 private:
  Graph* graph_;
  const Node* node_;
  std::span<const Value> upstream_;
};

/// One gradient per input, in order; an absent Value where none flows. May be shorter than the inputs.
using Gradients = std::vector<Value>;

/// What conformance runs an operator on: input shapes, the domain they are drawn from, attributes, constant
/// inputs.
struct Sample {
  std::vector<Shape> shapes;  ///< one per input
  Attributes attributes = {};
  double low = -2, high = 2;  ///< floating inputs are drawn uniformly from [low, high]
  std::vector<std::pair<std::size_t, Tensor>> fixed =
      {};                                ///< inputs given as they are (constants: axes, indices)
  std::vector<std::size_t> frozen = {};  ///< inputs without a gradient (besides the fixed ones)
};

/// Runs a subgraph on its inputs, in its order. Throws Failure(too_large) when one run of a model comes to
/// kMaxSubgraphRuns.
using RunSubgraph = std::function<std::vector<Tensor>(const Graph&, std::span<const Tensor>)>;

/// What If, Loop and Scan have in place of a kernel. Their subgraphs are attributes; what those read of the
/// graph around them stands behind the node's own inputs, as many as its attribute "captures" says, and
/// behind the own inputs of each subgraph, in the same order.
struct ControlFlow {
  /// What the subgraphs are given for the node's own inputs; an input without a shape may have any.
  std::vector<InferContext::Slot> (*given)(const Attributes&, std::span<const InferContext::Slot> own);
  /// Runs the node; null stands for an absent input.
  std::vector<Tensor> (*run)(const Node&, std::span<const Tensor* const> inputs, const RunSubgraph&);
};

/// How a call of an operator that treats images, along the first extent, alike is cut into calls of some.
struct ByImages {
  static constexpr std::size_t kOutput = SIZE_MAX, kNone = SIZE_MAX - 1;
  std::array<bool, 3> inputs{};  ///< which have one item an image
  bool summed = false;           ///< over images, instead of an item for each
  /// Operands whose elements are multiplied with each other, for a cost.
  std::size_t outer = kNone, weights = kNone;
};

/// One operator: everything there is to know about it, in one file under engine/ops/.
struct Op {
  std::string_view name;         ///< ONNX operator type, or our own
  std::string_view domain = "";  ///< "" = ai.onnx; "dormouse" = ours: gradients, optimisers, losses
  int since = 1;                 ///< first ONNX opset whose definition this is
  std::size_t min_inputs = 1;
  std::size_t max_inputs = 1;  ///< SIZE_MAX: variadic
  std::size_t max_outputs = 1;
  std::size_t kernel_input = 0;  ///< the input whose type chooses the kernel
  void (*infer)(InferContext&) = nullptr;
  Kernels kernels = {};
  Gradients (*gradient)(const GradientContext&) = nullptr;  ///< null: no gradient flows through it
  /// Bytes of scratch for these inputs and outputs; null: none.
  std::size_t (*scratch)(const KernelContext&) = nullptr;
  /// Its output may be a view on input 0's elements (Reshape, Flatten, Identity): no kernel runs then.
  bool is_view = false;
  /// Its one output may overwrite input 0 when nothing reads that later (element-wise operators).
  bool in_place = false;
  /// Each element of the outputs follows from the elements at its place in the inputs, as broadcasting has
  /// them, to the last bit: a call may be cut anywhere.
  bool elementwise = false;
  /// Its outputs are the next values of inputs: a parameter, and what an optimiser keeps of it.
  bool updates = false;
  std::optional<ByImages> by_images = {};
  /// What it computes follows from the shape of input 0 alone, and is known as soon as that is (Shape, Size).
  bool of_shape = false;
  /// Instead of kernels: it runs subgraphs.
  const ControlFlow* control = nullptr;
  /// Instead of kernels: code of the program around the engine, told which operator it is. Thread-safe, gives
  /// the same for the same inputs; throws Failure when it cannot.
  void (*routine)(const Op&, const KernelContext&) = nullptr;
  std::vector<Sample> samples = {};

  Kernel kernel_for(DType type) const;  ///< null when the type has none
};

/// Every operator of the list in ops/CMakeLists.txt.
std::span<const Op* const> all_ops();
/// The operator `name` of `domain` ("" = ai.onnx), or null.
const Op* find_op(std::string_view domain, std::string_view name);

/// {f32, f64} kernels from one template instantiation each: kernels<float, double>(compute<float>,
/// compute<double>).
template <class... T, class... K>
Kernels kernels(K... kernel) {
  static_assert(sizeof...(T) == sizeof...(K));
  return {{dtype_of<T>, kernel}...};
}

}  // namespace dormouse::engine
