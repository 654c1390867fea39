#pragma once

#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/driver.h"
#include "engine/graph.h"
#include "engine/step_run.h"

namespace dormouse::engine {

/// An immutable graph made ready to run: plans per input shape, each with its drivers' programs and one
/// arena.
///
/// Thread-safe: any number of threads may run it; each run takes a context (arena and programs) from a pool
/// of its plan. Plans are made when a shape is first seen and the least recently used are dropped. Nodes from
/// where on a shape depends on data run in the interpreter, behind the plan. Subgraphs are sessions of their
/// own. A driver that fails at run time is given up: the plan is made anew without it, and the run answers.
class Session {
 public:
  struct Options {
    std::size_t plans = 8;  ///< input-shape combinations kept ready
    bool optimise = true;   ///< run the passes
    bool timed = false;     ///< keep what seconds() says
    bool measure = false;   ///< programs keep what Program::parts() says, at some cost
    /// Outputs are inputs of the next run, as a training step's parameters are: they stay on the device of a
    /// driver that computes the whole graph, are read-only, and must not outlive the drivers.
    bool feeds_back = false;
    StepObserver observe = {};  ///< told of every step; empty and not timed: no clock is read
    /// When shape after shape is new, more than there are plans, interpret until one comes again: the body of
    /// a loop whose values grow never sees the same one twice.
    bool patient = false;
  };
  /// `drivers` in order of preference, borrowed for the session's life; none: portable kernels only.
  Session(Graph graph, std::span<const Driver* const> drivers, Options options);
  Session(Graph graph, std::span<const Driver* const> drivers)
      : Session(std::move(graph), drivers, Options{}) {}
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Graph& graph() const;

  /// Inputs in the graph's order; outputs in the graph's order, in fresh tensors. Inputs are read where they
  /// lie, unless that is not aligned for their type or fewer than kReadSlack bytes behind them are readable.
  /// Throws Failure(invalid) when a type or shape does not fit, naming input, expected and given;
  /// Failure(expired) soon after `stop` is requested: it is asked for between nodes and programs.
  std::vector<Tensor> run(std::span<const Tensor> inputs, const std::stop_token& stop = {}) const;
  /// The same, the outputs written to where `outputs` say. Throws Failure(invalid) naming the first that is
  /// of another type or shape; those before it are written then.
  void run_into(std::span<const Tensor> inputs, std::span<const View> outputs,
                const std::stop_token& stop = {}) const;

  /// How many inputs had to be copied, in all runs.
  std::size_t copied_inputs() const;

  /// Fraction of the nodes that run on each driver for these input shapes ("reference" = portable kernels).
  std::vector<std::pair<std::string, std::size_t>> placement(std::span<const Tensor> inputs) const;

  /// Wall-clock seconds that all runs together spent on each driver ("reference" = portable kernels); needs
  /// Options::timed.
  std::map<std::string, double> seconds() const;

 private:
  struct Call;
  std::vector<Tensor> run(std::span<const Tensor> inputs, const Call& call) const;

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dormouse::engine
