#include "daemon/service/inference.h"

#include <algorithm>
#include <cstdio>

#include "hrm/prediction_set.h"
#include "hrm/signals.h"

namespace dormouse::daemon {
namespace {

using engine::Tensor;
using Time = std::chrono::steady_clock;

std::optional<std::uint32_t> index_of(const std::vector<std::string>& labels, const std::string& label) {
  const auto found = std::ranges::find(labels, label);
  if (found == labels.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - labels.begin());
}

/// The planner's calibrated answer to one row, and which labels its classes are.
hrm::Decision ask_planner(const InferenceJob& job, std::size_t row, const hrm::Router& router,
                          const hrm::Decision& before) {
  std::vector<Tensor> inputs;
  for (const Tensor& input : job.inputs) inputs.push_back(input.rows(static_cast<std::int64_t>(row), 1));
  const engine::PublishedModel& planner = *job.planner->model;
  const auto outputs = planner.session->run(inputs, job.stop);
  const engine::Answer answer =
      engine::arbitrate(planner, outputs.front().values<float>(), outputs.back().values<float>());
  std::vector<float> known;
  std::vector<std::uint32_t> classes;
  for (std::size_t i = 0; i < planner.labels.size(); ++i)
    if (const auto index = index_of(job.served.model->labels, planner.labels[i])) {
      classes.push_back(*index);
      known.push_back(answer.probabilities[i]);
    }
  return router.high(before, known, classes);
}

/// Of a router that is never satisfied.
hrm::Router insatiable(hrm::RouterOptions options) {
  options.accept = 2;
  return hrm::Router(options);
}

std::string sentence(const char* format, const RowAnswer& answer) {
  char text[160];
  std::snprintf(text, sizeof text, format, double{answer.score}, double{answer.threshold});
  return text;
}

/// Asks the planner, or leaves the answer provisional.
void go_high(const InferenceJob& job, const hrm::Router& router, RowAnswer& answer, std::size_t row) {
  const auto began = Time::now();
  if (job.planner_by && began > *job.planner_by) {
    answer.provisional = true;
    return;
  }
  answer.decision = ask_planner(job, row, router, answer.decision);
  answer.high_time = Time::now() - began;
}

/// Low, or as far as it has to go. `judge`: by a rule that is not the fixed one.
void decide_by(const hrm::Judge& judge, const InferenceJob& job, const hrm::Router& router, RowAnswer& answer,
               const hrm::Recollection& memory, std::size_t row) {
  const bool certified = judge.rule == hrm::Judge::Rule::certified;
  answer.rule = judge.rule;
  if (certified) answer.score = judge.gate.score(answer.signals), answer.threshold = judge.threshold;
  const auto& low = answer.executor.probabilities;
  if (certified && answer.score >= judge.threshold) {
    answer.decision = router.low(low);
    answer.decision.why.sentence =
        sentence("the certified gate gives the model's answer %.3f to be right, and %.3f is enough", answer);
    return;
  }
  const hrm::Router further = insatiable(job.router);
  answer.decision = further.hybrid(low, memory);
  if (job.planner) go_high(job, further, answer, row);
  answer.decision.why.accept = job.router.accept;
  answer.decision.why.sentence =
      certified
          ? sentence("the certified gate gives the model's answer %.3f, below %.3f, so the planner was asked",
                     answer)
          : "errors have risen, so nothing is accepted until audits certify a gate anew: the planner was "
            "asked";
}

/// An answer that nothing made sure of becomes a set of labels, where that is more than one.
void abstain(const InferenceJob& job, RowAnswer& answer) {
  hrm::Decision& decision = answer.decision;
  if (answer.complexity == hrm::Complexity::low || decision.confidence >= job.router.accept) return;
  std::vector<std::uint32_t> set = hrm::prediction_set(answer.executor.probabilities, *job.set_threshold);
  if (std::ranges::find(set, decision.predicted) == set.end()) set.push_back(decision.predicted);
  if (set.size() == 1) return;
  answer.set = std::move(set);
  decision.route = decision.why.route = hrm::Route::abstain;
  decision.why.sentence += "; nothing made sure of one label, so these are all that it may well be";
}

RowAnswer answer_row(const InferenceJob& job, const hrm::Router& router, std::size_t row,
                     std::span<const float> logits, std::span<const float> latent) {
  RowAnswer answer;
  answer.executor = engine::arbitrate(*job.served.model, logits, latent);
  answer.latent.assign(latent.begin(), latent.end());
  // Memory is asked even when the executor suffices: novelty and other signals need it.
  const Recalled recalled = recall(job.served, latent, job.neighbours, {.without_held_out = true});
  const hrm::Recollection memory{recalled.neighbours, recalled.concepts};
  const auto& low = answer.executor.probabilities;
  answer.signals = hrm::signals_of(low, logits, memory, job.served.typical_distance);
  answer.novelty = hrm::novelty(recalled.neighbours, job.served.typical_distance);
  if (job.judge && job.judge->rule != hrm::Judge::Rule::fixed) {
    decide_by(*job.judge, job, router, answer, memory, row);
  } else {
    answer.threshold = job.router.accept;
    answer.decision = router.hybrid(low, memory);
    if (job.planner && router.wants_planner(answer.decision)) go_high(job, router, answer, row);
  }
  const bool certified = answer.rule == hrm::Judge::Rule::certified;
  answer.complexity = certified ? hrm::complexity_of(answer.score, answer.threshold)
                                : hrm::complexity_of(answer.executor.confidence, job.router.accept);
  if (job.set_threshold && !answer.provisional) abstain(job, answer);
  if (answer.provisional)
    answer.decision.why.sentence +=
        "; the latency budget ends before the planner could answer, so this is provisional";
  return answer;
}

}  // namespace

Tensor InferenceResult::probabilities() const {
  const std::size_t classes = rows.front().decision.probabilities.size();
  Tensor result(engine::DType::f32,
                engine::Shape{static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(classes)});
  auto out = result.mutable_values<float>().begin();
  for (const RowAnswer& row : rows) out = std::ranges::copy(row.decision.probabilities, out).out;
  return result;
}

Recalled recall(const Served& served, std::span<const float> latent, std::size_t k,
                const memory::Filter& filter) {
  Recalled recalled;
  recalled.matches = served.index->search(latent, k, filter);
  for (const memory::Match& match : recalled.matches)
    recalled.neighbours.push_back({match.label, match.distance});
  for (const memory::ConceptMatch& match : memory::nearest_of_each_class(*served.concepts, latent))
    if (const auto label = index_of(served.model->labels, match.match->label))
      recalled.concepts.push_back({*label, match.distance, match.match->spread});
  return recalled;
}

HighAnswer ask_high(const InferenceJob& job, const RowAnswer& low) {
  const Recalled recalled = recall(job.served, low.latent, job.neighbours, {.without_held_out = true});
  const hrm::Router router = insatiable(job.router);
  const hrm::Decision before =
      router.hybrid(low.executor.probabilities, {recalled.neighbours, recalled.concepts});
  const auto began = Time::now();
  hrm::Decision decision = ask_planner(job, 0, router, before);
  return {std::move(decision), Time::now() - began};
}

InferenceResult infer(const InferenceJob& job) {
  const engine::PublishedModel& model = *job.served.model;
  const auto began = Time::now();
  InferenceResult result;
  result.outputs = model.session->run(job.inputs, job.stop);
  if (model.labels.empty()) return result;
  const Tensor latents = std::move(result.outputs.back());
  result.outputs.pop_back();
  const Tensor& logits = result.outputs.front();
  const hrm::Router router(job.router);
  const auto rows = static_cast<std::size_t>(logits.shape()[0]);
  const auto share = (Time::now() - began) / static_cast<std::int64_t>(std::max<std::size_t>(rows, 1));
  for (std::size_t row = 0; row < rows; ++row) {
    const auto row_began = Time::now();
    const auto first = static_cast<std::int64_t>(row);
    result.rows.push_back(answer_row(job, router, row, logits.rows(first, 1).values<float>(),
                                     latents.rows(first, 1).values<float>()));
    RowAnswer& answer = result.rows.back();
    answer.low_time = share + (Time::now() - row_began) - answer.high_time;
  }
  return result;
}

}  // namespace dormouse::daemon
