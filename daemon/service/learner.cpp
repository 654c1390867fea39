#include "daemon/service/learner.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <ranges>
#include <unordered_map>

#include "config/log.h"
#include "daemon/service/consolidated.h"
#include "learning/arbiter.h"
#include "learning/calibration.h"
#include "learning/linear_layer.h"
#include "learning/ridge.h"
#include "learning/sgd_head.h"

namespace dormouse::daemon {
namespace {

using engine::DType;
using engine::Shape;
using engine::Tensor;
using learning::ClassIndex;
using learning::LabelledLatents;

constexpr std::size_t kSeedNeighbours = 256;  // sampled to measure the typical distance

/// The mean distance from a seed latent to its nearest neighbour of the same class.
float typical_distance(const LabelledLatents& seed) {
  const std::size_t step = std::max<std::size_t>(1, seed.size() / kSeedNeighbours);
  double total = 0;
  std::size_t counted = 0;
  for (std::size_t i = 0; i < seed.size(); i += step) {
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < seed.size(); ++j) {
      if (i == j || seed.classes[i] != seed.classes[j]) continue;
      double squared = 0;
      const auto a = seed.row(i), b = seed.row(j);
      for (std::size_t k = 0; k < a.size(); ++k) squared += double{a[k] - b[k]} * (a[k] - b[k]);
      nearest = std::min(nearest, squared);
    }
    if (std::isinf(nearest)) continue;
    total += std::sqrt(nearest);
    ++counted;
  }
  return counted > 0 ? static_cast<float>(total / static_cast<double>(counted)) : 0.0f;
}

constexpr std::int64_t kNow = std::numeric_limits<std::int64_t>::max();

}  // namespace

Learner::Learner(std::shared_ptr<const ModelParts> parts, const NightOptions& night, memory::Store& store,
                 learning::VersionStore* versions, const FileInService& file,
                 const memory::SemanticOptions& semantic)
    : parts_(std::move(parts)),
      night_(night),
      semantic_(semantic),
      store_(store),
      versions_(versions),
      file_(file) {
  auto model = std::make_shared<engine::PublishedModel>();
  model->name = parts_->options.name;
  model->normaliser = parts_->normaliser;
  served_.model = model;
  if (!parts_->learnable) {
    session_ = open_session(*parts_, nullptr);
    model->session = session_;
    served_.thinker = parts_->thinker;
    return;
  }
  served_.embedding_version = store_.embedding_version(parts_->options.name);
  labels_ = parts_->learnable->labels;
  for (const std::string& label : store_.labels(parts_->options.name)) class_of(label);
  Candidate candidate = last_good(file_.active);
  // It is another file, or the active version was damaged.
  if (file_.replaced || candidate.embedding != served_.embedding_version) change_trunk(candidate);
  see_with(candidate);
  take(std::move(candidate));
  take_core();
}

void Learner::change_trunk(const Candidate& candidate) {
  const std::string& name = parts_->options.name;
  const std::int64_t number = candidate.version ? candidate.version->number : 0;
  // Inputs are kept as the model was given them: normalised as it was used to.
  try {
    if (file_.same_inputs) embed(candidate.version ? &*candidate.version : nullptr, kEveryPiece);
  } catch (const Failure& failure) {  // it may have several inputs: memory is no reason not to serve
    log(Level::warning,
        "model " + name + ": what memory keeps cannot be seen with it: " + failure.error().context);
  }
  const std::size_t retired = store_.without_latent(name, candidate.embedding);
  store_.activate(name, number, candidate.embedding);
  log(Level::warning,
      "model " + name + ": what memory holds was seen with another file or version of it; " +
          (retired == 0 ? std::string("all of it was embedded anew")
                        : std::to_string(retired) + " episodes, whose inputs were not kept or normalised in "
                                                    "another way, compare with nothing until that one is in "
                                                    "service again"));
}

void Learner::see_with(const Candidate& candidate) {
  seed_ = candidate.seed;
  served_.embedding_version = candidate.embedding;
  served_.typical_distance = seed_ ? typical_distance(seed_->replay) : 0;
  served_.concepts =
      std::make_shared<const std::vector<memory::Concept>>(store_.concepts(parts_->options.name));
  const auto stale = [this](const memory::Concept& known) {
    return known.mean.size() != parts_->learnable->latent_size ||
           known.embedding_version != served_.embedding_version;
  };
  if (served_.concepts->empty() || std::ranges::any_of(*served_.concepts, stale)) consolidate();
  rebuild_index();
  rebuild_fast();
  served_.fresh_labels = count_fresh_labels();
  rebuild_guard();
}

bool Learner::fits(const memory::Episode& episode) const {
  return episode.latent.codes.size() == parts_->learnable->latent_size &&
         episode.embedding_version == served_.embedding_version;
}

