#include <algorithm>
#include <limits>
#include <map>
#include <ranges>
#include <unordered_map>

#include "config/log.h"
#include "daemon/service/learner.h"
#include "learning/calibration.h"

// A learner's nights: what they read, and which of the versions that they made is in service.
namespace dormouse::daemon {
namespace {

using learning::LabelledLatents;

/// Of these labelled episodes, those that had a label by the feedback `sequence`, with the one they had
/// then, in the order in which it was given.
std::vector<memory::Episode> labelled_as_of(const memory::Store& store, const std::string& model,
                                            const std::vector<memory::Episode>& episodes,
                                            std::int64_t sequence) {
  std::unordered_map<memory::EpisodeId, const memory::Episode*> known;
  for (const memory::Episode& episode : episodes) known.emplace(episode.id, &episode);
  std::unordered_map<memory::EpisodeId, memory::Feedback> newest;
  for (const memory::Feedback& given : store.feedback(model))
    if (given.sequence <= sequence && known.contains(given.episode))
      newest.insert_or_assign(given.episode, given);
  std::map<std::int64_t, memory::Episode> ordered;
  for (const auto& [id, given] : newest) {
    memory::Episode& episode = ordered.emplace(given.sequence, *known.at(id)).first->second;
    episode.label = given.label;
  }
  std::vector<memory::Episode> result;
  for (auto& [at, episode] : ordered) result.push_back(std::move(episode));
  return result;
}

std::string by_hand_key(const std::string& model) { return "by-hand/" + model; }

}  // namespace

std::string rolled_back_key(const std::string& model, std::int64_t version) {
  return "rolled-back/" + model + "/" + std::to_string(version);
}

learning::SleepInputs Learner::sleep_inputs(std::string id) const {
  return night(std::move(id), labelled(), labels_.size(), served_.model->fast);
}

learning::SleepInputs Learner::sleep_inputs_as_of(std::string id, std::int64_t sequence,
                                                  std::size_t classes) {
  if (classes > labels_.size()) throw Failure(Errc::corrupt, "labels that the night knew are gone");
  const auto episodes = labelled_as_of(store_, parts_->options.name, labelled(), sequence);
  const auto fast = fast_as_of(sequence);
  if (fast->classes() > classes) throw Failure(Errc::corrupt, "what the night learnt from was let go since");
  fast->grow(classes);
  engine::LinearHead head = fast->head();
  if (const LabelledLatents examples = with_seed(split(episodes).held_out); examples.size() > 0)
    learning::calibrate(head, examples);
  return night(std::move(id), episodes, classes, std::move(head));
}

learning::SleepInputs Learner::night(std::string id, std::span<const memory::Episode> episodes,
                                     std::size_t classes, std::optional<engine::LinearHead> fast) const {
  const bool latents = !parts_->options.trainable.trunk;
  Examples examples = split(episodes);
  learning::SleepInputs inputs;
  inputs.id = std::move(id);
  inputs.model = parts_->options.name;
  inputs.trainable = trainable_of(*parts_, version_ ? &*version_ : nullptr);
  inputs.labels.assign(labels_.begin(), labels_.begin() + static_cast<std::ptrdiff_t>(classes));
  inputs.taught = std::move(examples.training);
  inputs.episodes = std::move(examples.episodes);
  if (latents) inputs.self_labelled = self_labelled();
  inputs.taught_heldout = std::move(examples.held_out);
  inputs.temperature = network_temperature();
  inputs.kernel = kernel_;
  inputs.fast = std::move(fast);
  if (seed_) {
    inputs.replay = seed_->replay;
    inputs.heldout = seed_->heldout;
    inputs.scale = learning::scale_of(seed_->statistics, parts_->learnable->latent_size);
    inputs.fisher = seed_->fisher;
  }
  if (version_ && !version_->fisher.empty()) inputs.fisher = version_->fisher;
  guard_->brief(inputs);
  if (!latents) read_inputs(inputs, episodes);
  return inputs;
}

std::int64_t Learner::sequence() const {
  const auto feedback = store_.feedback(parts_->options.name);
  return feedback.empty() ? 0 : feedback.back().sequence;
}

void Learner::slept(std::int64_t sequence) {
  const auto feedback = store_.feedback(parts_->options.name);
  served_.fresh_labels = static_cast<std::size_t>(std::ranges::count_if(
      feedback, [&](const memory::Feedback& given) { return given.sequence > sequence; }));
}

void Learner::adopt(std::optional<learning::Version> version, std::shared_ptr<const learning::Seed> seed) {
  Candidate candidate = open(std::move(version), std::move(seed));
  const bool moved = candidate.embedding != served_.embedding_version;
  if (moved) see_with(candidate);
  take(std::move(candidate));
  if (moved) take_core();
}

void Learner::roll_back(std::int64_t number) {
  go_back(number);
  store_.put(std::array{memory::Entry{by_hand_key(parts_->options.name), std::to_string(number)}});
}

std::optional<std::string> Learner::retreat() {
  const std::string& name = parts_->options.name;
  if (!night_.live_guard || !version_) return std::nullopt;
  auto why = guard_->worse_in_life(*version_);
  if (!why || store_.get(by_hand_key(name)) == std::to_string(version_->number)) return std::nullopt;
  const std::int64_t worse = version_->number;
  go_back(version_->parent);
  store_.put(std::array{memory::Entry{rolled_back_key(name, worse), *why}});
  return why;
}

learning::CoreSet Learner::core_after(const learning::Version& version) const {
  auto episodes = labelled();
  std::erase_if(episodes, [](const memory::Episode& episode) { return !episode.held_out(); });
  return guard_->after(version, episodes);
}

// Opened first, recorded second, used last: whatever fails, disk and service agree.
void Learner::go_back(std::int64_t number) {
  Candidate candidate = open(number == 0 ? std::nullopt : std::optional(versions_->load(number)));
  const bool moved = candidate.embedding != served_.embedding_version;
  if (moved) embed(candidate.version ? &*candidate.version : nullptr, kEveryPiece);
  store_.activate(parts_->options.name, number, moved ? std::optional(candidate.embedding) : std::nullopt);
  if (moved) see_with(candidate);
  take(std::move(candidate));
  if (moved) take_core();
}

// The core set is of one trunk: seen with another it starts from the seed, and what the version in service
// has right.
void Learner::take_core() {
  if (!version_ || guard_->has_core()) return;
  learning::CoreSet core = core_after(*version_);
  store_.put(std::array{guard_->entry(core)});
  guard_->take(std::move(core));
}

Learner::Candidate Learner::open(std::optional<learning::Version> version,
                                 std::shared_ptr<const learning::Seed> seed) const {
  const learning::Version* chosen = version ? &*version : nullptr;
  if (chosen && !std::ranges::equal(chosen->labels, labels_ | std::views::take(chosen->labels.size())))
    throw Failure(Errc::corrupt, parts_->options.name + ": version " + std::to_string(chosen->number) +
                                     " has other labels than the model and memory");
  auto session = open_session(*parts_, chosen);
  auto slow = std::make_unique<engine::Session>(trainable_of(*parts_, chosen), parts_->drivers);
  if (!seed) seed = seed_for(chosen);
  auto kernel = open_kernel(*parts_, chosen);
  const std::int64_t embedding = embedding_of(chosen);
  return {std::move(version), std::move(session), std::move(slow),
          std::move(seed),    std::move(kernel),  embedding};
}

Learner::Candidate Learner::last_good(std::int64_t active) const {
  const auto skipped = [this](std::int64_t number, const Error& error) {
    log(Level::error, parts_->options.name + ": version " + std::to_string(number) +
                          " cannot be used and is passed over: " + error.context);
  };
  while (auto version = versions_->last_good(active, skipped)) {
    const std::int64_t number = version->number;
    try {
      return open(std::move(version));
    } catch (const Failure& failure) {
      skipped(number, failure.error());
    }
    active = number - 1;
  }
  return open(std::nullopt);
}

}  // namespace dormouse::daemon
