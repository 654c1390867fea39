#include "daemon/service/planning.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <sstream>

#include "daemon/service/describe.h"
#include "daemon/service/service.h"
#include "daemon/service/unfinished.h"
#include "learning/puzzle.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::size_t kRecords = 512;  // plans that `why` can tell of

constexpr std::array kEnds{hrm::Halt::verified, hrm::Halt::sure, hrm::Halt::stable, hrm::Halt::budget};

double milliseconds(std::chrono::nanoseconds time) {
  return rounded(std::chrono::duration<double, std::milli>(time).count());
}

}  // namespace

Planning::Planning(Service& service) : service_(service), records_(kRecords) {
  for (const auto& [name, entry] : service_.models())
    if (planner_of(entry)) models_[name];
}

const Entry* Planning::planner_of(const Entry& entry) const {
  if (entry.parts->thinker) return &entry;
  const std::string& planner = entry.parts->options.planner;
  if (planner.empty() || entry.parts->learnable) return nullptr;
  return &service_.models().at(planner);
}

std::uint64_t Planning::Model::answers() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t so_many : halts) sum += so_many;
  return sum;
}

void Planning::count(Model& model, const Plan& plan) {
  ++model.halts[static_cast<std::size_t>(plan.halt)];
  model.low += plan.route == hrm::Route::low;
  model.steps += static_cast<std::uint64_t>(plan.steps);
  model.times.observe(plan.time);
}

std::string Planning::drawing(const Entry& entry, const engine::Tensor& x, const Plan& plan) const {
  const std::string& puzzle = planner_of(entry)->parts->thinker->planner.puzzle();
  const auto cells = std::ssize(plan.answer);
  for (const learning::PuzzleKind& kind : learning::puzzle_kinds())
    if (kind.name == puzzle && (kind.size > 0 ? cells == kind.size * kind.size : x.elements() == 3 * cells))
      return kind.draw(x, plan.answer);
  return "";
}

void Planning::answered(const Entry& entry, const InferenceJob& job, const Answered& answered) {
  const std::string& name = entry.parts->options.name;
  Model& model = models_.at(name);
  const engine::Shape& all = answered.result.outputs.back().shape();
  engine::Shape cells;
  for (std::size_t axis = 1; axis < all.rank(); ++axis) cells.push_back(all[axis]);
  Unfinished left;
  for (std::size_t row = 0; row < answered.ids.size(); ++row) {
    const Plan& plan = answered.result.plans[row];
    const auto first = static_cast<std::int64_t>(row);
    records_.put({.id = answered.ids[row],
                  .model = name,
                  .cells = cells,
                  .plan = plan,
                  .drawing = drawing(entry, job.inputs[0].rows(first, 1), plan)});
    ++model.put_off[static_cast<std::size_t>(plan.pressure.put_off)];
    if (!plan.provisional) {
      count(model, plan);
      continue;
    }
    ++model.provisional;
    if (auto why = why_unfinished(model.waiting, until_.stop_requested())) {
      records_.find(answered.ids[row])->error = *why;
      left.add(answered.ids[row], std::move(*why));
      continue;
    }
    ++model.waiting;
    asio::co_spawn(service_.io(), finish(name, row_alone(job, row), answered.ids[row]),
                   [](std::exception_ptr error) {
                     if (error) std::rethrow_exception(error);
                   });
  }
  announce_unfinished(service_.events(), name, left);
}

asio::awaitable<void> Planning::finish(std::string name, InferenceJob job, memory::EpisodeId id) {
  const Entry& entry = service_.model(name);
  const Entry& planner = *planner_of(entry);
  Model& model = models_.at(name);
  json::object object{{"model", name}, {"episode", id}};
  PlanRecord* record = nullptr;
  try {
    job.stop = until_.get_token();
    Plan plan;
    auto work = [&](std::function<bool()> may_go_on) {
      job.may_go_on = std::move(may_go_on);
      plan = think(job, *planner.parts->thinker, 0);
      return plan.halt != hrm::Halt::preempted;
    };
    auto done = service_.behind_requests(planner.parts->options.name, std::move(work), job.stop);
    co_await std::move(done);
    count(model, plan);
    object["route"] = word(plan.route);
    for (auto& [key, value] : describe(plan)) object[key] = value;
    object["answer"] = json::value_from(plan.answer);
    record = records_.find(id);
    if (record) {
      record->final_drawing = drawing(entry, job.inputs[0], plan);
      record->final = std::move(plan);
    }
  } catch (const Failure& failure) {
    const std::string why = until_.stop_requested() ? "the daemon stops" : failure.error().context;
    object["error"] = why;
    record = records_.find(id);
    if (record) record->error = why;
  }
  --model.waiting;
  service_.events().publish(json::serialize(object), "answer");
}

void Planning::stop() { until_.request_stop(); }

