#include "engine/value.h"

#include "engine/op.h"

namespace dormouse::engine {
namespace {

Graph& graph_of(std::initializer_list<Value> inputs) {
  for (const Value& value : inputs)
    if (value.graph) return *value.graph;
  ensure(false, "an operator is applied to a value of a graph");
  std::abort();
}

Value own(std::string_view name, Value a, Value b) { return apply(name, {a, b}, {}, "dormouse"); }

}  // namespace

Value apply(std::string_view name, std::initializer_list<Value> inputs, Attributes attributes,
            std::string_view domain) {
  const Op* op = find_op(domain, name);
  ensure(op != nullptr, name);
  Graph& graph = graph_of(inputs);
  std::vector<ValueId> ids;
  for (const Value& value : inputs) ids.push_back(value.id);
  return {&graph, graph.add_node(*op, std::move(ids), std::move(attributes)).front()};
}

Value constant(Graph& graph, Tensor value) { return {&graph, graph.add_constant("", std::move(value))}; }

Value scalar_like(Value like, double value) {
  return constant(*like.graph, Tensor::scalar(value).as(like.dtype()));
}

Value integers(Graph& graph, std::vector<std::int64_t> values) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  return constant(graph, Tensor::from<std::int64_t>(shape, values));
}

Value operator+(Value a, Value b) { return apply("Add", {a, b}); }
Value operator-(Value a, Value b) { return apply("Sub", {a, b}); }
Value operator*(Value a, Value b) { return apply("Mul", {a, b}); }
Value operator/(Value a, Value b) { return apply("Div", {a, b}); }
Value operator-(Value a) { return apply("Neg", {a}); }
Value operator+(Value a, double b) { return a + scalar_like(a, b); }
Value operator-(double a, Value b) { return scalar_like(b, a) - b; }
Value operator*(Value a, double b) { return a * scalar_like(a, b); }

Value matmul(Value a, Value b) { return apply("MatMul", {a, b}); }
Value transpose(Value a, std::vector<std::int64_t> permutation) {
  return apply("Transpose", {a}, {{"perm", std::move(permutation)}});
}
Value exp(Value a) { return apply("Exp", {a}); }
Value log(Value a) { return apply("Log", {a}); }
Value sqrt(Value a) { return apply("Sqrt", {a}); }
Value relu(Value a) { return apply("Relu", {a}); }
Value sigmoid(Value a) { return apply("Sigmoid", {a}); }
Value tanh(Value a) { return apply("Tanh", {a}); }
Value softmax(Value a, std::int64_t axis) { return apply("Softmax", {a}, {{"axis", axis}}); }
Value log_softmax(Value a, std::int64_t axis) { return apply("LogSoftmax", {a}, {{"axis", axis}}); }

Value reduce_sum(Value a, std::vector<std::int64_t> axes, bool keep_dims) {
  return apply("ReduceSum", {a, integers(*a.graph, std::move(axes))},
               {{"keepdims", std::int64_t{keep_dims}}});
}

Value reduce_mean(Value a, std::vector<std::int64_t> axes, bool keep_dims) {
  return apply("ReduceMean", {a, integers(*a.graph, std::move(axes))},
               {{"keepdims", std::int64_t{keep_dims}}});
}

Value reshape(Value a, std::vector<std::int64_t> shape) {
  return apply("Reshape", {a, integers(*a.graph, std::move(shape))});
}

Value squeeze(Value a, std::vector<std::int64_t> axes) {
  return apply("Squeeze", {a, integers(*a.graph, std::move(axes))});
}

Value unsqueeze(Value a, std::vector<std::int64_t> axes) {
  return apply("Unsqueeze", {a, integers(*a.graph, std::move(axes))});
}

Value sum_to(Value a, Value like) { return own("SumTo", a, like); }
Value broadcast_to(Value a, Value like) { return own("BroadcastTo", a, like); }
Value reshape_to(Value a, Value like) { return own("ReshapeTo", a, like); }
Value greater(Value a, Value b) { return apply("Greater", {a, b}); }
Value where(Value condition, Value a, Value b) { return apply("Where", {condition, a, b}); }

// ONNX numbers its element types; a cast names its target by that number.
Value cast(Value a, DType type) {
  static constexpr std::int64_t onnx_number[] = {1, 11, 10, 16, 3, 2, 5, 4, 6, 12, 7, 13, 9};
  return apply("Cast", {a}, {{"to", onnx_number[static_cast<std::size_t>(type)]}});
}

}  // namespace dormouse::engine
