#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "daemon/service/learner.h"
#include "hrm/audited_gate.h"
#include "hrm/router.h"

namespace dormouse::daemon {

/// A row that a planner's step thinks about: all that is needed to go on.
struct Thinking {
  hrm::Thought thought;
  std::chrono::nanoseconds time{};  ///< spent on it
};

/// Why the planner, which would have been asked, was not asked yet.
enum class PutOff : std::uint8_t { no, budget, load };
std::string_view word(PutOff why);
using PutOffs = std::array<std::uint64_t, 3>;  ///< answers by PutOff
/// Those that were put off.
inline std::uint64_t total(const PutOffs& answers) { return answers[1] + answers[2]; }

/// How things stood when a request was computed. It decides when the planner is asked, never whether the
/// cheap answer is believed: it says nothing of that.
struct Pressure {
  std::size_t waiting = 0;  ///< rows of people's requests that waited for their turn
  std::optional<std::chrono::nanoseconds> budget_left =
      {};  ///< once the cheap model had answered; nothing: none is set
  PutOff put_off = PutOff::no;
};

/// What thinking came to.
struct Plan {
  hrm::Route route = hrm::Route::high;  ///< low: the cheap model's answer stands
  hrm::Halt halt{};
  std::int64_t steps = 0;
  std::size_t turns = 0;         ///< how often it began anew, from another side
  float right = 0;               ///< the halting head's probability, or the cheap model's confidence
  std::optional<bool> verified;  ///< nothing: there is no verifier
  bool provisional = false;      ///< its time was over before anything said stop
  std::chrono::nanoseconds time{};
  std::vector<std::uint8_t> answer;  ///< the class of each cell
  Pressure pressure = {};            ///< of an answer that is a plan
};

/// Names of classes, by number.
using AnswerLabels = std::shared_ptr<const std::vector<std::string>>;

/// One row of a batch, answered.
struct RowAnswer {
  engine::Answer executor;
  hrm::Decision decision;
  AnswerLabels labels;  ///< see answer_labels()
  float novelty = 0;
  std::vector<float> latent;
  hrm::Signals signals{};
  hrm::Judge::Rule rule = hrm::Judge::Rule::fixed;
  float score = 0;           ///< of the certified gate; 0 by another rule
  float historic_error = 0;  ///< of answers like this one, as that gate learnt it
  float threshold = 0;       ///< that the score had to reach, or the confidence by the fixed rule
  hrm::Complexity complexity = hrm::Complexity::low;  ///< by score or confidence, and that threshold
  std::vector<std::uint32_t> set = {};                ///< of an answer that abstains: one of these, likely
  std::optional<Plan> plan = {};                      ///< where the planner is a step, and was asked
  bool provisional = false;  ///< the planner would have been asked, had there been time
  Pressure pressure = {};
  std::chrono::nanoseconds low_time{};   ///< model and memory; its share of a batch
  std::chrono::nanoseconds high_time{};  ///< the planner's; 0 when it was not asked
};

/// What a request gets: the model's own outputs, and an answer a row where the model has labels.
struct InferenceResult {
  std::vector<engine::Tensor> outputs;  ///< in the order of ModelParts::outputs
  std::vector<RowAnswer> rows;          ///< empty for a model without labels
  /// A row each where a planner's step answers cell by cell; the answer is the last of the outputs then, i64
  /// [rows, …cells].
  std::vector<Plan> plans = {};
  /// f32 [rows, labels]: the answers, as tensor; of at least one row.
  engine::Tensor probabilities() const;
};

/// What one inference reads. Values and shared immutable parts: it may run on any thread.
struct InferenceJob {
  Served served;
  std::optional<Served> planner;
  hrm::RouterOptions router;
  std::size_t neighbours = 16;
  std::vector<engine::Tensor> inputs;
  std::stop_token stop = {};
  std::shared_ptr<const hrm::Judge> judge = {};  ///< null: the fixed threshold decides
  std::size_t waiting = 0;                       ///< rows of people's requests, when this one got its turn
  std::optional<std::size_t> busy = {};          ///< from so many on the planner is put off, as without time
  std::optional<std::chrono::steady_clock::time_point> due = {};  ///< the end of the latency budget
  /// After this the planner is not asked any more, and what there is by then is provisional.
  std::optional<std::chrono::steady_clock::time_point> planner_by = {};
  /// What a planner's step thinks of each row, kept here so that an interrupted job goes on from there; null:
  /// there is no such planner.
  std::shared_ptr<std::vector<Thinking>> thoughts = {};
  std::int64_t steps = 0;  ///< that it takes at most; 0: as configured
  /// Then it stops with the best answer so far, which is provisional.
  std::optional<std::chrono::steady_clock::time_point> answer_by = {};
  std::function<bool()> may_go_on = {};     ///< asked between its steps; empty: always
  std::optional<float> set_threshold = {};  ///< see hrm::prediction_set; nothing: it never abstains
};

/// What a planner says, by class.
const std::vector<std::string>& labels_of(const Served& planner);

/// What an answer may be: the labels of the model, then those that only its planner, if there is one, knows.
AnswerLabels answer_labels(const Served& served, const std::optional<Served>& planner);

/// A row of `job`, and what was thought of it so far, as a job of its own that nothing hurries.
InferenceJob row_alone(const InferenceJob& job, std::size_t row);

/// Executor, memory, planner: as far as the router goes. Throws Failure(invalid) for inputs that do not fit,
/// Failure(expired) when it is to stop.
InferenceResult infer(const InferenceJob& job);

/// Goes on with what job.thoughts has of a row. Throws as infer().
Plan think(const InferenceJob& job, const Thinker& thinker, std::size_t row);

/// What another path says.
struct HighAnswer {
  hrm::Decision decision;
  std::chrono::nanoseconds time{};  ///< the planner's
  std::optional<Plan> plan = {};    ///< of a planner's step
};
/// What memory and planner, which there must be, say to the only row of `job`, which the executor answered
/// with `low`, as if nothing had been accepted. Throws as infer().
HighAnswer ask_high(const InferenceJob& job, const RowAnswer& low);

/// Neighbours and concepts of a latent under the labels of `served`.
struct Recalled {
  std::vector<memory::Match> matches;
  std::vector<hrm::Neighbour> neighbours;
  std::vector<hrm::PrototypeDistance> concepts;
};
Recalled recall(const Served& served, std::span<const float> latent, std::size_t k,
                const memory::Filter& filter = {});

}  // namespace dormouse::daemon
