#include "daemon/verbs/bench_timing.h"

#include <algorithm>

namespace dormouse::daemon {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kWarmUp = 3;

}  // namespace

Microseconds Timing::quantile(double q) const {
  const auto at = static_cast<std::size_t>(q * static_cast<double>(latencies.size()));
  return latencies[std::min(at, latencies.size() - 1)];
}

RunLimit::RunLimit(const Arguments& arguments, double seconds) : runs_(arguments.integer("runs")) {
  if (runs_ && *runs_ < 1) throw UsageError{"--runs must be 1 or more"};
  seconds_ =
      arguments.number("seconds", "a number above 0", [](double s) { return s > 0; }).value_or(seconds);
}

bool RunLimit::reached(std::size_t done, Clock::duration spent) const {
  if (runs_) return done >= static_cast<std::size_t>(*runs_);
  return done > 0 && std::chrono::duration<double>(spent).count() >= seconds_;
}

Timing time_runs(engine::FunctionRef<engine::Session()> open,
                 engine::FunctionRef<std::vector<engine::Tensor>(const engine::Session&)> inputs_for,
                 const RunLimit& limit) {
  Timing timing;
  const Clock::time_point opened = Clock::now();
  const engine::Session session = open();
  timing.load = Clock::now() - opened;
  const Clock::time_point before_inputs = Clock::now();
  const std::vector<engine::Tensor> inputs = inputs_for(session);
  const Clock::duration making_inputs = Clock::now() - before_inputs;
  session.run(inputs);
  timing.first_answer = Clock::now() - opened - making_inputs;
  for (std::int64_t i = 0; i < kWarmUp; ++i) session.run(inputs);
  const Clock::time_point begin = Clock::now();
  while (!limit.reached(timing.latencies.size(), Clock::now() - begin)) {
    const Clock::time_point start = Clock::now();
    session.run(inputs);
    timing.latencies.push_back(Clock::now() - start);
  }
  timing.total = Clock::now() - begin;
  std::ranges::sort(timing.latencies);
  return timing;
}

}  // namespace dormouse::daemon
