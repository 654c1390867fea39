#include "daemon/service/night_guard.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "config/log.h"
#include "learning/calibration.h"
#include "learning/files.h"
#include "learning/night.h"

namespace dormouse::daemon {
namespace {

using learning::CoreSet;

/// Where the slow head of this version (none: as shipped) is right on the core set, in its order.
std::vector<bool> right_on(const CoreSet& core, const ModelParts& parts, const learning::Version* version) {
  const std::vector<std::string>& labels = version ? version->labels : parts.learnable->labels;
  const auto known = core.known_among(labels).first;
  std::vector<bool> right(core.examples().size());
  if (known.size() == 0) return right;
  engine::Tensor logits = learning::run_part(trainable_of(parts, version), known.latents, parts.drivers);
  if (const auto kernel = open_kernel(parts, version)) logits = kernel->pool(logits, known.latents);
  const auto answers = learning::predictions(logits);
  for (std::size_t i = 0, row = 0; i < right.size(); ++i) {
    if (std::ranges::find(labels, core.examples()[i].label) == labels.end()) continue;
    right[i] = answers[row] == known.classes[row];
    ++row;
  }
  return right;
}

/// The trunk's latents of the seed say which trunk it is; without a seed their width and the file have to do.
std::string basis_of(const Learnable& learnable, const learning::Seed* seed, const FileInService& file) {
  if (!seed) {
    std::string width = "width " + std::to_string(learnable.latent_size);
    if (file.embedding < 0) width += " of file " + std::to_string(-file.embedding);
    return width;
  }
  return learning::sha256(std::as_bytes(seed->heldout.latents.values<float>()));
}

std::string share(const learning::LiveTally& tally) {
  char text[64];
  std::snprintf(text, sizeof text, "%zu of %zu", tally.wrong, tally.all());
  return text;
}

}  // namespace

NightGuard::NightGuard(std::shared_ptr<const ModelParts> parts, std::shared_ptr<const learning::Seed> seed,
                       memory::Store& store, const FileInService& file)
    : parts_(std::move(parts)),
      seed_(std::move(seed)),
      store_(store),
      since_(file.since),
      basis_(basis_of(*parts_->learnable, seed_.get(), file)) {
  const auto stored = store_.get(key());
  if (!stored) return;
  try {
    CoreSet core = learning::parse_core_set(*stored, key());
    if (core.basis() == basis_) core_ = std::move(core);
  } catch (const Failure& failure) {
    log(Level::error, failure.error().context + "; the guard starts from the seed again");
  }
}

CoreSet NightGuard::shipped() const {
  const Learnable& learnable = *parts_->learnable;
  CoreSet core(basis_);
  if (!seed_) return core;
  const learning::LabelledLatents& heldout = seed_->heldout;
  for (std::size_t i = 0; i < heldout.size(); ++i)
    core.add(0, seed_->labels[heldout.classes[i]], heldout.row(i));
  if (seed_.get() != (learnable.seed ? &*learnable.seed : nullptr)) return core;  // of another trunk
  core.measured(right_on(core, *parts_, nullptr), learnable.labels.size());
  return core;
}

void NightGuard::brief(learning::SleepInputs& inputs) const {
  const CoreSet core = current();
  std::tie(inputs.core, inputs.core_held) = core.known_among(inputs.labels);
  inputs.core_classes = core.classes();
}

CoreSet NightGuard::after(const learning::Version& version, std::span<const memory::Episode> held_out) const {
  const CoreSet before = current();
  CoreSet core = before;
  for (const memory::Episode& episode : held_out) {
    const bool learnt = std::ranges::find(version.labels, *episode.label) != version.labels.end();
    if (learnt && !before.knows(*episode.label))
      core.add(episode.id, *episode.label, memory::dequantise(episode.latent));
  }
  core.measured(right_on(core, *parts_, &version), version.labels.size());
  return core;
}

memory::Entry NightGuard::entry(const CoreSet& core) const { return {key(), learning::to_json(core)}; }

std::vector<memory::Entry> NightGuard::without(std::span<const memory::EpisodeId> ids) const {
  CoreSet rest = current();
  const auto gone = [&](memory::EpisodeId id) { return std::ranges::find(ids, id) != ids.end(); };
  if (!rest.forget(gone)) return {};
  return {entry(rest)};
}

void NightGuard::labelled(const memory::Episode& episode, const std::string& label,
                          const std::optional<std::string>& previous) {
  // Version 0 was another one before the file in service took its place.
  const bool ours = episode.version > 0 || episode.id >= since_;
  if (previous) {
    if (ours) live_.take_back(episode.version, *previous, episode.prediction == *previous);
    if (core_) {
      CoreSet corrected = *core_;
      corrected.relabel(episode.id, label);
      if (corrected != *core_) store_.put(std::array{entry(corrected)});
      core_ = std::move(corrected);
    }
  }
  if (ours) live_.add(episode.version, label, episode.prediction == label);
  news_ = true;
}

std::optional<std::string> NightGuard::worse_in_life(const learning::Version& version) {
  if (!std::exchange(news_, false)) return std::nullopt;
  const auto verdict = learning::compare(live_.of(version.parent), live_.of(version.number));
  if (verdict.after.all() < kLeastLabels || verdict.p_value >= kLevel) return std::nullopt;
  char p[16];
  std::snprintf(p, sizeof p, "%.2g", verdict.p_value);
  return "people's labels show version " + std::to_string(version.number) + " to be worse than " +
         std::to_string(version.parent) + ": wrong on " + share(verdict.after) + " answers after " +
         share(verdict.before) + " (p = " + p + ")";
}

}  // namespace dormouse::daemon