std::optional<memory::Episode> Learner::seen_now(memory::Episode inference) const {
  if (fits(inference)) return inference;
  if (inference.clip.empty()) return std::nullopt;
  const Shape shape{std::span(inference.clip.shape)};
  const auto outputs = session_->run(std::array{Tensor::from<float>(shape, inference.clip.values)});
  inference.latent = memory::encode(outputs.back().values<float>(), store_.options().latents);
  inference.embedding_version = served_.embedding_version;
  return inference;
}

std::vector<memory::Episode> Learner::labelled() const {
  auto episodes = store_.labelled(parts_->options.name);
  std::erase_if(episodes, [this](const memory::Episode& episode) { return !fits(episode); });
  return episodes;
}

std::size_t Learner::count_fresh_labels() const {
  constexpr std::size_t kNights = 50;  // looked through for the model's last one
  Clock::Wall slept{};
  for (const memory::SleepRecord& sleep : store_.sleeps(kNights)) {
    using enum memory::SleepState;
    if (sleep.model != parts_->options.name || (sleep.state != accepted && sleep.state != rejected)) continue;
    slept = sleep.started;
    break;
  }
  const auto feedback = store_.feedback(parts_->options.name);
  return static_cast<std::size_t>(
      std::ranges::count_if(feedback, [&](const memory::Feedback& given) { return given.time > slept; }));
}

ClassIndex Learner::class_of(const std::string& label) {
  const auto found = std::ranges::find(labels_, label);
  const auto index = static_cast<ClassIndex>(found - labels_.begin());
  if (found == labels_.end()) labels_.push_back(label);
  return index;
}

ClassIndex Learner::class_of(const memory::Episode& labelled) const {
  const auto found = std::ranges::find(labels_, *labelled.label);
  ensure(found != labels_.end(), "a label that was given has a number");
  return static_cast<ClassIndex>(found - labels_.begin());
}

std::unique_ptr<learning::FastHead> Learner::starting_head() const {
  const Learnable& learnable = *parts_->learnable;
  const FastWeights fast = parts_->options.fast;
  if (fast != FastWeights::sgd && (fast != FastWeights::automatic || seed_)) {
    learning::Statistics start(learnable.labels.size(), learning::ClassStatistics(learnable.latent_size));
    if (seed_) start = seed_->statistics;
    using Head = learning::RidgeHead;
    auto head =
        std::make_unique<Head>(learnable.latent_size, start,
                               fast == FastWeights::ridge ? Head::Options{} : Head::Options::discriminants());
    auto let_go = consolidated(store_, parts_->options.name, labels_, learnable.latent_size);
    while (!let_go.empty() && let_go.back().count == 0) let_go.pop_back();
    if (!let_go.empty()) head->absorb(let_go);
    return head;
  }
  const auto head = learning::as_linear_head(learnable.trainable);
  const learning::Statistics statistics = seed_ ? seed_->statistics : learning::Statistics{};
  return std::make_unique<learning::SgdHead>(
      learnable.latent_size, learnable.labels.size(), head ? &*head : nullptr,
      learning::scale_of(statistics, learnable.latent_size),
      learning::SgdHead::Options{.rate = static_cast<float>(night_.fast_lr)});
}

// The feedback log is replayed label by label, corrections included, so that the state is the one that
// serving had.
std::unique_ptr<learning::FastHead> Learner::fast_as_of(std::int64_t sequence) {
  auto fast = starting_head();
  std::unordered_map<memory::EpisodeId, memory::Episode> episodes;
  for (memory::Episode& episode : labelled()) episodes.emplace(episode.id, std::move(episode));
  std::unordered_map<memory::EpisodeId, std::string> current;
  for (const memory::Feedback& feedback : store_.feedback(parts_->options.name)) {
    if (feedback.sequence > sequence) break;
    const auto episode = episodes.find(feedback.episode);
    if (episode == episodes.end()) continue;
    const auto before = current.find(feedback.episode);
    learn(*fast, episode->second, feedback.label,
          before == current.end() ? std::nullopt : std::optional(before->second));
    current.insert_or_assign(feedback.episode, feedback.label);
  }
  return fast;
}

void Learner::rebuild_fast() {
  fast_ = fast_as_of(kNow);
  held_out_taught_ = taught().held_out;
  slow_answers_.clear();
}

void Learner::rebuild_guard() {
  guard_.emplace(parts_, seed_, store_, file_);
  for (const memory::Episode& episode : labelled()) guard_->labelled(episode, *episode.label, std::nullopt);
}

void Learner::learn(learning::FastHead& fast, const memory::Episode& episode, const std::string& label,
                    const std::optional<std::string>& previous) {
  const ClassIndex index = class_of(label);
  // No wider than serving was at this label: a softmax over classes yet to come would learn otherwise.
  fast.grow(std::max<std::size_t>(fast.classes(), index + 1));
  if (episode.held_out()) return;
  const std::vector<float> latent = memory::dequantise(episode.latent);
  if (previous) fast.unlearn(latent, class_of(*previous));
  fast.observe(latent, index);
}

