#include "engine/ops/scattering.h"

#include <string>

namespace dormouse::engine {
namespace {

std::optional<Scatter> parse(const std::string& reduction) {
  if (reduction == "none") return Scatter::replace;
  if (reduction == "add") return Scatter::add;
  if (reduction == "mul") return Scatter::multiply;
  if (reduction == "max") return Scatter::greatest;
  if (reduction == "min") return Scatter::least;
  return std::nullopt;
}

std::string reduction(const Attributes& attributes) {
  return attributes.get<std::string>("reduction", "none");
}

}  // namespace

Scatter scatter_of(const Attributes& attributes) {
  return parse(reduction(attributes)).value_or(Scatter::replace);
}

void require_index_type(const InferContext& context, std::size_t indices) {
  const DType type = context.dtype(indices);
  context.require(type == DType::i64 || type == DType::i32, "expects indices of i64 or i32");
}

void require_scatter_types(const InferContext& context, std::size_t indices, std::size_t updates) {
  require_index_type(context, indices);
  context.require(context.dtype(0) == context.dtype(updates), "data and updates differ in type");
  const std::string how = reduction(context.attributes());
  const std::optional<Scatter> known = parse(how);
  if (!known) context.unsupported("reduction " + how);
  if (context.dtype(0) == DType::boolean && *known != Scatter::replace)
    context.unsupported("reduction " + how + " of bool");
}

Value zeros_like(Value like) { return broadcast_to(scalar_like(like, 0), like); }

}  // namespace dormouse::engine
