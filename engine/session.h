#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/driver.h"
#include "engine/graph.h"

namespace dormouse::engine {

class SubgraphRuns;

/// An immutable graph made ready to run: plans per input shape, each with its drivers' programs and one
/// arena.
///
/// Thread-safe: any number of threads may run it; each run takes a context (arena and programs) from a pool
/// of its plan. Plans are made when a shape is first seen and the least recently used are dropped. Nodes from
/// where on a shape depends on data run in the interpreter, behind the plan. Subgraphs are sessions of their
/// own.
class Session {
 public:
  struct Options {
    std::size_t plans = 8;  ///< input-shape combinations kept ready
    bool optimise = true;   ///< run the passes
    bool timed = false;     ///< keep what seconds() says
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

  /// Inputs in the graph's order; outputs in the graph's order, in fresh tensors.
  /// Throws Failure(invalid) when a type or shape does not fit, naming input, expected and given.
  std::vector<Tensor> run(std::span<const Tensor> inputs) const;

  /// Fraction of the nodes that run on each driver for these input shapes ("reference" = portable kernels).
  std::vector<std::pair<std::string, std::size_t>> placement(std::span<const Tensor> inputs) const;

  /// Wall-clock seconds that all runs together spent on each driver ("reference" = portable kernels); needs
  /// Options::timed.
  std::map<std::string, double> seconds() const;

 private:
  std::vector<Tensor> run(std::span<const Tensor> inputs, SubgraphRuns& runs) const;

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dormouse::engine
