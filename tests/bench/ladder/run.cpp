#include "tests/bench/ladder/run.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "learning/random.h"
#include "tests/bench/ladder/meter.h"

namespace dormouse::bench {
namespace {

constexpr std::size_t kAnswerRows = 500;
constexpr std::size_t kGlance = 1000;  // test examples that a look at a sleeper takes

/// The training examples of some tasks in shuffled batches, epoch after epoch.
class Batches {
 public:
  Batches(std::span<const Task> tasks, const Schedule& schedule, learning::Random& random)
      : tasks_(tasks), schedule_(schedule), random_(random) {
    for (std::size_t task = 0; task < tasks.size(); ++task)
      for (std::size_t i = 0; i < tasks[task].train.size(); ++i) order_.emplace_back(task, i);
    at_ = order_.size();
  }

  /// Nothing when the schedule is over.
  std::optional<learning::LabelledLatents> next() {
    if (schedule_.steps > 0 && steps_ == schedule_.steps) return std::nullopt;
    if (at_ == order_.size()) {
      if (schedule_.steps == 0 && epochs_ == schedule_.epochs) return std::nullopt;
      random_.shuffle(order_);
      at_ = 0;
      ++epochs_;
    }
    ++steps_;
    std::vector<std::vector<std::size_t>> positions(tasks_.size());
    const std::size_t end = std::min(at_ + schedule_.batch, order_.size());
    for (; at_ < end; ++at_) positions[order_[at_].first].push_back(order_[at_].second);
    learning::LabelledLatents batch;
    for (std::size_t task = 0; task < tasks_.size(); ++task)
      if (!positions[task].empty())
        batch = learning::concatenate(batch, tasks_[task].train.at(positions[task]));
    return batch;
  }

 private:
  std::span<const Task> tasks_;
  const Schedule& schedule_;
  learning::Random& random_;
  std::vector<std::pair<std::size_t, std::size_t>> order_;  ///< task, example
  std::size_t at_ = 0, epochs_ = 0, steps_ = 0;
};

/// Calls `seen(position, right)` for `count` test examples from the first on, evenly spread when that is not
/// all of them.
template <class Seen>
void test(Learner& learner, const Selection& examples, std::size_t count, Seen seen) {
  count = std::min(count, examples.size());
  for (std::size_t first = 0; first < count; first += kAnswerRows) {
    std::vector<std::size_t> positions;
    for (std::size_t i = first; i < std::min(first + kAnswerRows, count); ++i)
      positions.push_back(i * examples.size() / count);
    const learning::LabelledLatents asked = examples.at(positions);
    const engine::Tensor logits = learner.answer(asked.latents);
    const auto width = static_cast<std::size_t>(logits.shape()[1]);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      const auto row = logits.values<float>().subspan(i * width, width);
      seen(positions[i],
           std::ranges::max_element(row) - row.begin() == static_cast<std::ptrdiff_t>(asked.classes[i]));
    }
  }
}

double accuracy(Learner& learner, const Selection& examples, std::size_t count) {
  std::size_t right = 0, all = 0;
  test(learner, examples, count, [&](std::size_t, bool is_right) { right += is_right, ++all; });
  return 100.0 * static_cast<double>(right) / static_cast<double>(all);
}

std::vector<double> accuracies(Learner& learner, std::span<const Task> tasks) {
  std::vector<double> result;
  for (const Task& task : tasks) result.push_back(accuracy(learner, task.test, task.test.size()));
  return result;
}

/// Not inlined: instructions.cpp leaves it out by name.
[[gnu::noinline]] double glance(Learner& learner, std::span<const Task> tasks) {
  double sum = 0;
  for (const Task& task : tasks)
    sum += accuracy(learner, task.test, std::max<std::size_t>(kGlance / tasks.size(), 1));
  return sum / static_cast<double>(tasks.size());
}

double worst_person(Learner& learner, std::span<const Task> tasks) {
  std::map<std::uint32_t, std::pair<std::size_t, std::size_t>> people;  // right, all
  for (const Task& task : tasks)
    test(learner, task.test, task.test.size(), [&](std::size_t position, bool is_right) {
      auto& [right, all] = people[task.test.group(position)];
      right += is_right, ++all;
    });
  double worst = 100;
  for (const auto& [person, tally] : people)
    worst = std::min(worst, 100.0 * static_cast<double>(tally.first) / static_cast<double>(tally.second));
  return worst;
}

/// One day on `fresh` and the night after it; `met`: the tasks met so far.
class Day {
 public:
  Day(Learner& learner, Climb& climb) : learner_(learner), climb_(climb) {}

  void live(Batches fresh, std::span<const Task> met) {
    Meter awake;
    while (const auto batch = fresh.next()) {
      awake.start();
      learner_.observe(*batch);
      awake.stop();
    }
    note_bytes();
    climb_.seconds += awake.cpu_seconds();
    sleep(met);
  }

 private:
  void sleep(std::span<const Task> met) {
    Meter asleep;
    asleep.start();
    learner_.sleep([&] {
      asleep.stop();
      const double now = glance(learner_, met);
      climb_.lowest_asleep = std::min(climb_.lowest_asleep.value_or(now), now);
      asleep.start();
    });
    asleep.stop();
    note_bytes();
    ++climb_.sleeps;
    climb_.seconds += asleep.cpu_seconds();
    climb_.sleep_seconds += asleep.cpu_seconds();
    if (const auto count = asleep.instructions())
      climb_.sleep_instructions = climb_.sleep_instructions.value_or(0) + *count;
  }

  void note_bytes() { climb_.bytes = std::max(climb_.bytes, learner_.bytes()); }

  Learner& learner_;
  Climb& climb_;
};

}  // namespace

Climb climb(Learner& learner, const Stream& stream, const Schedule& schedule, std::uint64_t seed) {
  Climb result;
  learning::Random random(seed);
  const std::span<const Task> tasks = stream.tasks;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    Day(learner, result).live(Batches(tasks.subspan(t, 1), schedule, random), tasks.first(t + 1));
    result.accuracy.push_back(accuracies(learner, tasks.first(t + 1)));
  }
  result.worst_person = worst_person(learner, tasks);
  return result;
}

Climb climb_jointly(Learner& learner, const Stream& stream, const Schedule& schedule, std::uint64_t seed) {
  Climb result;
  learning::Random random(seed);
  Day(learner, result).live(Batches(stream.tasks, schedule, random), stream.tasks);
  result.accuracy.push_back(accuracies(learner, stream.tasks));
  result.worst_person = worst_person(learner, stream.tasks);
  return result;
}

}  // namespace dormouse::bench
