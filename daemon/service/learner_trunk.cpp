// The learner of a model whose trunk may move (trainable: all): what a night reads then, and how memory is
// seen with another trunk.

#include <algorithm>

#include "daemon/service/learner.h"
#include "daemon/service/reembedding.h"
#include "daemon/service/trunk.h"
#include "learning/calibration.h"
#include "learning/linear_layer.h"
#include "learning/night.h"
#include "learning/step.h"

namespace dormouse::daemon {

using learning::ClassIndex;
using learning::LabelledLatents;

namespace {

constexpr std::size_t kCatchUp = 64;      // pieces: nobody waits long for a label meanwhile
constexpr std::size_t kLeastInputs = 10;  // of a class to train on; of fewer nobody should move a trunk

learning::LatentScale as_they_are(std::size_t width) {
  return {std::vector<float>(width, 0.0f), std::vector<float>(width, 1.0f)};
}

/// Fisher information in the coordinates of the whole model: nights that moved the trunk keep it so.
learning::Parameters fisher_of(const learning::Version* version, const engine::Graph& whole) {
  if (!version) return {};
  for (const auto& [name, weights] : learning::parameters_by_name(whole))
    if (!version->fisher.contains(name)) return {};
  return version->fisher;
}

}  // namespace

Learner::Examples Learner::inputs_of(std::span<const memory::Episode> episodes) const {
  const engine::Shape one = one_input(*parts_);
  const auto width = static_cast<std::size_t>(one.elements(0, one.rank()));
  learning::LabelledRows training(width), held_out(width);
  for (const memory::Episode& episode : episodes) {
    const auto clip = store_.clip(episode.id);
    // Of another model that had this name, a clip may have another size.
    if (clip && clip->values.size() == width)
      (episode.held_out() ? held_out : training).add(clip->values, class_of(episode));
  }
  return {training.take(), held_out.take()};
}

void Learner::read_inputs(learning::SleepInputs& night, std::span<const memory::Episode> labelled) const {
  const learning::Version* version = version_ ? &*version_ : nullptr;
  const learning::SeedInputs& kept = *parts_->learnable->seed_inputs;
  Examples taught = inputs_of(labelled);
  night.trainable = graph_of_rows(*parts_, version, Until::logits);
  night.trunk = graph_of_rows(*parts_, version, Until::latent);
  night.replay = kept.replay.rows();
  night.heldout = kept.heldout.rows();
  night.taught = std::move(taught.training);
  night.episodes.clear();
  night.taught_heldout = std::move(taught.held_out);
  night.scale = as_they_are(night.replay.width());
  night.fisher = fisher_of(version, night.trainable);
  // What is frozen is the inputs; which of them the best version had right is known of the one in service.
  night.core = night.heldout;
  const auto answers =
      learning::predictions(learning::run_part(night.trainable, night.core.latents, parts_->drivers));
  night.core_held.clear();
  for (std::size_t i = 0; i < answers.size(); ++i)
    night.core_held.push_back(answers[i] == night.core.classes[i]);
  night.core_classes = served_.model->slow_classes;
}

void Learner::check_inputs() const {
  if (!parts_->options.trainable.trunk) return;
  const std::string& name = parts_->options.name;
  if (!parts_->learnable->seed_inputs)
    throw Failure(Errc::conflict, name +
                                      ": a night that may move the trunk trains on raw inputs, and the seed "
                                      "keeps none; make it anew with --inputs, or set trainable to head.* or "
                                      "lora(8)");
  const Examples taught = inputs_of(labelled());
  const LabelledLatents all =
      learning::concatenate(parts_->learnable->seed_inputs->replay.rows(), taught.training);
  const auto rows = learning::rows_by_class(all, labels_.size());
  const auto named = labelled();
  std::string few;
  for (std::size_t c = 0; c < labels_.size(); ++c) {
    const bool known = c < parts_->learnable->labels.size() ||
                       std::ranges::any_of(named, [&](const auto& e) { return e.label == labels_[c]; });
    if (known && rows[c].size() < kLeastInputs)
      few += (few.empty() ? "" : ", ") + labels_[c] + " (" + std::to_string(rows[c].size()) + ")";
  }
  if (!few.empty())
    throw Failure(Errc::conflict,
                  name + ": too few inputs are kept to move the trunk, at least " +
                      std::to_string(kLeastInputs) + " of every class are needed: " + few +
                      "; teach more, raise memory.episodic.keep_inputs and memory.working.inputs, or set "
                      "trainable to head.* or lora(8)");
}

void Learner::embed(const learning::Version* version, std::size_t pieces) {
  const auto here = [this](const std::function<void(memory::Store&)>& work) { work(store_); };
  Reembedding work(here, parts_->options.name, embedding_of(version), trunk_of(*parts_, version));
  for (std::size_t i = 0; i < pieces && work.advance(); ++i) {
  }
}

std::size_t Learner::catch_up(const learning::Version& version) {
  if (version.embedding == served_.embedding_version) return 0;
  embed(&version, kCatchUp);
  return store_.without_latent(parts_->options.name, version.embedding);
}

std::shared_ptr<const learning::Seed> Learner::seed_for(const learning::Version* version) const {
  const auto& shipped = parts_->learnable->seed;
  if (!version || version->embedding == file_.embedding) return {parts_, shipped ? &*shipped : nullptr};
  if (seed_ && version->embedding == served_.embedding_version) return seed_;
  return std::make_shared<const learning::Seed>(seed_seen_by(*parts_, *version));
}

}  // namespace dormouse::daemon
