#include "memory/stream_novelty.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "config/error.h"

namespace dormouse::memory {
namespace {

/// What a spread counts as at least, so that the rounding errors of a constant are nothing new: of the
/// largest magnitude for values, of what the values spread for activities.
constexpr double kLeastRange = 1e-3;

void require_option(bool condition, const char* what) {
  if (!condition) throw Failure(Errc::invalid, std::string("novelty: ") + what);
}

NoveltyOptions checked(NoveltyOptions options) {
  require_option(options.activity_window > 0, "activity_window is at least 1");
  require_option(options.memory > options.activity_window, "memory is more than activity_window");
  require_option(options.memory > options.quiet, "memory is more than quiet");
  require_option(options.warm_up > 0 && options.warm_up < options.memory, "warm_up is 1 to memory - 1");
  require_option(options.activity_weight >= 0 && options.activity_weight <= 1, "activity_weight is 0 to 1");
  require_option(options.resolution >= 0 && std::isfinite(options.resolution), "resolution is 0 or more");
  require_option(options.false_alarms > 0 && options.false_alarms < 1, "false_alarms is between 0 and 1");
  return options;
}

NumberMemory memory_of(const std::vector<float>& numbers, std::size_t capacity, const char* name) {
  if (numbers.size() > capacity || !std::ranges::all_of(numbers, [](float x) { return std::isfinite(x); }))
    throw Failure(Errc::corrupt,
                  std::string("novelty: a state whose ") + name + " are too many or not finite");
  NumberMemory memory(capacity);
  for (const float number : numbers) memory.remember(number);
  return memory;
}

std::vector<float> listed(const NumberMemory& memory) {
  return {memory.by_age().begin(), memory.by_age().end()};
}

/// Every value since the first window brought an activity; the memories fill up one after the other.
bool agree(std::size_t values, std::size_t activities, const NoveltyOptions& options) {
  const std::size_t fewest = values - std::min(values, options.activity_window);
  return activities >= fewest && activities <= (values < options.memory ? fewest : options.memory);
}

}  // namespace

StreamNovelty::StreamNovelty(NoveltyOptions options)
    : options_(checked(options)),
      values_(options.memory),
      activities_(options.memory),
      strengths_(options.memory) {}

Novelty StreamNovelty::observe(float value) {
  if (!std::isfinite(value)) throw Failure(Errc::invalid, "novelty: a sample that is not finite");
  Novelty novelty;
  const double least_range = kLeastRange * values_.magnitude();
  if (values_.size() >= options_.warm_up) novelty.strength = values_.novelty(value, least_range);
  values_.remember(value);

  if (values_.size() > options_.activity_window) {
    const float now = activity();
    const double least_activity = kLeastRange * std::max(values_.range(), least_range);
    const double strength = options_.activity_weight * activities_.novelty(now, least_activity);
    if (activities_.size() >= options_.warm_up && strength > novelty.strength) {
      novelty.strength = strength;
      novelty.aspect = NoveltyAspect::activity;
    }
    activities_.remember(now);
  }

  const auto strength = static_cast<float>(novelty.strength);
  novelty.p_value = strengths_.share_at_least(strength);
  novelty.news = strength > recent_strength();
  novelty.alarm =
      novelty.news && novelty.strength >= options_.resolution && novelty.p_value <= options_.false_alarms;
  strengths_.remember(strength);
  return novelty;
}

/// The mean of the last steps' halves: halves, because a whole step may be more than a float holds.
float StreamNovelty::activity() const {
  const auto window = static_cast<std::ptrdiff_t>(options_.activity_window);
  double sum = 0;
  for (auto next = values_.by_age().end() - window; next != values_.by_age().end(); ++next)
    sum += std::abs(0.5 * *next - 0.5 * *(next - 1));
  return static_cast<float>(sum / static_cast<double>(window));
}

/// The strongest of the `quiet` samples before.
double StreamNovelty::recent_strength() const {
  const auto& all = strengths_.by_age();
  const auto first = all.end() - static_cast<std::ptrdiff_t>(std::min(options_.quiet, all.size()));
  return first == all.end() ? 0 : *std::max_element(first, all.end());
}

NoveltyState StreamNovelty::state() const {
  return {listed(values_), listed(activities_), listed(strengths_)};
}

void StreamNovelty::restore(const NoveltyState& state) {
  NumberMemory values = memory_of(state.values, options_.memory, "values");
  NumberMemory activities = memory_of(state.activities, options_.memory, "activities");
  NumberMemory strengths = memory_of(state.strengths, options_.memory, "strengths");
  if (strengths.size() != values.size() || !agree(values.size(), activities.size(), options_))
    throw Failure(Errc::corrupt, "novelty: a state of other options");
  values_ = std::move(values);
  activities_ = std::move(activities);
  strengths_ = std::move(strengths);
}

}  // namespace dormouse::memory
