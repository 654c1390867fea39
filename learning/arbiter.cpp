#include "learning/arbiter.h"

namespace dormouse::learning {
namespace {

struct Tally {
  double examples = 0, slow = 0, fast = 0;
};

constexpr double kPriorExamples = 2;

}  // namespace

engine::Arbiter measure_arbiter(std::span<const ClassIndex> slow_predictions,
                                std::span<const ClassIndex> fast_predictions,
                                std::span<const ClassIndex> truth, std::size_t slow_classes,
                                std::size_t classes) {
  ensure(slow_predictions.size() == truth.size() && fast_predictions.size() == truth.size(),
         "the same examples");
  std::vector<Tally> tally(classes);
  Tally shared, taught;  // pooled over the classes of both heads, and over those of the fast head alone
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (slow_predictions[i] == fast_predictions[i]) continue;
    const ClassIndex named = fast_predictions[i];
    for (Tally* t : {&tally[named], named < slow_classes ? &shared : &taught}) {
      ++t->examples;
      t->slow += slow_predictions[i] == truth[i];
      t->fast += fast_predictions[i] == truth[i];
    }
  }
  engine::Arbiter arbiter{std::vector<float>(classes), std::vector<float>(classes)};
  for (std::size_t c = 0; c < classes; ++c) {
    const bool known = c < slow_classes;
    const Tally& pool = known ? shared : taught;
    const double slow_prior = (pool.slow + (known ? 1.0 : 0.5)) / (pool.examples + kPriorExamples);
    const double fast_prior = (pool.fast + 1.0) / (pool.examples + kPriorExamples);
    const double total = tally[c].examples + kPriorExamples;
    arbiter.slow[c] = static_cast<float>((tally[c].slow + kPriorExamples * slow_prior) / total);
    arbiter.fast[c] = static_cast<float>((tally[c].fast + kPriorExamples * fast_prior) / total);
  }
  return arbiter;
}

}  // namespace dormouse::learning
