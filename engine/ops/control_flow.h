#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/op.h"

/// What If, Loop and Scan share.
namespace dormouse::engine {

using Slots = std::vector<InferContext::Slot>;

/// How many of the node's inputs are its own; the rest is captured.
std::size_t own_inputs(const Attributes& attributes, std::size_t inputs);
inline std::size_t own_inputs(const InferContext& context) {
  return own_inputs(context.attributes(), context.inputs());
}

/// The subgraph that the node holds as `name`; fail()s when it is missing.
const Graph& subgraph(const InferContext& context, std::string_view name);
/// The same for a node that infer() has accepted.
const Graph& subgraph(const Node& node, std::string_view name);

/// The outputs of a subgraph that is given `own`, and behind them what the node captured. fail()s when it
/// takes other inputs.
Slots infer_subgraph(const InferContext& context, const Graph& graph, Slots own);

/// What is known of a value that is either `a` or `b`, which are of one type.
InferContext::Slot either(const InferContext::Slot& a, const InferContext::Slot& b);
/// Whether every value that fits `narrow` fits `wide`.
bool fits(const InferContext::Slot& narrow, const InferContext::Slot& wide);

/// Whether input `i` may have one element, as far as is known.
bool may_be_one(const InferContext& context, std::size_t i);
/// The tensor; throws Failure(invalid) naming the node and `what` it is unless it has one element.
const Tensor& require_one(const Node& node, const Tensor& tensor, std::string_view what);
/// Of a condition's one element: every byte but 0 is true, files may hold others than 1.
bool is_true(const Tensor& condition);

/// The tensors behind the node's own inputs.
std::vector<Tensor> captured(const Node& node, std::span<const Tensor* const> inputs);

/// What iterations add to one output: tensors of one shape, in the end side by side along a new axis 0.
///
/// Throws Failure(invalid) naming node and output when the shapes differ, Failure(too_large) when there are
/// more elements than a tensor may hold.
class Rows {
 public:
  /// `like` is the subgraph's output; borrowed, as the node is.
  Rows(const Node& node, const ValueInfo& like) : node_(&node), like_(&like) {}
  void add(Tensor row);
  /// Of no rows at all, the extents that are not known are 0.
  Tensor stacked() const;
  void reverse() { std::ranges::reverse(rows_); }

 private:
  [[noreturn]] void fail(Errc code, const std::string& what) const;

  const Node* node_;
  const ValueInfo* like_;
  std::vector<Tensor> rows_;
};

/// Rows for the outputs of a body from `first` on; node and body are borrowed.
std::vector<Rows> rows_of(const Node& node, const Graph& body, std::size_t first);

}  // namespace dormouse::engine
