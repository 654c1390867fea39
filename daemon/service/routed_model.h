#pragma once

#include <array>
#include <cmath>
#include <list>

#include "daemon/service/routing.h"

/// What Routing keeps of each model. For routing*.cpp.
namespace dormouse::daemon {

inline double microseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

/// A request that was drawn.
struct Routing::Pending {
  memory::EpisodeId id = 0;
  RowAnswer low;
  InferenceJob job;  ///< of its row
  std::size_t bytes = 0;
  std::size_t doubts = 0;  ///< of the gate, when it was drawn
  int interrupted = 0;
  std::optional<HighAnswer> high = {};  ///< nothing yet
  bool failed = false;
};

struct Routing::Model {
  Model(const hrm::Promise& promise, bool judges) : gate(promise), gated(judges) {}

  hrm::AuditedGate gate;
  bool gated;           ///< target_error is set
  std::string shipped;  ///< as SavedGate's
  RoutedModels models;
  std::list<Pending> pending;  ///< the one that computes stays where it is
  std::size_t pending_bytes = 0;
  std::uint64_t skipped = 0, disagreed = 0, audited = 0;
  PutOffs put_off{};
  std::array<Histogram, 4> times;  ///< of answers by route
  Histogram planner;               ///< of its runs
  double low_us = 0, high_us = 0, audits_us = 0, planner_us = 0;
  std::uint64_t planner_runs = 0;
  std::unique_ptr<hrm::TraceWriter> trace;  ///< used on the storage thread
  bool trace_fails = false;                 ///< likewise: the last line could not be written
  bool changed = false;
  Clock::Steady saved{};

  double compute(double us) const {
    return us / (static_cast<double>(answers()) * planner_us / static_cast<double>(planner_runs));
  }
  std::uint64_t answers() const {
    std::uint64_t rows = 0;
    for (const Histogram& route : times) rows += route.count();
    return rows;
  }
  /// Of what the planner alone would have taken for these answers; NaN while that is not known.
  double share_saved() const {
    return answers() > 0 && planner_runs > 0 ? 1 - compute(low_us + high_us) : std::nan("");
  }
  void ran_planner(std::chrono::nanoseconds time) {
    planner.observe(time);
    planner_us += microseconds(time);
    ++planner_runs;
  }
};

}  // namespace dormouse::daemon
