// What a Learner does with episodes beyond learning them: forgetting and asking for labels.

#include <algorithm>
#include <array>
#include <cmath>

#include "daemon/service/consolidated.h"
#include "daemon/service/inference.h"
#include "daemon/service/learner.h"
#include "learning/arbiter.h"
#include "learning/calibration.h"
#include "learning/guard.h"

namespace dormouse::daemon {
namespace {

constexpr std::size_t kReviewed = 2000;  // the newest unlabelled episodes are looked at
constexpr float kUncertain = 0.5f;       // of uncertainty or novelty: from here on a label may tell something
constexpr std::size_t kCurveLabels = 20;   // fewer labels, or …
constexpr std::size_t kCurveHeldOut = 10;  // … fewer held-out ones say nothing about a plateau
constexpr double kPlateau = 0.01;          // of accuracy

/// Whether what survives in a concept may come from episodes that the selection means; nobody can tell.
bool may_hold(const memory::Concept& one, const memory::Selection& selection) {
  if (one.survived.count == 0 || selection.ids) return false;
  if (selection.label && one.label != *selection.label) return false;
  if (selection.before && one.survived_since >= *selection.before) return false;
  if (!selection.like) return true;
  const auto near = memory::nearest(std::span(&one, 1), selection.like->latent, 1);
  return !near.empty() && near[0].distance <= selection.like->within;
}

bool shares(const std::vector<memory::EpisodeId>& sorted, const std::vector<memory::EpisodeId>& others) {
  return std::ranges::any_of(others, [&](auto id) { return std::ranges::binary_search(sorted, id); });
}

double share_right(const learning::FastHead& head, const learning::LabelledLatents& examples) {
  const auto named = learning::predictions(learning::logits_of(head.head(), examples.latents));
  return learning::share_right(named, examples.classes);
}

}  // namespace

Forgotten Learner::forget(const memory::Selection& selection, bool dry_run) {
  Forgotten forgotten{store_.select(selection), 0};
  std::vector<std::int64_t> stripped;
  for (const memory::Concept& one : store_.concepts(parts_->options.name)) {
    const bool strip = may_hold(one, selection);
    if (strip) stripped.push_back(one.id);
    forgotten.concepts += strip || shares(forgotten.episodes, one.sources);
  }
  if (dry_run) return forgotten;
  forget_in_kernels(selection, forgotten.episodes);
  // What learning distilled of episodes that are gone already belongs into this transaction too.
  std::vector<memory::Entry> entries = guard_->without(forgotten.episodes);
  for (memory::Entry& entry : consolidated_without(store_, selection, labels_))
    entries.push_back(std::move(entry));
  store_.forget(forgotten.episodes, entries, stripped);
  consolidate();
  rebuild_index();  // a marked row would keep its codes in RAM
  rebuild_fast();
  rebuild_guard();
  served_.fresh_labels = count_fresh_labels();
  refresh();
  return forgotten;
}

// Before memory forgets them: a power cut in between leaves episodes that can be forgotten again, not latents
// that nobody knows of any more. An example whose episode memory let go may be one that the selection means.
void Learner::forget_in_kernels(const memory::Selection& selection, std::span<const memory::EpisodeId> ids) {
  const auto gone = [&](memory::EpisodeId id) {
    return id != 0 && (std::ranges::binary_search(ids, id) || (!selection.ids && !store_.find(id)));
  };
  const auto seat = versions_->forget(gone, version_ ? version_->number : 0);
  if (!seat) return;
  version_->kernel = *seat;
  kernel_ = open_kernel(*parts_, &*version_);
}

float Learner::alike_within() const {
  if (served_.typical_distance > 0) return served_.typical_distance;
  float least = 0;
  for (const memory::Concept& one : *served_.concepts)
    if (one.spread > 0 && (least == 0 || one.spread < least)) least = one.spread;
  return least;
}

std::vector<engine::Answer> Learner::think_again(const std::vector<memory::Episode>& episodes) const {
  const auto width = static_cast<std::int64_t>(parts_->learnable->latent_size);
  std::vector<engine::Answer> answers;
  for (const memory::Episode& episode : episodes) {
    const auto latent = engine::Tensor::from<float>({1, width}, memory::dequantise(episode.latent));
    const engine::Tensor logits = slow_->run(std::array{latent})[0];
    answers.push_back(engine::arbitrate(*served_.model, logits.values<float>(), latent.values<float>()));
  }
  return answers;
}

// Made anew for every night and never stored: what a person labels meanwhile is that person's.
learning::LabelledLatents Learner::self_labelled() const {
  if (!night_.self_label) return {};
  store_.flush();
  auto episodes = store_.unlabelled(parts_->options.name, kReviewed);
  std::erase_if(episodes, [this](const memory::Episode& one) { return !fits(one) || one.held_out(); });
  const auto answers = think_again(episodes);
  std::vector<float> values;
  learning::LabelledLatents sure;
  for (std::size_t i = 0; i < episodes.size(); ++i) {
    if (answers[i].confidence < *night_.self_label) continue;
    const std::vector<float> latent = memory::dequantise(episodes[i].latent);
    values.insert(values.end(), latent.begin(), latent.end());
    sure.classes.push_back(static_cast<learning::ClassIndex>(answers[i].predicted));
  }
  const engine::Shape shape{std::int64_t(sure.size()), std::int64_t(parts_->learnable->latent_size)};
  sure.latents = engine::Tensor::from<float>(shape, values);
  return sure;
}

Review Learner::review(std::size_t n) const {
  store_.flush();
  auto episodes = store_.unlabelled(parts_->options.name, kReviewed);
  std::erase_if(episodes, [this](const memory::Episode& episode) { return !fits(episode); });
  const auto answers = think_again(episodes);
  std::vector<memory::ReviewCandidate> candidates;
  Review review;
  review.unlabelled = episodes.size();
  for (std::size_t i = 0; i < episodes.size(); ++i) {
    memory::ReviewCandidate candidate{memory::dequantise(episodes[i].latent)};
    auto p = answers[i].probabilities;
    std::ranges::partial_sort(p, p.begin() + std::min<std::ptrdiff_t>(2, std::ssize(p)), std::greater{});
    candidate.uncertainty = p.size() < 2 ? 0 : 1 - (p[0] - p[1]);
    const Recalled known = recall(served_, candidate.latent, 1, {.labelled_only = true});
    candidate.novelty = hrm::novelty(known.neighbours, alike_within());
    review.uncertain += candidate.uncertainty >= kUncertain || candidate.novelty >= kUncertain;
    candidates.push_back(std::move(candidate));
  }
  for (const memory::ReviewChoice& choice : memory::choose_for_review(candidates, n, alike_within())) {
    const memory::ReviewCandidate& asked = candidates[choice.candidate];
    Question question{episodes[choice.candidate],
                      store_.clip(episodes[choice.candidate].id),
                      answers[choice.candidate].probabilities,
                      asked.uncertainty,
                      asked.novelty,
                      {}};
    for (const std::size_t i : choice.alike) question.alike.push_back(episodes[i].id);
    review.questions.push_back(std::move(question));
  }
  advise(review);
  return review;
}

void Learner::advise(Review& review) const {
  if (review.unlabelled == 0) {
    review.worthwhile = false;
    review.advice = "Nothing waits for a label: what was surprising has one.";
    return;
  }
  if (review.uncertain == 0) {
    review.worthwhile = false;
    review.advice =
        "Of " + std::to_string(review.unlabelled) +
        " unlabelled episodes none is uncertain or novel any more; more labels would hardly help.";
    return;
  }
  const Examples examples = taught();
  const learning::LabelledLatents held_out = this->held_out();
  const std::size_t labels = examples.training.size();
  if (labels < kCurveLabels || held_out.size() < kCurveHeldOut) return;
  const auto half = starting_head(), all = starting_head();
  half->grow(labels_.size());
  all->grow(labels_.size());
  for (std::size_t i = 0; i < labels; ++i) {
    if (i < labels / 2) half->observe(examples.training.row(i), examples.training.classes[i]);
    all->observe(examples.training.row(i), examples.training.classes[i]);
  }
  const double before = share_right(*half, held_out), after = share_right(*all, held_out);
  review.worthwhile = after - before >= kPlateau;
  review.advice = "The newer half of " + std::to_string(labels) + " labels took held-out accuracy from " +
                  learning::percent(before) + " to " + learning::percent(after) + " (" +
                  std::to_string(held_out.size()) + " examples)" +
                  (review.worthwhile ? "." : "; more labels of this kind would hardly help.");
}

}  // namespace dormouse::daemon
