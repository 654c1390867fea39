#include "engine/ops/control_flow.h"

/// If(condition): the outputs of one of two subgraphs, which take nothing but what they capture.
namespace dormouse::engine {
namespace {

Slots given(const Attributes&, std::span<const InferContext::Slot>) { return {}; }

Slots infer_branch(const InferContext& context, std::string_view name) {
  Slots outputs = infer_subgraph(context, subgraph(context, name), {});
  context.require(outputs.size() == context.outputs(),
                  std::string(name) + " has " + std::to_string(outputs.size()) + " outputs and the node " +
                      std::to_string(context.outputs()));
  return outputs;
}

void infer(InferContext& context) {
  context.require(context.dtype(0) == DType::boolean, "the condition is not a bool");
  context.require(may_be_one(context, 0), "the condition is not one element");
  const Slots then = infer_branch(context, "then_branch"), other = infer_branch(context, "else_branch");
  const Tensor* const condition = context.constant(0);
  for (std::size_t i = 0; i < then.size(); ++i) {
    context.require(then[i].dtype == other[i].dtype,
                    "its branches differ in the type of output " + std::to_string(i));
    if (condition)
      context.set_output(i, is_true(*condition) ? then[i] : other[i]);
    else
      context.set_output(i, either(then[i], other[i]));
  }
}

std::vector<Tensor> run(const Node& node, std::span<const Tensor* const> inputs, const RunSubgraph& run) {
  const bool condition = is_true(require_one(node, *inputs[0], "the condition"));
  return run(subgraph(node, condition ? "then_branch" : "else_branch"), captured(node, inputs));
}

constexpr ControlFlow control{given, run};

}  // namespace

namespace ops {
extern const Op if_else{
    .name = "If", .max_inputs = SIZE_MAX, .max_outputs = SIZE_MAX, .infer = infer, .control = &control};
}  // namespace ops

}  // namespace dormouse::engine
