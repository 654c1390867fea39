#include "learning/arbiter.h"

#include <algorithm>

namespace dormouse::learning {
namespace {

constexpr double kPriorExamples = 2;

/// Weighted disagreements in which the fast head names one class.
struct Tally {
  double examples = 0, slow = 0, fast = 0;

  void add(double weight, bool slow_right, bool fast_right) {
    examples += weight;
    slow += slow_right ? weight : 0;
    fast += fast_right ? weight : 0;
  }
};

/// How many examples of each class are held out.
std::vector<double> count_by_class(std::span<const ClassIndex> truth, std::size_t classes) {
  std::vector<double> count(classes);
  for (const ClassIndex c : truth) ++count.at(c);
  return count;
}

}  // namespace

engine::Arbiter measure_arbiter(std::span<const ClassIndex> slow_predictions,
                                std::span<const ClassIndex> fast_predictions,
                                std::span<const ClassIndex> truth, std::size_t slow_classes,
                                std::size_t classes) {
  ensure(slow_predictions.size() == truth.size() && fast_predictions.size() == truth.size(),
         "the same examples");
  const std::vector<double> count = count_by_class(truth, classes);
  const double mass =
      static_cast<double>(truth.size()) / static_cast<double>(std::max<std::size_t>(classes, 1));
  std::vector<Tally> tally(classes);
  std::vector<double> recognised(classes);  // by the fast head, in examples
  Tally shared;                             // over the classes of both heads
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const ClassIndex named = fast_predictions[i], is = truth[i];
    recognised[is] += named == is;
    if (slow_predictions[i] == named) continue;
    if (named >= slow_classes && named == is) continue;  // counted by recognition instead
    const double weight = mass / count[is];
    tally[named].add(weight, slow_predictions[i] == is, named == is);
    if (named < slow_classes) shared.add(weight, slow_predictions[i] == is, named == is);
  }
  const double slow_pooled = (shared.slow + 1) / (shared.examples + kPriorExamples);
  const double fast_pooled = (shared.fast + 1) / (shared.examples + kPriorExamples);

  engine::Arbiter arbiter{std::vector<float>(classes), std::vector<float>(classes)};
  for (std::size_t c = 0; c < classes; ++c) {
    Tally t = tally[c];
    if (c < slow_classes) {
      t.slow += kPriorExamples * slow_pooled;
      t.fast += kPriorExamples * fast_pooled;
    } else {
      const double recall = (recognised[c] + 1) / (count[c] + kPriorExamples);
      t.slow += kPriorExamples * 0.25;
      t.fast += kPriorExamples * 0.5 + mass * recall;
      t.examples += mass * recall;
    }
    arbiter.slow[c] = static_cast<float>(t.slow / (t.examples + kPriorExamples));
    arbiter.fast[c] = static_cast<float>(t.fast / (t.examples + kPriorExamples));
  }
  return arbiter;
}

}  // namespace dormouse::learning
