#include "daemon/service/inference.h"

#include <algorithm>

namespace dormouse::daemon {
namespace {

using engine::Tensor;

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

RowAnswer answer_row(const InferenceJob& job, const hrm::Router& router, std::size_t row,
                     std::span<const float> logits, std::span<const float> latent) {
  RowAnswer answer;
  answer.executor = engine::arbitrate(*job.served.model, logits, latent);
  answer.latent.assign(latent.begin(), latent.end());
  // Memory is asked even when the executor suffices: novelty needs its nearest neighbour.
  const Recalled recalled = recall(job.served, latent, job.neighbours, {.without_held_out = true});
  answer.novelty = hrm::novelty(recalled.neighbours, job.served.typical_distance);
  const auto& low = answer.executor.probabilities;
  answer.decision =
      router.accepts(low) ? router.low(low) : router.hybrid(low, {recalled.neighbours, recalled.concepts});
  if (answer.decision.route != hrm::Route::low && job.planner && router.wants_planner(answer.decision))
    answer.decision = ask_planner(job, row, router, answer.decision);
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

InferenceResult infer(const InferenceJob& job) {
  const engine::PublishedModel& model = *job.served.model;
  InferenceResult result;
  result.outputs = model.session->run(job.inputs, job.stop);
  if (model.labels.empty()) return result;
  const Tensor latents = std::move(result.outputs.back());
  result.outputs.pop_back();
  const Tensor& logits = result.outputs.front();
  const hrm::Router router(job.router);
  const auto rows = static_cast<std::size_t>(logits.shape()[0]);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto first = static_cast<std::int64_t>(row);
    result.rows.push_back(answer_row(job, router, row, logits.rows(first, 1).values<float>(),
                                     latents.rows(first, 1).values<float>()));
  }
  return result;
}

}  // namespace dormouse::daemon
