#include "learning/seed.h"

#include <algorithm>
#include <cmath>

#include "engine/session.h"
#include "learning/calibration.h"
#include "learning/fisher.h"
#include "learning/random.h"
#include "learning/standardise.h"

namespace dormouse::learning {
namespace {

void check_data(const LabelledLatents& data, std::size_t classes, std::string_view which) {
  const auto rows = rows_by_class(data, classes);
  if (rows.size() > classes)
    throw Failure(Errc::invalid, std::string(which) + " has class " + std::to_string(rows.size() - 1) +
                                     ", but there are " + std::to_string(classes) + " labels");
  for (std::size_t c = 0; c < classes; ++c)
    if (rows[c].empty())
      throw Failure(Errc::invalid, std::string(which) + " has no example of class " + std::to_string(c));
}

/// Up to `limit` rows of every class, drawn at random.
LabelledLatents sample_per_class(const LabelledLatents& data, std::size_t classes, std::size_t limit,
                                 Random& random) {
  std::vector<std::size_t> kept;
  for (auto& rows : rows_by_class(data, classes)) {
    random.shuffle(rows);
    rows.resize(std::min(rows.size(), limit));
    kept.insert(kept.end(), rows.begin(), rows.end());
  }
  return gather(data, kept);
}

Tensor run(const engine::Graph& part, const Tensor& latents) {
  return engine::Session(part, {}).run(std::span(&latents, 1)).at(0);
}

}  // namespace

std::vector<bool> heldout_rows(std::span<const ClassIndex> classes, const SeedOptions& options) {
  std::vector<std::vector<std::size_t>> rows;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] >= rows.size()) rows.resize(classes[i] + 1);
    rows[classes[i]].push_back(i);
  }
  Random random(options.seed);
  std::vector<bool> heldout(classes.size());
  for (auto& of_class : rows) {
    random.shuffle(of_class);
    const auto wanted = static_cast<std::size_t>(
        std::lround(options.heldout_fraction * static_cast<double>(of_class.size())));
    const std::size_t count =
        std::min({std::max<std::size_t>(wanted, 1), options.heldout_per_class, of_class.size() / 2});
    for (std::size_t i = 0; i < count; ++i) heldout[of_class[i]] = true;
  }
  return heldout;
}

Seed make_seed(const engine::Graph& trainable, std::vector<std::string> labels, const LabelledLatents& train,
               const LabelledLatents& heldout, const engine::InputNormaliser& normaliser,
               const SeedOptions& options) {
  check_data(train, labels.size(), "the seed's training data");
  check_data(heldout, labels.size(), "the seed's held-out data");
  if (train.width() != heldout.width())
    throw Failure(Errc::invalid, "the seed's training and held-out latents differ in width");
  Random random(options.seed);
  Seed seed;
  seed.replay = sample_per_class(train, labels.size(), options.replay_per_class, random);
  seed.heldout = sample_per_class(heldout, labels.size(), options.heldout_per_class, random);
  seed.statistics = statistics_of(train, labels.size());
  seed.temperature = fit_temperature(run(trainable, seed.heldout.latents), seed.heldout.classes, 1.0f);
  seed.normaliser = normaliser;

  const Standardised part(trainable, scale_of(seed.statistics, train.width()));
  const Tensor latents = part.apply(seed.replay.latents);
  FisherEstimator fisher(part.graph());
  for (std::size_t i = 0; i < options.fisher_samples; ++i)
    fisher.add(
        latents.values<float>().subspan(random.below(seed.replay.size()) * train.width(), train.width()),
        FisherLabels::exact, random);
  seed.fisher = fisher.mean();
  seed.labels = std::move(labels);
  return seed;
}

}  // namespace dormouse::learning
