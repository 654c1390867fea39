#include "capi/custom_operator.h"

#include "capi/error.h"
#include "capi/node.h"

namespace dormouse::capi {
namespace {

const char* named(const char* text, const char* what) {
  require(text, what);
  return text;
}

bool all_known(const engine::InferContext& context) {
  for (std::size_t i = 0; i < context.inputs(); ++i)
    if (context.has_input(i) && !context.constant(i)) return false;
  return true;
}

}  // namespace

CustomOperator::CustomOperator(const dormouse_operator& op)
    : own_name_(named(op.name, "the operator's name")),
      own_domain_(named(op.domain, "the operator's domain")),
      callbacks_(op) {
  const std::string where = "operator " + own_domain_ + "." + own_name_;
  if (own_name_.empty()) throw Failure(Errc::invalid, "the operator's name is empty");
  if (own_domain_.empty() || own_domain_ == "ai.onnx")
    throw Failure(Errc::invalid, where + ": its domain is ONNX's own; choose another");
  if (!op.infer || !op.compute) throw Failure(Errc::invalid, where + ": it needs infer and compute");
  if (op.min_inputs > op.max_inputs) throw Failure(Errc::invalid, where + ": min_inputs is above max_inputs");
  if (op.max_outputs == 0) throw Failure(Errc::invalid, where + ": it has no outputs");
  name = own_name_;
  domain = own_domain_;
  min_inputs = op.min_inputs;
  max_inputs = op.max_inputs;
  max_outputs = op.max_outputs;
  infer = infer_outputs;
  routine = compute;
}

void CustomOperator::infer_outputs(engine::InferContext& context) {
  const auto& op = static_cast<const CustomOperator&>(*context.node().op);
  const std::string where = op.own_name_ + " (node " + context.node().name + ")";
  dormouse_node node(context);
  node.check(op.callbacks_.infer(op.callbacks_.context, &node), where);
  for (std::size_t i = 0; i < context.outputs(); ++i) {
    const engine::InferContext::Slot& slot = context.inferred()[i];
    if (!slot.present) context.fail("infer did not set output " + std::to_string(i));
    if (all_known(context) && !(slot.shape_known && slot.shape.is_static()))
      context.fail("all inputs are known, and infer did not say the shape of output " + std::to_string(i));
  }
}

void CustomOperator::compute(const engine::Op& op, const engine::KernelContext& context) {
  const auto& custom = static_cast<const CustomOperator&>(op);
  dormouse_node node(context);
  node.check(custom.callbacks_.compute(custom.callbacks_.context, &node),
             custom.own_domain_ + "." + custom.own_name_);
}

}  // namespace dormouse::capi
