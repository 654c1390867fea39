#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

#include "engine/graph.h"

namespace dormouse::engine {

/// A handle on a value of a graph under construction; operators on it append nodes. Tests false when absent.
///
/// Gradients, losses, optimisers and model specs are written with these functions, each one registered
/// operator.
struct Value {
  Graph* graph = nullptr;
  ValueId id = kAbsent;

  explicit operator bool() const { return id != kAbsent; }
  const ValueInfo& info() const { return graph->value(id); }
  const Shape& shape() const { return info().shape; }
  DType dtype() const { return info().dtype; }
};

/// Appends the operator `name` (domain "" or "dormouse") with one output.
Value apply(std::string_view name, std::initializer_list<Value> inputs, Attributes attributes = {},
            std::string_view domain = "");
Value constant(Graph& graph, Tensor value);
/// A scalar of `like`'s type.
Value scalar_like(Value like, double value);
Value integers(Graph& graph, std::vector<std::int64_t> values);  ///< an i64 vector

Value operator+(Value a, Value b);
Value operator-(Value a, Value b);
Value operator*(Value a, Value b);
Value operator/(Value a, Value b);
Value operator-(Value a);
Value operator+(Value a, double b);
Value operator-(double a, Value b);
Value operator*(Value a, double b);

Value matmul(Value a, Value b);
Value transpose(Value a, std::vector<std::int64_t> permutation);
Value exp(Value a);
Value log(Value a);
Value sqrt(Value a);
Value relu(Value a);
Value sigmoid(Value a);
Value tanh(Value a);
Value softmax(Value a, std::int64_t axis = -1);
Value log_softmax(Value a, std::int64_t axis = -1);
Value reduce_sum(Value a, std::vector<std::int64_t> axes, bool keep_dims);
Value reduce_mean(Value a, std::vector<std::int64_t> axes, bool keep_dims);
Value reshape(Value a, std::vector<std::int64_t> shape);
Value squeeze(Value a, std::vector<std::int64_t> axes);
Value unsqueeze(Value a, std::vector<std::int64_t> axes);
/// "dormouse.SumTo": sums `a` over whatever broadcasting added, to the shape of `like`.
Value sum_to(Value a, Value like);
/// "dormouse.BroadcastTo": repeats `a` to the shape of `like`.
Value broadcast_to(Value a, Value like);
/// "dormouse.ReshapeTo": `a`'s elements under the shape of `like`.
Value reshape_to(Value a, Value like);
Value greater(Value a, Value b);
Value where(Value condition, Value a, Value b);
Value cast(Value a, DType type);

}  // namespace dormouse::engine
