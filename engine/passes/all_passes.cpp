#include <array>

#include "engine/passes/pass.h"

namespace dormouse::engine {

extern const Pass constant_folding;
extern const Pass common_subexpressions;
extern const Pass dead_code;

std::span<const Pass* const> all_passes() {
  static constexpr std::array table = {&constant_folding, &common_subexpressions, &dead_code};
  return table;
}

void optimise(Graph& graph) {
  for (const Pass* pass : all_passes()) pass->run(graph);
}

}  // namespace dormouse::engine
