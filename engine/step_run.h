#pragma once

#include <chrono>
#include <functional>

#include "engine/driver.h"
#include "engine/graph.h"

namespace dormouse::engine {

struct Step;

/// One step of a run that has ended. Nothing in it is there for longer than the call that tells of it.
struct StepRun {
  using Clock = std::chrono::steady_clock;

  const Graph& graph;                ///< whose nodes the step counts; shapes are static
  const Step* step = nullptr;        ///< null: all of `graph`, interpreted, for its shapes depend on data
  const Program* program = nullptr;  ///< null: portable kernels
  Clock::time_point begin;
  Clock::time_point end;
  int depth = 0;  ///< of subgraphs around it; those steps end after it and their time has its time in it
};

/// Told of every step, on the thread that runs it; from several at once when several run the session.
using StepObserver = std::function<void(const StepRun&)>;

}  // namespace dormouse::engine
