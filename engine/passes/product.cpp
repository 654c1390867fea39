#include "engine/passes/product.h"

#include <cmath>

namespace dormouse::engine {
namespace {

void multiply(const Rewrite& rewrite, ValueId value, Product& product);

bool multiply_node(const Rewrite& rewrite, const Node& node, Product& product) {
  if (is(node, "Mul")) {
    for (const std::size_t i : {0, 1}) {
      const std::optional<double> scale = rewrite.scalar(node.inputs[i], node.inputs[1 - i]);
      if (scale)
        product.scale *= *scale;
      else
        multiply(rewrite, node.inputs[i], product);
    }
    return true;
  }
  if (!is(node, "Div") && !is(node, "Pow")) return false;
  const std::optional<double> constant = rewrite.scalar(node.inputs[1], node.inputs[0]);
  if (!constant) return false;
  if (is(node, "Div")) {
    product.scale /= *constant;
    multiply(rewrite, node.inputs[0], product);
    return true;
  }
  if (*constant != 2 && *constant != 3) return false;
  for (int i = 0; i < static_cast<int>(*constant); ++i) multiply(rewrite, node.inputs[0], product);
  return true;
}

void multiply(const Rewrite& rewrite, ValueId value, Product& product) {
  const Node* const node = rewrite.read_once(value) ? rewrite.maker(value) : nullptr;
  if (!node || !multiply_node(rewrite, *node, product)) product.factors.push_back(value);
}

}  // namespace

bool means(double given, double exact) { return std::abs(given - exact) <= 2e-5 * std::abs(exact); }

bool Product::is(double expected_scale, std::size_t count) const {
  return means(scale, expected_scale) && factors.size() == count;
}

Product product_of(const Rewrite& rewrite, const Node& node) {
  Product product;
  if (!multiply_node(rewrite, node, product)) return {};
  return product;
}

Product product_of(const Rewrite& rewrite, ValueId value) {
  Product product;
  const Node* const node = rewrite.maker(value);
  if (!node || !multiply_node(rewrite, *node, product)) product.factors.push_back(value);
  return product;
}

std::optional<Shifted> shifted(const Rewrite& rewrite, ValueId value) {
  const Node* const node = rewrite.maker(value, "Add");
  if (!node) return std::nullopt;
  for (const std::size_t i : {1, 0})
    if (const auto shift = rewrite.scalar(node->inputs[i], node->inputs[1 - i]))
      return Shifted{node->inputs[1 - i], *shift};
  return std::nullopt;
}

}  // namespace dormouse::engine
