#include "hrm/halting.h"

#include <algorithm>

namespace dormouse::hrm {

HaltTrial try_halting(const Planner& planner, const engine::Tensor& x, std::span<const std::uint8_t> answer,
                      PlanBudget budget) {
  HaltTrial trial;
  budget.verify = false;
  const std::int64_t most = budget.steps > 0 ? budget.steps : std::ssize(answer);
  Thought thought = planner.begin(x);
  while (thought.steps < most) {
    budget.steps = thought.steps + 1;
    const Halt why = planner.think(thought, budget);
    trial.right.push_back(thought.right);
    trial.correct.push_back(std::ranges::equal(thought.answer, answer));
    if (why == Halt::stable) break;
  }
  return trial;
}

Certificate certify_halting(std::span<const HaltTrial> trials, const Promise& promise) {
  std::vector<float> highest;
  for (const HaltTrial& trial : trials.first(trials.size() / 4))
    highest.push_back(trial.right.empty() ? 0 : std::ranges::max(trial.right));
  const std::vector<float> thresholds = equal_shares(std::move(highest));
  const auto tested = trials.subspan(trials.size() / 4);
  std::vector<Counted> at(thresholds.size());
  for (const HaltTrial& trial : tested)
    for (std::size_t i = 0; i < at.size(); ++i) {
      const auto stops =
          std::ranges::find_if(trial.right, [&](float right) { return right >= thresholds[i]; });
      if (stops == trial.right.end()) continue;
      ++at[i].audits;
      at[i].errors += !trial.correct[static_cast<std::size_t>(stops - trial.right.begin())];
    }
  return certify(at, tested.size(), thresholds, promise);
}

}  // namespace dormouse::hrm