std::optional<json::object> Planning::status(const Entry& entry) const {
  const auto found = models_.find(entry.parts->options.name);
  if (found == models_.end()) return std::nullopt;
  const Model& model = found->second;
  const hrm::Planner& planner = planner_of(entry)->parts->thinker->planner;
  json::object object{{"puzzle", planner.puzzle()},
                      {"verifier", static_cast<bool>(planner.verifier())},
                      {"halt", planner.halt() ? json::value(*planner.halt()) : json::value(nullptr)},
                      {"provisional", model.provisional},
                      {"waiting", model.waiting}};
  if (!entry.parts->thinker) object["put_off"] = describe(model.put_off);
  const std::uint64_t all = model.answers();
  if (all == 0) return object;
  json::object halts;
  for (const hrm::Halt why : kEnds)
    if (const std::uint64_t so_many = model.halts[static_cast<std::size_t>(why)]) halts[word(why)] = so_many;
  object["answers"] = all;
  object["low"] = model.low;
  object["halts"] = std::move(halts);
  object["steps"] = rounded(static_cast<double>(model.steps) / static_cast<double>(all));
  object["p50_ms"] = milliseconds(model.times.quantile(0.5));
  object["p95_ms"] = milliseconds(model.times.quantile(0.95));
  return object;
}

void Planning::measure(Metrics& metrics) const {
  for (const auto& [name, model] : models_) {
    for (const hrm::Halt why : kEnds)
      metrics.measured(
          "planner_answers_total", "Planners' answers by why they ended",
          [&so_many = model.halts[static_cast<std::size_t>(why)]] { return static_cast<double>(so_many); },
          {{"model", name}, {"halt", std::string(word(why))}});
    metrics.measured("planner_steps_total", "Steps that they took",
                     [&model = model] { return static_cast<double>(model.steps); }, {{"model", name}});
    metrics.measured("planner_provisional_total",
                     "Answers that were cut short by the latency budget, or by load",
                     [&model = model] { return static_cast<double>(model.provisional); }, {{"model", name}});
    metrics.measured(
        "planner_put_off_total", "Of them, those of a cheap model whose planner was not asked at once",
        [&model = model] { return static_cast<double>(total(model.put_off)); }, {{"model", name}});
    metrics.measured("planner_waiting", "Of them, those that are still thought about",
                     [&model = model] { return static_cast<double>(model.waiting); }, {{"model", name}});
  }
}

std::string sentence_of(const Plan& plan) {
  using enum hrm::Halt;
  if (plan.route == hrm::Route::low)
    return !plan.provisional ? "the cheap model's answer holds, so the planner was not asked"
           : plan.pressure.put_off == PutOff::load
               ? "the cheap model's answer does not hold, and too many requests wait for the planner to be "
                 "asked now"
               : "the cheap model's answer does not hold, and there was no time for the planner";
  std::ostringstream said;
  said << plan.steps << (plan.steps == 1 ? " step" : " steps");
  if (plan.turns > 0) said << ", begun anew from " << (plan.turns == 1 ? "another side" : "other sides");
  said << ": ";
  const std::string steps = said.str();
  switch (plan.halt) {
    case verified:
      return steps + "the verifier accepts the answer";
    case sure:
      return steps + "the halting head is sure enough of the answer";
    case stable:
      return steps + "no other answer came any more";
    case budget:
      return steps + "it may take no more";
    default:
      return steps + "the best answer by the end of the latency budget";
  }
}

json::object describe(const Plan& plan) {
  json::object object{{"halt", halt_word(plan)},
                      {"steps", plan.steps},
                      {"right", rounded(double{plan.right})},
                      {"milliseconds", milliseconds(plan.time)}};
  if (plan.turns > 0) object["turns"] = plan.turns;
  if (plan.verified) object["verified"] = *plan.verified;
  return object;
}

json::object describe(const PlanRecord& record) {
  const auto with_answer = [](const Plan& plan, const std::string& drawing) {
    json::object object = describe(plan);
    object["answer"] = json::value_from(plan.answer);
    if (!drawing.empty()) object["drawing"] = drawing;
    return object;
  };
  json::object object{{"model", record.model},
                      {"sentence", sentence_of(record.plan)},
                      {"route", word(record.plan.route)},
                      {"provisional", record.plan.provisional},
                      {"pressure", describe(record.plan.pressure)},
                      {"shape", json::value_from(std::vector(record.cells.begin(), record.cells.end()))}};
  for (auto& [key, value] : with_answer(record.plan, record.drawing)) object[key] = value;
  if (!record.plan.provisional) return object;
  if (record.final)
    object["final"] = with_answer(*record.final, record.final_drawing);
  else if (!record.error.empty())
    object["final"] = json::object{{"error", record.error}};
  else
    object["final"] = "waits";
  return object;
}

}  // namespace dormouse::daemon
