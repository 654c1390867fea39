#include "daemon/service/inference.h"

#include <algorithm>
#include <cstdio>
#include <ranges>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "hrm/prediction_set.h"
#include "hrm/signals.h"
#include "learning/calibration.h"

namespace dormouse::daemon {
namespace {

using engine::Tensor;
using Time = std::chrono::steady_clock;

std::optional<std::uint32_t> index_of(const std::vector<std::string>& labels, const std::string& label) {
  const auto found = std::ranges::find(labels, label);
  if (found == labels.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - labels.begin());
}

/// The planner's calibrated answer to one row, of all `labels`.
HighAnswer ask_planner(const InferenceJob& job, std::size_t row, const hrm::Router& router,
                       hrm::Decision before, const std::vector<std::string>& labels) {
  const auto began = Time::now();
  HighAnswer high;
  std::vector<float> probabilities;
  const Thinker* const thinker = job.planner->thinker.get();
  if (thinker) {
    high.plan = think(job, *thinker, row);
    const Tensor shares = learning::probabilities(job.thoughts->at(row).thought.logits, 1);
    probabilities.assign(shares.values<float>().begin(), shares.values<float>().end());
  } else {
    std::vector<Tensor> inputs;
    for (const Tensor& input : job.inputs) inputs.push_back(input.rows(static_cast<std::int64_t>(row), 1));
    const engine::PublishedModel& planner = *job.planner->model;
    const auto outputs = planner.session->run(inputs, job.stop);
    probabilities =
        engine::arbitrate(planner, outputs.front().values<float>(), outputs.back().values<float>())
            .probabilities;
  }
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  for (const std::string& label : labels) numbers.emplace(label, static_cast<std::uint32_t>(numbers.size()));
  std::vector<std::uint32_t> classes;
  for (const std::string& label : labels_of(*job.planner)) classes.push_back(numbers.at(label));
  before.probabilities.resize(labels.size());
  high.decision = router.high(before, probabilities, classes);
  high.time = high.plan ? high.plan->time : Time::now() - began;
  return high;
}

/// The class of every cell of every row, i64 [rows, …cells], of logits [?, classes, …cells].
Tensor cells_of(const std::vector<Plan>& plans, const engine::Shape& logits) {
  engine::Shape shape{static_cast<std::int64_t>(plans.size())};
  for (std::size_t axis = 2; axis < logits.rank(); ++axis) shape.push_back(logits[axis]);
  Tensor cells(engine::DType::i64, std::move(shape));
  auto out = cells.mutable_values<std::int64_t>().begin();
  for (const Plan& plan : plans) out = std::ranges::copy(plan.answer, out).out;
  return cells;
}

/// The least of the cells' confidences.
float confidence_of(const Tensor& logits) {
  const auto values = logits.values<float>();
  const auto classes = static_cast<std::size_t>(logits.shape()[1]), cells = values.size() / classes;
  Tensor by_cell(engine::DType::f32, {std::ssize(values) / logits.shape()[1], logits.shape()[1]});
  const auto rows = by_cell.mutable_values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) rows[i % cells * classes + i / cells] = values[i];
  const Tensor shares = learning::probabilities(by_cell, 1);
  float least = 1;
  for (std::size_t cell = 0; cell < cells; ++cell)
    least = std::min(least, std::ranges::max(shares.values<float>().subspan(cell * classes, classes)));
  return least;
}

/// Whether, and why, the planner is not asked now.
PutOff put_off(const InferenceJob& job) {
  if (job.planner_by && Time::now() >= *job.planner_by) return PutOff::budget;
  return job.busy && job.waiting >= *job.busy ? PutOff::load : PutOff::no;
}

/// As long as nothing is put off.
Pressure pressure_on(const InferenceJob& job) {
  Pressure pressure{.waiting = job.waiting};
  if (job.due) pressure.budget_left = *job.due - Time::now();
  return pressure;
}

/// The cheap model's answer where it is verified, or, where nothing verifies, confident; else the planner's.
Plan plan_row(const InferenceJob& job, const Thinker& thinker, const Tensor& logits, std::size_t row) {
  const hrm::Verify& verify = thinker.planner.verifier();
  Plan plan;
  plan.route = hrm::Route::low;
  plan.answer = hrm::likeliest(logits);
  plan.right = confidence_of(logits);
  bool stands = plan.right >= job.router.accept;
  if (verify)
    stands = *(plan.verified = verify(job.inputs[0].rows(static_cast<std::int64_t>(row), 1), plan.answer));
  plan.halt = !stands ? hrm::Halt::time : verify ? hrm::Halt::verified : hrm::Halt::sure;
  plan.provisional = !stands;
  Pressure pressure = pressure_on(job);
  if (!stands) pressure.put_off = put_off(job);
  if (!stands && pressure.put_off == PutOff::no) plan = think(job, thinker, row);
  plan.pressure = pressure;
  return plan;
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
  answer.pressure.put_off = put_off(job);
  answer.provisional = answer.pressure.put_off != PutOff::no;
  if (answer.provisional) return;
  HighAnswer high = ask_planner(job, row, router, answer.decision, *answer.labels);
  answer.decision = std::move(high.decision);
  answer.provisional = high.plan && high.plan->provisional;
  answer.plan = std::move(high.plan);
  answer.high_time = Time::now() - began;
}

/// Low, or as far as it has to go. `judge`: by a rule that is not the fixed one.
void decide_by(const hrm::Judge& judge, const InferenceJob& job, const hrm::Router& router, RowAnswer& answer,
               const hrm::Recollection& memory, std::size_t row) {
  const bool certified = judge.rule == hrm::Judge::Rule::certified;
  answer.rule = judge.rule;
  if (certified) {
    answer.score = judge.gate.score(answer.signals), answer.threshold = judge.threshold;
    answer.historic_error = static_cast<float>(judge.gate.historic_error(answer.signals));
  }
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
          ? sentence("the certified gate gives the model's answer %.3f, below %.3f, so the planner ", answer)
          : "errors have risen, or are to be feared, so nothing is accepted until audits certify a gate "
            "anew: the planner ";
  answer.decision.why.sentence +=
      answer.pressure.put_off == PutOff::no ? "was asked" : "would have been asked";
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

float novelty_of(const Served& served, const Recalled& recalled, const hrm::Signals& signals) {
  const bool seen =
      !recalled.neighbours.empty() && recalled.neighbours.front().label < served.model->slow_classes;
  const auto energy = seen ? std::optional(signals[hrm::kEnergy]) : std::nullopt;
  return hrm::novelty(recalled.neighbours, served.typical_distance, energy,
                      served.held_out ? served.held_out->energy : hrm::EnergyScale{});
}

RowAnswer answer_row(const InferenceJob& job, const hrm::Router& router, std::size_t row,
                     std::span<const float> logits, std::span<const float> latent,
                     const AnswerLabels& labels) {
  RowAnswer answer;
  answer.labels = labels;
  answer.executor = engine::arbitrate(*job.served.model, logits, latent);
  answer.latent.assign(latent.begin(), latent.end());
  // Memory is asked even when the executor suffices: novelty and other signals need it.
  const Recalled recalled = recall(job.served, latent, job.neighbours, {.without_held_out = true});
  const hrm::Recollection memory{recalled.neighbours, recalled.concepts};
  const auto& low = answer.executor.probabilities;
  answer.signals = hrm::signals_of(low, logits, memory, job.served.typical_distance);
  answer.novelty = novelty_of(job.served, recalled, answer.signals);
  answer.signals[hrm::kNovelty] = answer.novelty;
  answer.pressure = pressure_on(job);
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
        answer.pressure.put_off == PutOff::load
            ? "; too many requests wait for the planner to be asked now, so this is provisional"
            : "; the latency budget ends before the planner could answer for good, so this is provisional";
  return answer;
}

}  // namespace

std::string_view word(PutOff why) {
  return why == PutOff::load ? "load" : why == PutOff::budget ? "budget" : "no";
}

InferenceJob row_alone(const InferenceJob& job, std::size_t row) {
  InferenceJob alone = job;
  for (Tensor& input : alone.inputs) input = input.rows(static_cast<std::int64_t>(row), 1);
  if (job.thoughts) alone.thoughts = std::make_shared<std::vector<Thinking>>(1, job.thoughts->at(row));
  alone.answer_by.reset();
  alone.busy.reset();
  return alone;
}

Plan think(const InferenceJob& job, const Thinker& thinker, std::size_t row) {
  Thinking& thinking = job.thoughts->at(row);
  hrm::Thought& thought = thinking.thought;
  const auto began = Time::now();
  if (thought.steps == 0)
    thought = thinker.planner.begin(job.inputs.at(0).rows(static_cast<std::int64_t>(row), 1));
  hrm::PlanBudget budget{.steps = job.steps > 0 ? job.steps : thinker.steps, .may_go_on = job.may_go_on};
  if (job.answer_by) budget.time = std::max(*job.answer_by - began, Time::duration(0));
  Plan plan;
  plan.halt = thinker.planner.think(thought, budget, job.stop);
  thinking.time += Time::now() - began;
  plan.time = thinking.time;
  plan.steps = thought.steps;
  plan.turns = thought.turns;
  plan.right = thought.right;
  plan.answer = thought.answer;
  if (thinker.planner.verifier()) plan.verified = thought.verified;
  plan.provisional = plan.halt == hrm::Halt::time;
  return plan;
}

Tensor InferenceResult::probabilities() const {
  const std::size_t classes = rows.front().labels->size();
  Tensor result(engine::DType::f32,
                engine::Shape{static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(classes)});
  auto out = result.mutable_values<float>().begin();
  for (const RowAnswer& row : rows) {
    std::ranges::copy(row.decision.probabilities, out);  // of fewer classes where the planner was not asked
    out += static_cast<std::ptrdiff_t>(classes);
  }
  return result;
}

const std::vector<std::string>& labels_of(const Served& planner) {
  return planner.thinker ? planner.thinker->labels : planner.model->labels;
}

AnswerLabels answer_labels(const Served& served, const std::optional<Served>& planner) {
  const std::vector<std::string>& own = served.model->labels;
  const AnswerLabels alone(served.model, &own);
  if (own.empty() || !planner) return alone;
  const std::vector<std::string>& others = labels_of(*planner);
  // Mostly the same ones in the same order.
  if (std::ranges::equal(others, own | std::views::take(others.size()))) return alone;
  std::unordered_set<std::string_view> known(own.begin(), own.end());
  std::vector<std::string> all = own;
  for (const std::string& label : others)
    if (known.insert(label).second) all.push_back(label);
  return std::make_shared<const std::vector<std::string>>(std::move(all));
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
  return ask_planner(job, 0, router, before, *low.labels);
}

InferenceResult infer(const InferenceJob& job) {
  const engine::PublishedModel& model = *job.served.model;
  const auto began = Time::now();
  InferenceResult result;
  if (const Thinker* const thinker = job.served.thinker.get()) {
    for (std::size_t row = 0; row < job.thoughts->size(); ++row) {
      const Pressure pressure = pressure_on(job);
      result.plans.push_back(think(job, *thinker, row));
      result.plans.back().pressure = pressure;
    }
    if (result.plans.empty()) throw Failure(Errc::invalid, "a planner is asked about at least one row");
    result.outputs.push_back(cells_of(result.plans, job.thoughts->front().thought.logits.shape()));
    return result;
  }
  result.outputs = model.session->run(job.inputs, job.stop);
  if (model.labels.empty()) {
    if (!job.planner || !job.planner->thinker) return result;
    const Tensor logits = result.outputs.front();
    for (std::size_t row = 0; row < job.thoughts->size(); ++row)
      result.plans.push_back(
          plan_row(job, *job.planner->thinker, logits.rows(static_cast<std::int64_t>(row), 1), row));
    result.outputs.push_back(cells_of(result.plans, logits.shape()));
    return result;
  }
  const Tensor latents = std::move(result.outputs.back());
  result.outputs.pop_back();
  const Tensor& logits = result.outputs.front();
  const hrm::Router router(job.router);
  const AnswerLabels labels = answer_labels(job.served, job.planner);
  const auto rows = static_cast<std::size_t>(logits.shape()[0]);
  const auto share = (Time::now() - began) / static_cast<std::int64_t>(std::max<std::size_t>(rows, 1));
  for (std::size_t row = 0; row < rows; ++row) {
    const auto row_began = Time::now();
    const auto first = static_cast<std::int64_t>(row);
    result.rows.push_back(answer_row(job, router, row, logits.rows(first, 1).values<float>(),
                                     latents.rows(first, 1).values<float>(), labels));
    RowAnswer& answer = result.rows.back();
    answer.low_time = share + (Time::now() - row_began) - answer.high_time;
  }
  return result;
}

}  // namespace dormouse::daemon
