#pragma once

#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/kernel_call.h"
#include "engine/output_buffers.h"
#include "engine/plan.h"
#include "engine/step_run.h"
#include "engine/whole_program.h"

namespace dormouse::engine {

/// A driver that fails at run time (unavailable), or has no room for a program (too_large): the next one may
/// fit.
struct DriverFailure : Failure {
  DriverFailure(Error error, const Driver& which) : Failure(std::move(error)), driver(&which) {}
  const Driver* driver;
};

/// What one thread needs to run a plan: an arena, and kernels and programs bound to it. `plan` is borrowed.
///
/// Inputs are read where they lie if they are aligned for their type and kReadSlack bytes behind them are
/// readable; else they are copied first.
class Context {
 public:
  struct Options {
    bool measure = false;     ///< programs keep what Program::parts() says
    bool feeds_back = false;  ///< a plan that is one WholeProgram is run as such
  };
  /// Throws DriverFailure.
  Context(const Plan& plan, Options options);

  /// What a run is given besides its inputs.
  struct Around {
    const RunSubgraph& run;       ///< runs the subgraphs of the plan's nodes
    const StepObserver& observe;  ///< empty: no clock is read
    const std::stop_token& stop;
  };
  /// Inputs and outputs in the graph's order. Throws Failure(expired) between two steps when it is to stop;
  /// it may be run again after any Failure; DriverFailure when a driver's program fails.
  std::vector<Tensor> run(std::span<const Tensor> inputs, const Around& around);

  /// How many inputs had to be copied, in all runs.
  std::size_t copied() const { return copied_; }

 private:
  /// A step bound to its operands: a program, a kernel or a node with subgraphs.
  struct Bound {
    const Step* step = nullptr;
    std::vector<View> inputs;
    std::vector<View> outputs;
    KernelCall call;
    std::unique_ptr<Program> program;
    const Node* control = nullptr;
  };
  /// Who is told where one of the graph's inputs or outputs lies in this run.
  struct Moving {
    std::byte* address = nullptr;
    std::vector<View*> users;
    void move(std::byte* to);
  };
  struct Input : Moving {
    std::shared_ptr<Buffer> copy;  ///< if one was needed
  };
  struct Output : Moving {
    std::shared_ptr<Buffer> buffer;  ///< while it is computed
  };

  View view(ValueId id) const;
  /// Where a value lies by now. A constant is asked for here and not before: one that only drivers read need
  /// not be made.
  View now(ValueId id) const;
  std::vector<View> views(std::span<const ValueId> ids) const;
  void bind(const Step& step);
  void bind_node(const Node& node, Bound& bound);
  void listen(std::span<const ValueId> ids, std::span<View> views);
  void give(Input& input, const Tensor& tensor);
  void make_room();
  std::vector<Tensor> hand_out();
  void run(const Bound& step, std::span<const Tensor> inputs, const RunSubgraph& run);
  /// The plan as one program that takes tensors, or null.
  WholeProgram* whole() const;
  std::vector<Tensor> run_whole(std::span<const Tensor> inputs);
  void run_control(const Bound& step, std::span<const Tensor> inputs, const RunSubgraph& run) const;
  Tensor tensor(ValueId id, std::span<const Tensor> inputs) const;
  bool is_made_as(ValueId id, std::size_t output) const;
  const Place& place(ValueId id) const { return plan_.places[static_cast<std::size_t>(id)]; }

  const Plan& plan_;
  bool measure_;
  std::shared_ptr<Buffer> arena_;
  std::vector<View> views_;
  std::map<const Driver*, std::shared_ptr<Workspace>> workspaces_;  // outlive the programs in steps_
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  OutputBuffers buffers_;
  std::vector<Bound> steps_;
  std::size_t scratch_bytes_ = 0;
  std::shared_ptr<Buffer> scratch_;
  std::size_t copied_ = 0;
  WholeProgram* whole_ = nullptr;
};

}  // namespace dormouse::engine