Learner::Examples Learner::split(std::span<const memory::Episode> episodes) const {
  const std::size_t width = parts_->learnable->latent_size;
  learning::LabelledRows training(width), held_out(width);
  std::vector<memory::EpisodeId> trained_on;
  for (const memory::Episode& episode : episodes) {
    (episode.held_out() ? held_out : training).add(memory::dequantise(episode.latent), class_of(episode));
    if (!episode.held_out()) trained_on.push_back(episode.id);
  }
  return {training.take(), held_out.take(), std::move(trained_on)};
}

LabelledLatents Learner::with_seed(const LabelledLatents& held_out) const {
  return seed_ ? learning::concatenate(seed_->heldout, held_out) : held_out;
}

bool Learner::remember(const memory::Episode& episode) {
  const auto seen = seen_now(episode);
  if (!seen || !store_.remember(*seen)) return false;
  return enter(*seen, class_of(seen->prediction), false);
}

memory::Taught Learner::teach(memory::EpisodeId id, const std::optional<memory::Episode>& recent,
                              const std::string& label) {
  const auto stored = store_.find(id);
  if (stored && (stored->model != parts_->options.name || !fits(*stored)))
    throw Failure(Errc::invalid, "episode " + std::to_string(id) + ": it is model '" + stored->model +
                                     "' as it was then that answered it; teach that one");
  const auto seen = recent && !stored ? seen_now(*recent) : recent;
  if (recent && !seen)
    throw Failure(Errc::gone, "episode " + std::to_string(id) +
                                  ": the model's trunk has changed since, and its input was not kept; ask "
                                  "again and teach that answer");
  const memory::Taught taught = seen ? store_.teach(*seen, label) : store_.label(id, label);
  const memory::Episode episode = *store_.find(id);
  learn(*fast_, episode, label, taught.previous);
  const ClassIndex index = class_of(label);
  if (!index_->relabel(id, index, true) && fits(episode)) enter(episode, index, true);
  if (episode.held_out()) hold_out(episode, index, taught.previous.has_value());
  guard_->labelled(episode, label, taught.previous);
  ++served_.fresh_labels;
  refresh();
  return taught;
}

void Learner::take(Candidate candidate) {
  session_ = std::move(candidate.session);
  slow_ = std::move(candidate.slow);
  kernel_ = std::move(candidate.kernel);
  slow_answers_.clear();
  version_ = std::move(candidate.version);
  viewed_ = 0;
  refresh();
}

// A label is acknowledged after this: what did not change since the last one is not computed anew.
const std::vector<ClassIndex>& Learner::slow_answers(const LabelledLatents& examples) {
  const std::size_t known = slow_answers_.size();
  if (known >= examples.size()) return slow_answers_;
  const Tensor fresh = examples.latents.rows(std::int64_t(known), std::int64_t(examples.size() - known));
  const Tensor logits = slow_->run(std::array{fresh})[0];
  const auto answers = learning::predictions(kernel_ ? kernel_->pool(logits, fresh) : logits);
  slow_answers_.insert(slow_answers_.end(), answers.begin(), answers.end());
  return slow_answers_;
}

void Learner::hold_out(const memory::Episode& episode, ClassIndex label, bool corrected) {
  if (corrected) {  // it moves to the end
    held_out_taught_ = taught().held_out;
    slow_answers_.clear();
    viewed_ = 0;
    return;
  }
  learning::LabelledRows row(parts_->learnable->latent_size);
  row.add(memory::dequantise(episode.latent), label);
  held_out_taught_ = learning::concatenate(held_out_taught_, row.take());
}

float Learner::network_temperature() const {
  if (version_) return version_->temperature;
  return seed_ ? seed_->temperature : 1.0f;
}

void Learner::refresh() {
  const Learnable& learnable = *parts_->learnable;
  auto model = std::make_shared<engine::PublishedModel>();
  model->name = parts_->options.name;
  model->normaliser = parts_->normaliser;
  model->session = session_;
  model->labels = labels_;
  model->version = version_ ? version_->number : 0;
  model->slow_classes = version_ ? version_->labels.size() : learnable.labels.size();
  model->slow_temperature = kernel_ ? 1.0f : network_temperature();
  model->kernel = kernel_;
  fast_->grow(labels_.size());
  model->fast = fast_->head();
  if (const LabelledLatents examples = held_out(); examples.size() > 0) {
    const Tensor fast = learning::calibrate(*model->fast, examples);
    model->arbiter = learning::measure_arbiter(slow_answers(examples), learning::predictions(fast),
                                               examples.classes, model->slow_classes, labels_.size());
  }
  served_.model = std::move(model);
  view_held_out();
}

void Learner::consolidate() {
  std::vector<memory::ShippedLatent> shipped;
  if (seed_)
    for (std::size_t i = 0; i < seed_->replay.size(); ++i)
      shipped.push_back({seed_->labels[seed_->replay.classes[i]], seed_->replay.row(i)});
  memory::consolidate(store_, parts_->options.name, parts_->learnable->latent_size, shipped, semantic_);
  served_.concepts =
      std::make_shared<const std::vector<memory::Concept>>(store_.concepts(parts_->options.name));
}

}  // namespace dormouse::daemon
