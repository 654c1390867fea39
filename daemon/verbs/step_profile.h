#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "engine/cost.h"
#include "engine/step_run.h"

namespace dormouse::daemon {

/// Where the time of a session's runs went, step by step; give it to Session::Options::observe by reference.
///
/// Not thread-safe: one thread runs the session, one run after the other.
class StepProfile {
 public:
  struct Step {
    std::string name;    ///< of the node; of a partition its first and last
    std::string op;      ///< of a partition how many nodes it has
    std::string driver;  ///< "reference": portable kernels
    int depth = 0;       ///< in subgraphs
    engine::Cost cost;   ///< of one run
    std::size_t runs = 0;
    std::chrono::nanoseconds total{};  ///< subgraphs' own steps not counted
    std::vector<std::pair<std::string, std::chrono::microseconds>>
        parts;  ///< as the driver names them; in total

    double mean_us() const { return std::chrono::duration<double, std::micro>(total).count() / double(runs); }
  };

  void operator()(const engine::StepRun& run);

  /// In the order in which they first ran.
  const std::vector<Step>& steps() const { return steps_; }
  /// All runs on one time line, as Chrome's tracing page and Perfetto read it (Trace Event Format, JSON).
  void write_trace(std::ostream& to) const;

 private:
  using Clock = engine::StepRun::Clock;
  struct Event {
    std::size_t step;
    Clock::time_point begin, end;
    std::vector<std::chrono::microseconds> parts;
  };

  std::size_t index_of(const engine::StepRun& run);

  std::vector<Step> steps_;
  std::map<std::tuple<const engine::Graph*, const void*>, std::size_t> index_;
  std::map<int, std::chrono::nanoseconds> inside_;  ///< by depth: of steps whose outer step has not ended
  std::vector<Event> events_;
};

}  // namespace dormouse::daemon
