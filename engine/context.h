#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/kernel_call.h"
#include "engine/plan.h"
#include "engine/stopwatch.h"

namespace dormouse::engine {

/// What one thread needs to run a plan: an arena, and kernels and programs bound to it. `plan` is borrowed.
class Context {
 public:
  explicit Context(const Plan& plan);

  /// Inputs and outputs in the graph's order; the outputs are fresh tensors. `run` runs the subgraphs of the
  /// plan's nodes; without `spent` no clock is read.
  std::vector<Tensor> run(std::span<const Tensor> inputs, const RunSubgraph& run, Spent* spent);

 private:
  /// A step bound to its operands: a program, a kernel or a node with subgraphs.
  struct Bound {
    std::vector<View> inputs;
    std::vector<View> outputs;
    KernelCall call;
    std::unique_ptr<Program> program;
    const Driver* driver = nullptr;
    const Node* control = nullptr;
    std::vector<Tensor> operands;  ///< the inputs once more, as `control` wants them
  };

  View view(ValueId id) const;
  std::vector<View> views(std::span<const ValueId> ids) const;
  void bind(const Step& step);
  void bind_node(const Node& node, Bound& bound);
  void run(const Bound& step, const RunSubgraph& run);
  void run_control(const Bound& step, const RunSubgraph& run) const;
  Tensor tensor(ValueId id) const;
  Tensor take(ValueId id) const;

  const Plan& plan_;
  std::shared_ptr<Buffer> arena_;
  std::vector<View> views_;
  std::map<const Driver*, std::shared_ptr<Workspace>> workspaces_;  // outlive the programs in steps_
  std::vector<Bound> steps_;
  std::size_t scratch_bytes_ = 0;
  std::shared_ptr<Buffer> scratch_;
};

}  // namespace dormouse::engine
