#include "engine/ops/einsum_plan.h"

#include <algorithm>

#include "config/error.h"

namespace dormouse::engine {
namespace {

bool has(const EinsumLabels& labels, int label) { return std::ranges::find(labels, label) != labels.end(); }

EinsumLabels joined(std::initializer_list<EinsumLabels> parts) {
  EinsumLabels result;
  for (const EinsumLabels& part : parts) result.insert(result.end(), part.begin(), part.end());
  return result;
}

// A dimension of 1 stands for any other.
void agree(EinsumExtents& extents, int label, std::int64_t extent) {
  const auto [known, fresh] = extents.emplace(label, extent);
  if (fresh || known->second == extent || extent == 1) return;
  if (known->second == 1 || known->second == kDynamic)
    known->second = extent;
  else if (extent != kDynamic)
    throw Failure(Errc::invalid, "Einsum: dimensions of one label differ: " + std::to_string(known->second) +
                                     " and " + std::to_string(extent));
}

EinsumStep pair(const EinsumLabels& left, const EinsumLabels& right, const EinsumLabels& needed) {
  EinsumStep step;
  for (const int label : left) {
    EinsumLabels& part = has(right, label) ? (has(needed, label) ? step.batch : step.k) : step.m;
    if ((has(right, label) || has(needed, label)) && !has(part, label)) part.push_back(label);
  }
  for (const int label : right)
    if (!has(left, label) && has(needed, label) && !has(step.n, label)) step.n.push_back(label);
  return step;
}

}  // namespace

Shape EinsumTerm::shape(const EinsumExtents& extents) const {
  Shape result;
  for (const int label : labels) result.push_back(extents.at(label));
  return result;
}

EinsumTerm EinsumStep::left() const { return {joined({batch, m, k})}; }
EinsumTerm EinsumStep::right() const { return {joined({batch, k, n})}; }
EinsumTerm EinsumStep::product() const { return {joined({batch, m, n})}; }

EinsumPlan::EinsumPlan(const EinsumEquation& equation, std::span<const Shape> shapes) {
  if (shapes.size() != equation.operands())
    throw Failure(Errc::invalid, "Einsum: the equation has " + std::to_string(equation.operands()) +
                                     " operands, the node " + std::to_string(shapes.size()));
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto labels = equation.labels(i, shapes[i].rank());
    if (!labels)
      throw Failure(Errc::invalid, "Einsum: operand " + std::to_string(i) + ", " + to_string(shapes[i]) +
                                       ", has not the rank of its term " + einsum_term(equation.operand(i)));
    for (std::size_t d = 0; d < labels->size(); ++d) agree(extents, (*labels)[d], shapes[i][d]);
    operands.push_back(*labels);
  }
  result = equation.result_labels(operands);
  EinsumLabels so_far = operands[0];
  for (std::size_t i = 1; i < operands.size(); ++i) {
    EinsumLabels needed = result;
    for (std::size_t later = i + 1; later < operands.size(); ++later)
      needed.insert(needed.end(), operands[later].begin(), operands[later].end());
    steps.push_back(pair(so_far, operands[i], needed));
    so_far = steps.back().product().labels;
  }
}

std::int64_t EinsumPlan::extent(const EinsumLabels& labels) const {
  return EinsumTerm{labels}.shape(extents).elements();
}

std::vector<Shape> EinsumPlan::intermediates() const {
  std::vector<Shape> shapes;
  for (const EinsumStep& step : steps)
    for (const EinsumTerm& term : {step.left(), step.right(), step.product()})
      shapes.push_back(term.shape(extents));
  return shapes;
}

}  // namespace dormouse::engine
