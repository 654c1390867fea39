#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/verbs/verb.h"
#include "engine/function_ref.h"
#include "engine/session.h"

namespace dormouse::daemon {

using Microseconds = std::chrono::duration<double, std::micro>;

struct Timing {
  Microseconds load{}, first_answer{};  ///< both from when the model was opened
  std::vector<Microseconds> latencies;  ///< sorted
  Microseconds total{};

  Microseconds quantile(double q) const;
  double throughput() const { return static_cast<double>(latencies.size()) * 1e6 / total.count(); }
};

/// When to stop: after --runs, or else --seconds, or else `seconds`. Throws UsageError for what is no limit.
class RunLimit {
 public:
  RunLimit(const Arguments& arguments, double seconds);
  bool reached(std::size_t done, std::chrono::steady_clock::duration spent) const;

 private:
  std::optional<std::int64_t> runs_;
  double seconds_ = 0;
};

/// Opens a model and runs it: the first answer, some runs to warm up, then those that count.
Timing time_runs(engine::FunctionRef<engine::Session()> open,
                 engine::FunctionRef<std::vector<engine::Tensor>(const engine::Session&)> inputs_for,
                 const RunLimit& limit);

}  // namespace dormouse::daemon
